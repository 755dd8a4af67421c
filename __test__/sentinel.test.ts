// Sentinels name the master, and tell when another server takes its place.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisOptions } from 'incumbent';
import { canary, secretOf } from './fixtures/canary.ts';
import { incumbent, type Report } from './fixtures/command.ts';
import { eventually } from './fixtures/eventually.ts';
import { Fleet, theLeader } from './fixtures/fleet.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import { msBetween, now } from './fixtures/processes.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { readRegister, renewals } from './fixtures/register.ts';
import { ask, masterName, startSentinels, type SentinelFleet } from './fixtures/sentinels.ts';

const password = secretOf('master');
const sentinelPassword = secretOf('sentinel');

let redis: SentinelFleet;
before(async () => {
  redis = await startSentinels({ password, sentinelPassword });
});
after(() => redis.stop());

/** Has the sentinels promote a replica, and returns when the first of them told that it is done. */
async function promote(): Promise<{ old: RedisServer; at: bigint }> {
  const old = await redis.settled();
  const since = now();
  // After a failover they wait for a while.
  await eventually(() => ask(redis.sentinels[0]!, 'FAILOVER', masterName), { within: 30_000 });
  const { at } = await redis.event('+promoted-slave', since);
  return { old, at };
}

/** How many scripts the server has run so far. What is published there comes from its new master as well, and sentinels subscribe. */
async function callsOf(server: RedisServer): Promise<number> {
  const info = String(await server.cli('INFO', 'commandstats'));
  const calls = [...info.matchAll(/^cmdstat_(eval|evalsha):calls=(\d+)/gm)];
  return calls.reduce((sum, [, , count]) => sum + Number(count), 0);
}

test('a promotion while the leader lives: it leads on, and the demoted server is left alone', async (t) => {
  const kind = 'promoted';
  const fleet = new ProcessFleet(t, { url: '', kind, options: { redis: redis.redis } });
  for (let number = 0; number < 3; number++) await fleet.start();
  const leader = await fleet.agreed();
  const { term } = await readRegister(await redis.master(), kind);

  const { old } = await promote();
  const master = await eventually(async () => {
    const named = await redis.master();
    return named !== old && named;
  });
  await renewals(master, kind, 6);
  const calls = await callsOf(old);
  await renewals(master, kind, 6);
  assert.equal(await callsOf(old), calls, 'nothing is asked of the demoted server');

  assert.equal((await readRegister(master, kind)).term, term);
  assert.equal(await leader.call('isLeader'), true);
  assert.equal(fleet.elections(), 1);
  await leader.call('messageFollowers', 'still here');
  for (const one of fleet.living.filter((other) => other !== leader)) {
    await one.event('message', ({ args }) => args[0].message === 'still here');
  }
  fleet.assertKeptPromise();
});

test('a master that dies: a leader stands again once a replica was promoted', async (t) => {
  const kind = 'died';
  const fleet = new ProcessFleet(t, { url: '', kind, options: { redis: redis.redis } });
  for (let number = 0; number < 2; number++) await fleet.start();
  await fleet.agreed();
  const dead = await redis.settled();
  const since = now();
  await dead.kill();
  t.after(async () => {
    await dead.restart();
    await redis.rejoin();
  });
  await redis.event('+promoted-slave', since);
  const leader = await fleet.agreed();
  assert.equal(await leader.call('isLeader'), true);
  assert.ok((await readRegister(await redis.master(), kind)).holder.startsWith(leader.id));
  fleet.assertKeptPromise();
});

test('what was seen before a promotion counts for nothing after it: the wait begins anew', async (t) => {
  const leaseMs = 3000;
  const options = { redis: redis.redis, leaseMs };
  const fleet = new ProcessFleet(t, { url: '', kind: 'anew', options });
  for (let number = 0; number < 2; number++) await fleet.start();
  const leader = await fleet.agreed();
  await redis.settled();
  // Half of the wait has passed when the promotion comes.
  await leader.kill();
  await sleep(leaseMs / 2);
  const { at } = await promote();
  const next = await fleet.agreed();
  const elected = next.events.findLast(({ name }) => name === 'elected')!;
  const waitedMs = msBetween(at, elected.at);
  assert.ok(waitedMs >= 0.99 * leaseMs, `elected ${waitedMs} ms after the promotion`);
});

test('a sentinel that is gone is not missed, and others are asked that it has told of', async (t) => {
  await redis.settled();
  const [first, second, third] = redis.sentinels;
  const { redis: options } = { redis: redis.redis as RedisOptions };
  // The others are found out by the first one.
  const fleet = new Fleet(t, { kind: 'few', redis: { ...options, sentinels: [at(first!)] } });
  const candidate = await fleet.start();
  await eventually(async () => (await clientsOf(second!)) > 0 && (await clientsOf(third!)) > 0, {
    within: 20_000,
  });
  await first!.kill();
  t.after(() => first!.restart());
  const since = now();
  await eventually(() => ask(second!, 'FAILOVER', masterName), { within: 30_000 });
  await redis.event('+switch-master', since);
  await eventually(async () => {
    const port = await redis.namedPort(second);
    const master = redis.servers.find((server) => server.port === port)!;
    return (await readRegister(master, 'few')).holder.startsWith(candidate.id);
  });
  assert.equal(candidate.isLeader(), true);
});

const at = ({ port }: RedisServer) => ({ host: '127.0.0.1', port });

/** How many connections of candidates a sentinel has. */
async function clientsOf(sentinel: RedisServer): Promise<number> {
  return String(await sentinel.cli('CLIENT', 'LIST')).match(/name=incumbent/g)?.length ?? 0;
}

test('a server that the sentinels name, and that says it is a replica, is not used', async (t) => {
  // A sentinel that cannot see to it: it is stopped as soon as it has told.
  const own = await startSentinels({ replicas: 1, sentinels: 1 });
  t.after(() => own.stop());
  const [master, replica] = own.servers;
  const fleet = new Fleet(t, { kind: 'stubborn', redis: own.redis });
  const leader = await fleet.start();
  const errors = messagesOf(leader);
  process.kill(own.sentinels[0]!.pid, 'SIGSTOP');
  await replica!.cli('REPLICAOF', 'NO', 'ONE');
  await master!.cli('REPLICAOF', '127.0.0.1', replica!.port);
  await eventually(() => !leader.isLeader());
  await eventually(() => errors.some((text) => /READONLY|not a master/.test(text)));
  process.kill(own.sentinels[0]!.pid, 'SIGCONT');
  await theLeader([leader]);
  assert.ok((await readRegister(replica!, 'stubborn')).holder.startsWith(leader.id));
  // Before its servers.
  await leader.stop();
});

test('the doctor looks at each sentinel, and the rights that it lists are enough there', async (t) => {
  const master = await redis.settled();
  const examined = async (options: object): Promise<Report> => {
    const { stdout } = await incumbent(['doctor', '--json', '--redis', JSON.stringify(options)]);
    return JSON.parse(stdout);
  };
  const { leastAclAtSentinels } = await examined(redis.redis);
  const rules = leastAclAtSentinels!.split(' ').slice(5);
  for (const sentinel of redis.sentinels) {
    const login = ['limited', 'on', `>${sentinelPassword}`];
    await sentinel.cli('ACL', 'SETUSER', ...login, ...rules);
    await sentinel.cli('ACL', 'LOG', 'RESET');
  }
  const limited = { ...redis.redis, sentinelUsername: 'limited' };
  const report = await examined(limited);
  assert.equal(report.ok, true, JSON.stringify(report.checks));
  assert.deepEqual(
    report.checks.filter(({ name }) => name === 'sentinel').map(({ found }) => found),
    redis.sentinels.map(({ port }) => `127.0.0.1:${port} names 127.0.0.1:${master.port}`),
  );
  const leader = await new Fleet(t, { kind: 'limited', redis: limited }).start();
  await theLeader([leader]);
  for (const sentinel of redis.sentinels) assert.deepEqual(await sentinel.cli('ACL', 'LOG'), []);

  await redis.sentinels[0]!.cli('ACL', 'SETUSER', 'limited', '-subscribe');
  const { code, stdout } = await incumbent(['doctor', '--redis', JSON.stringify(limited)]);
  assert.equal(code, 0, 'the others will do');
  assert.match(stdout, /^warn  sentinel +127\.0\.0\.1:\d+ lacks \+subscribe$/m);
  assert.ok(stdout.includes(rules.join(' ')));
  assert.ok(!stdout.includes(canary));
});

test('errors name what is wrong, and who told of it', async (t) => {
  await redis.settled();
  const nobody = await startRedis();
  await nobody.stop();
  const given = redis.redis as RedisOptions;
  const cases: [string, RedisOptions, RegExp, string][] = [
    [
      'a name that the sentinels do not know',
      { ...given, name: 'other' },
      /^no sentinel tells where the master "other" is: Redis at 127\.0\.0\.1:\d+ \(a sentinel\) knows no master of the name "other"$/,
      'ERR_REDIS_FAILED',
    ],
    [
      'a wrong password at the sentinels',
      { ...given, sentinelPassword: secretOf('wrong') },
      /^no sentinel tells where the master "main" is: Redis at 127\.0\.0\.1:\d+ \(a sentinel\) refused the password/,
      'ERR_REDIS_REFUSED',
    ],
    [
      'a wrong password at the master',
      { ...given, password: secretOf('wrong') },
      /^Redis at 127\.0\.0\.1:\d+ \(named by the sentinel at 127\.0\.0\.1:\d+\) refused the password/,
      'ERR_REDIS_REFUSED',
    ],
    [
      'no sentinel at all',
      { ...given, sentinels: [at(nobody)] },
      /^the sentinel does not tell where the master "main" is: cannot reach Redis at 127\.0\.0\.1:\d+ \(a sentinel\): connection refused$/,
      'ERR_REDIS_UNREACHABLE',
    ],
    [
      'what is no sentinel',
      { sentinels: [at(redis.servers[0]!)], name: 'main', sentinelPassword: password },
      /^the sentinel does not tell where the master "main" is: .*unknown command/i,
      'ERR_REDIS_FAILED',
    ],
  ];
  for (const [what, options, expected, code] of cases) {
    const fleet = new Fleet(t, { kind: 'wrong', redis: options });
    const candidate = fleet.create();
    const errors: { code: string; message: string }[] = [];
    candidate.on('error', (error) => errors.push(error));
    candidate.start().catch(() => {});
    const error = await eventually(() =>
      errors.find(({ message }) => expected.test(message)),
    ).catch(() => assert.fail(`${what}: ${errors.map(({ message }) => message).join('\n')}`));
    assert.equal(error.code, code, what);
    assert.ok(!errors.some(({ message }) => message.includes(canary)), what);
    await candidate.stop();
  }
});

function messagesOf(candidate: {
  on(name: 'error', listener: (error: Error) => void): unknown;
}): string[] {
  const messages: string[] = [];
  candidate.on('error', ({ message }) => messages.push(message));
  return messages;
}
