// Rows 19 and 20: Redis is there, and refuses: who we are, or whatever we ask.

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Group } from '../group.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { Run } from '../run.ts';
import { secretOf } from '../../__test__/fixtures/canary.ts';
import { now } from '../../__test__/fixtures/processes.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;
const slackMs = 5;
/** How long the refusal lasts: long enough for all to have noticed. */
const refusalMs = 3 * leaseMs;

const password = secretOf('first-Secret-7');
const otherPassword = secretOf('second-Secret-8');

/** What Redis refuses, or the candidates refuse of it, for a while. */
export interface Refusal {
  row: number;
  title: string;
  code: 'ERR_REDIS_REFUSED' | 'ERR_REDIS_FAILED' | 'ERR_REDIS_UNREACHABLE';
  /** What the errors with this code say. */
  words?: RegExp;
  /** The candidates come as the user `svc`, and not as the default one. */
  asUser?: boolean;
  begin(eye: RegisterEye): Promise<unknown>;
  proof(eye: RegisterEye): Promise<unknown>;
  end(eye: RegisterEye): Promise<unknown>;
}

const permit = (eye: RegisterEye) =>
  eye.send('ACL', 'SETUSER', 'svc', 'on', `>${password}`, '~*', '&*', '+@all');

export const killAll = async (eye: RegisterEye) => {
  await eye.send('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await eye.send('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
};

const refusals: Refusal[] = [
  {
    row: 19,
    title: 'the password is changed, and all connections end',
    code: 'ERR_REDIS_REFUSED',
    async begin(eye) {
      await eye.send('CONFIG', 'SET', 'requirepass', otherPassword);
      await killAll(eye);
    },
    proof: (eye) => isLogged(eye, 'auth'),
    end: (eye) => eye.send('CONFIG', 'SET', 'requirepass', password),
  },
  {
    row: 19,
    title: 'the right to run scripts is taken away',
    code: 'ERR_REDIS_REFUSED',
    // The one who looks on is the default user as well: its own rights stay.
    begin: (eye) => eye.send('ACL', 'SETUSER', 'default', '-eval', '-evalsha'),
    proof: (eye) => isLogged(eye, 'command'),
    end: (eye) => eye.send('ACL', 'SETUSER', 'default', '+@all'),
  },
  {
    row: 19,
    title: 'the user is deleted, and its connections end with it',
    code: 'ERR_REDIS_REFUSED',
    asUser: true,
    begin: (eye) => eye.send('ACL', 'DELUSER', 'svc'),
    proof: (eye) => isLogged(eye, 'auth'),
    end: permit,
  },
  {
    row: 19,
    title: 'the right to the keys is taken away',
    code: 'ERR_REDIS_REFUSED',
    asUser: true,
    begin: (eye) => eye.send('ACL', 'SETUSER', 'svc', 'resetkeys', '~others:*'),
    proof: (eye) => isLogged(eye, 'key'),
    end: permit,
  },
  {
    row: 20,
    title: 'maxclients is reached',
    code: 'ERR_REDIS_FAILED',
    async begin(eye) {
      await eye.send('CONFIG', 'SET', 'maxclients', '1');
      await killAll(eye);
    },
    proof: async (eye) => (await statistic(eye, 'rejected_connections')) > 0,
    end: (eye) => eye.send('CONFIG', 'SET', 'maxclients', '10000'),
  },
  {
    row: 20,
    title: 'MISCONF: a snapshot could not be written',
    code: 'ERR_REDIS_FAILED',
    async begin(eye) {
      // Where the file should be, a directory is in the way.
      mkdirSync(path.join(await directory(eye), 'dump.rdb', 'in-the-way'), { recursive: true });
      await eye.send('CONFIG', 'SET', 'save', '3600 1000000');
      await eye.send('BGSAVE');
    },
    proof: (eye) => isRefusedWith(eye, 'MISCONF'),
    async end(eye) {
      rmSync(path.join(await directory(eye), 'dump.rdb'), { recursive: true });
      await eye.send('CONFIG', 'SET', 'save', '');
    },
  },
  {
    row: 20,
    title: 'NOREPLICAS: too few replicas are there',
    code: 'ERR_REDIS_FAILED',
    begin: (eye) => eye.send('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    proof: (eye) => isRefusedWith(eye, 'NOREPLICAS'),
    end: (eye) => eye.send('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  },
];

const refusedFaults: Fault[] = refusals.map((refusal) => ({
  row: refusal.row,
  title: `${refusal.title}; later it is as before`,
  leaseMs,
  // All that watch begin anew: one lease, and the wait before the next attempt.
  boundMs: 2 * leaseMs,
  measures: 'from the end of the refusal to the next elected',
  shortRuns: 1,
  longRuns: 100,
  setUp: (bench) => setUp(bench, refusal),
}));

async function setUp(bench: Bench, refusal: Refusal) {
  const redis = await bench.redis({ password });
  const eye = bench.eye(redis);
  if (refusal.asUser) await permit(eye);
  const svc = { redis: { port: redis.port, username: 'svc', password } };
  const group = bench.group({ url: redis.url, options: refusal.asUser ? svc : {} });
  return whileRefused(group, eye, refusal);
}

/** A run in which nothing is granted for a while. */
export function whileRefused(group: Group, eye: RegisterEye, refusal: Refusal) {
  const { title, code, words, begin, proof, end } = refusal;
  return async (run: Run) => {
    const { leader, followers } = await group.steady();
    await eye.send('CONFIG', 'RESETSTAT');
    await eye.send('ACL', 'LOG', 'RESET');
    const mute = followers[0]!;
    await mute.call('ignoreErrors');
    const before = (await mute.call('warnings')).length;
    const struckAt = await run.strike(title, () => begin(eye));
    await run.prove('Redis refuses', () => proof(eye));
    // From here on nothing is granted; the refusal itself may have taken a while to begin.
    const refusedAt = now();
    await run.becomes('the leader has given up', async () => !(await leader.call('isLeader')));
    const ledForMs = group.ledUntil(leader, refusedAt);
    run.expect(
      ledForMs <= validMs + slackMs,
      `it gives up within D (${validMs} ms), not after ${ledForMs.toFixed(1)} ms`,
    );
    await run.becomes('it is told of each attempt', () => {
      const errors = errorsSince(leader.events, struckAt);
      const told = errors.filter((error) => error.code === code);
      return told.filter(({ message }) => !words || words.test(message)).length >= 2;
    });
    await run.becomes(
      'nobody may lead for as long as it lasts',
      () => msSince(struckAt) > refusalMs,
    );
    run.expect(group.electedSince(struckAt).length === 0, 'nobody is elected meanwhile');
    const warnings = (await mute.call('warnings')).slice(before);
    run.expect(warnings.length === 1, `one process warning for the outage, not ${warnings.length}`);
    for (const text of [...warnings, ...errorsSince(leader.events, struckAt)].map(
      (one) => one.message,
    ))
      run.expect(!/Secret/.test(text), `no password is told: ${text}`);

    const endedAt = run.note('it ends');
    await end(eye);
    const { event } = await group.elected(run, endedAt);
    run.recovered(endedAt, event.at);
    await run.becomes('all name one leader', () => group.agreed());
    // Who listens to nothing in this run listens again in the next.
    await group.kill(mute);
  };
}

const fromTheStart: Fault = {
  row: 19,
  title: 'a wrong password from the start; later it is right',
  leaseMs,
  boundMs: 2 * leaseMs,
  measures: 'from the right password to the start',
  shortRuns: 1,
  longRuns: 100,
  async setUp(bench) {
    const redis = await bench.redis({ password });
    const eye = bench.eye(redis);
    return async (run) => {
      await eye.send('CONFIG', 'RESETSTAT');
      await eye.send('ACL', 'LOG', 'RESET');
      await eye.send('CONFIG', 'SET', 'requirepass', otherPassword);
      const group = bench.group({ url: redis.url, kind: `late-${run.number}` });
      const starting = group.start(0);
      await run.strike('a candidate starts with a wrong password', () => {});
      await run.prove('Redis refuses it', () => isLogged(eye, 'auth'));
      const one = group.living[0]!;
      await run.becomes('it is told of each attempt', () => one.of('error').length >= 3);
      const errors = one.of('error').map(([error]) => error);
      run.expect(
        errors.every(({ code }) => code === 'ERR_REDIS_REFUSED'),
        `the code says that Redis refuses, not ${errors.map(({ code }) => code)}`,
      );
      run.expect(!errors.some(({ message }) => /Secret/.test(message)), 'no password is told');
      const endedAt = run.note('the password is right');
      await eye.send('CONFIG', 'SET', 'requirepass', password);
      await run.settles('start() resolves', starting);
      run.recovered(endedAt, now());
      run.expect(await one.call('isLeader'), 'it leads');
      await group.kill(one);
    };
  },
};

const busyMs = 3000;

const busy: Fault = {
  row: 20,
  title: 'a script keeps Redis BUSY for 3 s',
  leaseMs,
  boundMs: 2 * leaseMs,
  measures: 'from the end of the script to the next elected',
  shortRuns: 1,
  longRuns: 100,
  async setUp(bench) {
    const redis = await bench.redis({ args: ['--lua-time-limit', '50'] });
    const group = bench.group({ url: redis.url });
    const eye = bench.eye(redis);
    return async (run) => {
      const { leader } = await group.steady();
      const blocker = await redis.client();
      let blocked: Promise<unknown> = Promise.resolve();
      const struckAt = await run.strike(`a script that runs for ${busyMs} ms`, () => {
        blocked = blocker.sendCommand(['EVAL', busyScript, '0', String(busyMs * 1000)]);
      });
      await run.prove('Redis is BUSY', () =>
        eye.send('GET', 'x').then(
          () => false,
          (error: Error) => error.message.startsWith('BUSY'),
        ),
      );
      const busyAt = now();
      await run.becomes('the leader has given up', async () => !(await leader.call('isLeader')));
      const ledForMs = group.ledUntil(leader, busyAt);
      run.expect(
        ledForMs <= validMs + slackMs,
        `it gives up within D, not after ${ledForMs.toFixed(1)} ms`,
      );
      await blocked;
      const endedAt = run.note('the script has ended');
      blocker.destroy();
      const { event } = await group.elected(run, struckAt);
      run.recovered(endedAt, event.at);
      await run.becomes('all name one leader', () => group.agreed());
    };
  },
};

const busyScript = `local function us() local t = redis.call('TIME'); return t[1] * 1000000 + t[2] end
redis.replicate_commands()
local begin = us()
while us() - begin < tonumber(ARGV[1]) do end
return 1`;

export const refused: Fault[] = [...refusedFaults, fromTheStart, busy];

function errorsSince(events: { name: string; args: any[]; at: bigint }[], since: bigint) {
  return events.filter(({ name, at }) => name === 'error' && at > since).map(({ args }) => args[0]);
}

function msSince(at: bigint): number {
  return Number(now() - at) / 1e6;
}

async function directory(eye: RegisterEye): Promise<string> {
  return ((await eye.send('CONFIG', 'GET', 'dir')) as string[])[1]!;
}

async function isRefusedWith(eye: RegisterEye, word: string): Promise<boolean> {
  return eye.send('SET', 'refused', '1').then(
    () => false,
    (error: Error) => error.message.startsWith(word),
  );
}

/** Whether the server's log of refusals has one for this reason. */
async function isLogged(eye: RegisterEye, reason: string): Promise<boolean> {
  const log = (await eye.send('ACL', 'LOG')) as unknown[];
  return log.flat().includes(reason);
}

async function statistic(eye: RegisterEye, name: string): Promise<number> {
  const info = String(await eye.send('INFO', 'stats'));
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? NaN);
}
