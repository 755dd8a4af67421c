// The leader is killed, or leaves in good order, and another one takes over.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from './fixtures/eventually.ts';
import { Lateness } from './fixtures/lateness.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import { msBetween, now } from './fixtures/processes.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

const leaseMs = 800;

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

test('kill -9 of the leader among three, twenty times: one new leader each time, within the lease and 100 ms', async (t) => {
  const fleet = new ProcessFleet(t, { url: redis.url, kind: 'killed', options: { leaseMs } });
  for (let number = 0; number < 3; number++) await fleet.start();
  let leader = await fleet.agreed();
  const tookMs: number[] = [];

  for (let round = 1; round <= 20; round++) {
    const elections = fleet.elections();
    const lateness = Lateness.start();
    const killedAt = await leader.kill();
    const elected = await eventually(() =>
      fleet.living
        .flatMap((one) => one.events)
        .find(({ name, at }) => name === 'elected' && at > killedAt),
    );
    const late = lateness.stop();
    const took = msBetween(killedAt, elected.at);
    tookMs.push(Math.round(took));
    assert.ok(took <= leaseMs + 100 + late, `round ${round}: ${took} ms, with ${late} ms late`);

    const next = await fleet.agreed();
    assert.equal(fleet.elections(), elections + 1);
    assert.ok(elected.args[0].term > leader.of('elected').at(-1)![0].term);
    leader = next;
    await fleet.start();
  }
  t.diagnostic(`ms from the kill to the next elected: ${tookMs.sort((a, b) => a - b).join(' ')}`);
  fleet.assertKeptPromise();
});

test('a leader that stops hands over: the next one need not wait for a lease', async (t) => {
  const fleet = new ProcessFleet(t, { url: redis.url, kind: 'stopped', options: { leaseMs } });
  for (let number = 0; number < 3; number++) await fleet.start();
  for (let round = 1; round <= 5; round++) {
    const leader = await fleet.agreed();
    const elections = fleet.elections();
    const stoppedAt = now();
    await leader.call('stop');
    assert.equal(await leader.call('isLeader'), false);
    const next = await fleet.agreed(leader);
    const { at } = await next.event('elected', ({ at }) => at > stoppedAt);
    // The median is a few ms; a fifth of the lease is proof enough, and no measure of the machine.
    const took = msBetween(stoppedAt, at);
    assert.ok(took < leaseMs / 2, `round ${round}: ${took} ms`);
    assert.equal(fleet.elections(), elections + 1);
    await leader.call('start');
    assert.equal(await next.call('isLeader'), true);
  }
  fleet.assertKeptPromise();
});
