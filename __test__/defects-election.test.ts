// What goes wrong without a lease of the nodes' own: leaders that were cut off and do not know, elections that depose
// healthy leaders, instances that count themselves alone, hosts' clocks that are compared, re-elections without a leader.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, errorCodes, onEachMedium } from './fixtures/fleet.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { renewals } from './fixtures/register.ts';
import { startProxy } from './fixtures/tcp-proxy.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

async function proxied(t: TestContext) {
  const proxy = await startProxy(redis.port);
  t.after(() => proxy.close());
  return proxy;
}

for (const fault of ['cut', 'blackhole', 'hold', 'lost-replies'] as const) {
  test(`a leader that is cut off from Redis (${fault}) stops saying so before another is elected, and deposes nobody when it is back`, async (t) => {
    const proxy = await proxied(t);
    const fleet = new ProcessFleet(t, { url: redis.url, kind: `cut-off-${fault}` });
    const leader = await fleet.start({ url: proxy.url });
    await fleet.start();
    await fleet.start();
    assert.equal(await fleet.agreed(), leader);

    if (fault === 'lost-replies') proxy.blackhole('replies');
    else proxy[fault]();
    const next = await fleet.agreed(leader);
    const defeated = await leader.event('defeated');
    const elected = await next.event('elected');
    // By nobody that it could know of. (Between processes, JSON makes null of undefined.)
    assert.deepEqual(defeated.args, [null]);
    assert.ok(defeated.at < elected.at);
    assert.equal(await leader.call('state'), 'follower');

    proxy.pass();
    assert.equal(await fleet.agreed(), next);
    await renewals(redis, `cut-off-${fault}`, 5);
    assert.equal(fleet.elections(), 2);
    assert.equal(await leader.call('currentTerm'), elected.args[0].term);
    fleet.assertKeptPromise();
  });
}

test('a leader that is cut off while its loop is blocked reads follower within the lease, in the middle of the block', async (t) => {
  const fleet = new Fleet(t, { kind: 'blocked', redis: redis.url, leaseMs: 800 });
  // The proxy lives on the same event loop: the block cuts it off.
  const proxy = await proxied(t);
  const leader = await fleet.start({ redis: proxy.url });
  const heard = collect(leader);
  assert.equal(leader.isLeader(), true);

  const startedAt = performance.now();
  while (leader.isLeader() && performance.now() - startedAt < 5000);
  const ms = performance.now() - startedAt;
  assert.equal(leader.state, 'follower');
  // Nothing but the clock can have told.
  assert.deepEqual(heard.names(), []);
  assert.ok(ms < 800, `${ms} ms`);
  await heard.first('defeated');
});

test('a follower that is cut off elects nobody, not even itself; nor does it when it is back', async (t) => {
  const proxy = await proxied(t);
  const fleet = new ProcessFleet(t, { url: redis.url, kind: 'returning' });
  const leader = await fleet.start();
  const follower = await fleet.start({ url: proxy.url });
  assert.equal(await fleet.agreed(), leader);
  proxy.cut();
  await renewals(redis, 'returning', 12);
  assert.equal(await follower.call('state'), 'follower');
  proxy.pass();
  await eventually(async () => (await follower.call('getLeader'))?.id === leader.id);
  await renewals(redis, 'returning', 6);
  assert.equal(fleet.elections(), 1);
  assert.equal(await fleet.agreed(), leader);
  fleet.assertKeptPromise();
});

test('an instance that finds itself alone in the list leads no more than before', async (t) => {
  const [leader, follower] = await new Fleet(t, { redis: redis.url }).lead(1);
  const elections = collect(follower!, ['elected', 'defeated', 'statechange']);
  for (let round = 0; round < 3; round++) {
    for (const name of ['instances', 'seen', 'revision'])
      await redis.cli('DEL', `incumbent:{orders}:${name}`);
    await follower!.getInstances();
    await renewals(redis, 'orders', 2);
  }
  assert.deepEqual(elections.names(), []);
  assert.equal(leader.isLeader(), true);
  await eventually(async () => (await follower!.getInstances()).length === 2);
});

test('records with times that are hours off cost nobody the leadership, and the list heals', async (t) => {
  const [leader, one, two] = await new Fleet(t, { redis: redis.url }).lead(2);
  const elections = [leader, one!, two!].map((each) => collect(each, ['elected', 'defeated']));
  const hour = 3_600_000;
  for (const offset of [-hour, hour, -5000, 5000]) {
    for (const { id } of [leader, one!, two!])
      await redis.cli('ZADD', 'incumbent:{orders}:seen', Date.now() + offset, id);
    await eventually(async () => (await two!.getInstances()).length === 3);
    await renewals(redis, 'orders', 2);
  }
  assert.equal(leader.isLeader(), true);
  assert.deepEqual(
    elections.flatMap((collection) => collection.names()),
    [],
  );
});

test('one whose last sign of life lies in the future is gone all the same when it dies', async (t) => {
  const [leader] = await new Fleet(t, { redis: redis.url }).lead(0);
  const ghost = JSON.stringify({ v: 1, id: 'ghost', holder: 'ghost:0000000000000001', meta: '' });
  await redis.cli('HSET', 'incumbent:{orders}:instances', 'ghost', ghost);
  await redis.cli('ZADD', 'incumbent:{orders}:seen', Date.now() + 3_600_000, 'ghost');
  const ids = async () => (await leader.getInstances()).map(({ id }) => id);
  assert.ok((await ids()).includes('ghost'));
  await eventually(async () => !(await ids()).includes('ghost'));
});

test('an outage does not make an instance forget who it is: one error for each attempt, and no crash', async (t) => {
  const fleet = new Fleet(t, { kind: 'flapping', redis: redis.url });
  const proxy = await proxied(t);
  const [leader] = [await fleet.start({ redis: proxy.url })];
  const codes = errorCodes(leader);
  for (let round = 0; round < 5; round++) {
    proxy.reset();
    await renewals(redis, 'flapping', 2);
  }
  // Back before its validity ended, each time.
  assert.equal(leader.isLeader(), true);
  assert.ok(codes.length >= 5);
});

onEachMedium((place) => {
  test('from the moment of reelect() on nobody says leader who is not, and a new one comes at once', async (t) => {
    const [leader, follower] = await new Fleet(t, { ...place(), leaseMs: 2000 }).lead(1);
    const heard = collect(follower!, ['elected']);
    const askedAt = performance.now();
    const released = leader.reelect();
    assert.equal(leader.isLeader(), false);
    assert.notEqual(leader.state, 'leader');
    await released;
    const { at } = await heard.first('elected');
    assert.equal(leader.isLeader(), false);
    assert.notEqual(leader.state, 'leader');
    // It was handed over; nobody waited for a lease.
    assert.ok(at - askedAt < 1000, `${at - askedAt} ms`);
    assert.equal((await leader.getLeader())!.id, follower!.id);
  });
});
