// Row 13: Redis itself goes away and comes back, with what it knew or without.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import { now } from '../../__test__/fixtures/processes.ts';
import type { RedisServer } from '../../__test__/fixtures/redis-server.ts';

const leaseMs = 800;

interface Outage {
  title: string;
  /** Arguments of redis-server. */
  args: string[];
  /** Whether it ends in good order, or by SIGKILL. */
  end: 'stop' | 'kill';
  downMs: number;
}

const aof = ['--appendonly', 'yes', '--appendfsync', 'always'];

const outages: (Outage & Pick<Fault, 'shortRuns' | 'longRuns' | 'limitMs'>)[] = [
  { title: 'Redis restarted with AOF', args: aof, end: 'stop', downMs: 0 },
  { title: 'Redis with AOF down for 1.5 L', args: aof, end: 'stop', downMs: 1.5 * leaseMs },
  { title: 'Redis killed without persistence, back at once', args: [], end: 'kill', downMs: 0 },
  {
    title: 'Redis killed without persistence, down for 1.5 L',
    args: [],
    end: 'kill',
    downMs: 1.5 * leaseMs,
  },
  {
    title: 'Redis killed without persistence, down for 60 s',
    args: [],
    end: 'kill',
    downMs: 60_000,
    shortRuns: 1,
    longRuns: 20,
    limitMs: 120_000,
  },
];

export const redisDown: Fault[] = [
  ...outages.map(({ title, shortRuns = 1, longRuns = 50, limitMs, ...outage }): Fault => ({
    row: 13,
    title,
    leaseMs,
    boundMs: leaseMs + 200,
    measures: 'from the end of the outage until one leader stands',
    shortRuns,
    longRuns,
    ...(limitMs === undefined ? {} : { limitMs }),
    setUp: (bench) => down(bench, outage),
  })),
  {
    row: 13,
    title: 'Redis killed, and LOADING an older snapshot for more than L',
    leaseMs,
    boundMs: leaseMs + 200,
    measures: 'from the end of LOADING until one leader stands',
    shortRuns: 1,
    longRuns: 50,
    setUp: loading,
  },
];

async function down(bench: Bench, { args, end, downMs }: Omit<Outage, 'title'>) {
  const redis = await bench.redis({ args });
  const group = bench.group({ url: redis.url });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    const { leader } = await group.steady();
    const before = await eye.read();
    const pid = redis.pid;
    const struckAt = await run.strike(`Redis: ${end}, down for ${downMs} ms`, async () => {
      if (end === 'kill') await redis.kill();
      else if (downMs > 0) await stopButKeep(redis);
    });
    if (downMs > 0) {
      await run.prove('nobody answers on its port', () => !answers(redis));
      await run.becomes(
        'the leader gives up',
        async () => !(await leader.call('isLeader')),
        leaseMs + 200,
      );
      await sleep(downMs);
      run.expect(group.electedSince(struckAt).length === 0, 'nobody is elected meanwhile');
    }
    await redis.restart();
    const backAt = run.note('Redis accepts connections again');
    await run.prove('it is another process', () => redis.pid !== pid);
    await recovery(run, { group, eye, backAt, struckAt, before, mustRise: downMs > leaseMs });
  };
}

const keys = 400;
/** For each key that is loaded, in µs. */
const delayUs = 3000;

async function loading(bench: Bench) {
  // Events are served, and refused with LOADING, after so many bytes that were loaded.
  const slow = [
    '--key-load-delay',
    String(delayUs),
    '--loading-process-events-interval-bytes',
    '1024',
  ];
  const redis = await bench.redis({ args: slow });
  const group = bench.group({ url: redis.url });
  const eye = bench.eye(redis);
  for (let key = 0; key < keys; key++) await eye.send('SET', `ballast:${key}`, 'x'.repeat(64));
  return async (run: Run) => {
    const { leader } = await group.steady();
    // What is loaded is the register as it was before some renewals.
    await eye.send('SAVE');
    const { beat } = await eye.read();
    await run.becomes('renewals', async () => (await eye.read()).beat >= beat + 2);
    const before = await eye.read();
    const struckAt = await run.strike('Redis is killed, and loads its snapshot slowly', () =>
      redis.kill(),
    );
    const back = redis.restart();
    await run.prove('it answers LOADING', async () => (await refusal(redis)).includes('LOADING'));
    await run.settles('it has loaded', back);
    const backAt = run.note('Redis has loaded');
    run.expect(group.electedSince(struckAt).length === 0, 'nobody is elected meanwhile');
    run.expect(!(await leader.call('isLeader')), 'the leader has given up');
    await recovery(run, { group, eye, backAt, struckAt, before, mustRise: true });
  };
}

type Eye = ReturnType<Bench['eye']>;
type Group = ReturnType<Bench['group']>;

interface Situation {
  group: Group;
  eye: Eye;
  struckAt: bigint;
  backAt: bigint;
  before: { term: number; stamp: string };
  mustRise: boolean;
}

async function recovery(
  run: Run,
  { group, eye, struckAt, backAt, before, mustRise }: Situation,
): Promise<void> {
  const { leader, at } = await eye.standing(run, group, { at: struckAt, stamp: before.stamp });
  run.recovered(backAt, at);
  run.expect((await run.becomes('all name it', () => group.agreed())) === leader, 'it stays');
  const { term } = await eye.read();
  const elections = group.electedSince(struckAt).length;
  if (mustRise) run.expect(term > before.term, 'the term has risen');
  else run.expect(term >= before.term, 'the term has not fallen');
  run.expect(elections === (term > before.term ? 1 : 0), `one election at most (${elections})`);
}

/** Ends the server in good order, and leaves what it has on disk. */
async function stopButKeep(redis: RedisServer): Promise<void> {
  const eye = await redis.client();
  // It answers by closing the connection.
  await eye.sendCommand(['SHUTDOWN']).catch(() => {});
  eye.destroy();
  const end = now() + 5_000_000_000n;
  while (answers(redis) && now() < end) await sleep(5);
}

function answers(redis: RedisServer): boolean {
  try {
    process.kill(redis.pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function refusal(redis: RedisServer): Promise<string> {
  try {
    await redis.cli('PING');
    return '';
  } catch (error) {
    return String(error);
  }
}
