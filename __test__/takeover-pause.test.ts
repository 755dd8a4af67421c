// The leader is stopped by a signal, or its event loop is blocked: the first thing that its code reads afterwards is true.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './fixtures/eventually.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

test('SIGSTOP of the leader for 3 s, then SIGCONT, five times: its first isLeader() is false', async (t) => {
  const fleet = new ProcessFleet(t, { url: redis.url, kind: 'paused' });
  for (let number = 0; number < 3; number++) await fleet.start();
  for (let round = 0; round < 5; round++) {
    const leader = await fleet.agreed();
    const pauses = leader.pauses.length;
    leader.suspend();
    await sleep(3000);
    const next = await fleet.agreed(leader);
    leader.resume();
    const pause = await eventually(() => leader.pauses.slice(pauses).find(({ ms }) => ms > 2500));
    assert.equal(pause.isLeader, false);
    assert.equal(await leader.call('state'), 'follower');
    // It deposes nobody.
    assert.equal(await fleet.agreed(), next);
    // Told of it once. It may have been told of a lost candidacy before it was elected.
    const names = leader.events.map(({ name }) => name);
    const since = names.slice(names.lastIndexOf('elected') + 1);
    assert.equal(since.filter((name) => name === 'defeated').length, 1);
  }
  fleet.assertKeptPromise();
});

test('SIGSTOP shorter than the validity costs no leadership', async (t) => {
  const fleet = new ProcessFleet(t, {
    url: redis.url,
    kind: 'blinked',
    options: { leaseMs: 4000 },
  });
  for (let number = 0; number < 2; number++) await fleet.start();
  const leader = await fleet.agreed();
  leader.suspend();
  await sleep(500);
  leader.resume();
  const pause = await eventually(() => leader.pauses.find(({ ms }) => ms > 400));
  assert.equal(pause.isLeader, true);
  assert.equal(fleet.elections(), 1);
  fleet.assertKeptPromise();
});

test('an event loop that is blocked for 3 s neither loses the leadership nor lets another one have it', async (t) => {
  const fleet = new ProcessFleet(t, { url: redis.url, kind: 'blocked' });
  for (let number = 0; number < 3; number++) await fleet.start();
  const leader = await fleet.agreed();
  await leader.call('block', 3000);
  const pause = await eventually(() => leader.pauses.find(({ ms }) => ms >= 2900));
  assert.equal(pause.isLeader, true);
  assert.equal(fleet.elections(), 1);
  assert.equal(await fleet.agreed(), leader);
  fleet.assertKeptPromise();
});
