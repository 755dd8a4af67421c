// Redis loses its data, its process, or its subscriptions while a leader reigns.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, errorCodes } from './fixtures/fleet.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { readRegister, registerKey, renewals } from './fixtures/register.ts';
import { startProxy } from './fixtures/tcp-proxy.ts';

const leaseMs = 800;

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

test('data that vanish under a leader change no leader', async (t) => {
  const kind = 'wiped';
  const fleet = new ProcessFleet(t, { url: redis.url, kind });
  for (let number = 0; number < 3; number++) await fleet.start();
  const leader = await fleet.agreed();
  const { term } = await readRegister(redis, kind);

  const losses = [
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['DEL', registerKey(kind)],
    ['SET', registerKey(kind), 'a string in its place'],
    ['SCRIPT', 'FLUSH'],
    ['FLUSHALL', 'ASYNC'],
  ];
  for (const loss of losses) {
    await redis.cli(...loss);
    // More than a lease: whoever believed the register to be free would have taken it.
    await renewals(redis, kind, 7);
    const register = await readRegister(redis, kind);
    assert.equal(register.term, term, loss.join(' '));
    assert.ok(register.holder.startsWith(leader.id), loss.join(' '));
  }
  assert.equal(fleet.elections(), 1);
  assert.equal(await leader.call('isLeader'), true);
  for (const one of fleet.living) {
    assert.deepEqual(one.of('leader'), [[leader.id, term]]);
    assert.deepEqual(one.of('left'), []);
    await eventually(async () => (await one.call('getInstances')).length === 3);
  }
  fleet.assertKeptPromise();
});

test('Redis killed without persistence, and back after more than a lease: one leader, in a higher term', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const fleet = new ProcessFleet(t, { url: server.url, kind: 'restarted', options: { leaseMs } });
  for (let number = 0; number < 3; number++) await fleet.start();
  let leader = await fleet.agreed();
  for (let round = 0; round < 2; round++) {
    const term = await leader.call('currentTerm');
    const losses = leader.of('defeated').length;
    await server.kill();
    await eventually(() => leader.of('defeated').length === losses + 1);
    assert.equal(await leader.call('isLeader'), false);
    await sleep(leaseMs + 200);
    for (const one of fleet.living) assert.equal(await one.call('isLeader'), false);
    await server.restart();

    const next = await fleet.agreed();
    assert.ok((await next.call('currentTerm')) > term);
    await eventually(async () => (await next.call('getInstances')).length === 3);
    await next.call('messageFollowers', round);
    for (const one of fleet.living) {
      if (one !== next) await one.event('message', ({ args }) => args[0].message === round);
    }
    leader = next;
  }
  fleet.assertKeptPromise();
});

for (const struck of ['the leader', 'a follower'] as const) {
  test(`the subscription of ${struck} is cut while its commands pass: the leader stays, and a gap is told`, async (t) => {
    const { leader, follower, proxy } = await besideAProxy(t, struck);
    const [victim, other] = struck === 'the leader' ? [leader, follower] : [follower, leader];
    const heard = collect(victim);
    await other.messageAll('before');
    await heard.first('message');
    const events = [leader, follower].map((one) => collect(one, ['elected', 'defeated', 'leader']));
    const codes = errorCodes(victim);

    proxy.blackhole('both', 'subscriptions');
    await eventually(() => proxy.counts.lostBytes > 0);
    for (let lost = 1; lost <= 3; lost++) await other.messageAll(lost);
    await renewals(redis, 'deaf', 16);
    // It is noticed, and not only when somebody is missed.
    await eventually(() => codes.includes('ERR_REDIS_UNREACHABLE'));
    // Commands pass: it can still ask and send.
    const heardByOther = collect(other, ['message']);
    await victim.messageAll('deaf, not dumb');
    await heardByOther.first('message');
    assert.equal((await victim.getLeader())!.id, leader.id);

    proxy.pass();
    await eventually(async () => {
      await other.messageAll('after');
      return heard.names('gap').length > 0;
    });
    const [gap] = heard.of('gap');
    assert.deepEqual([gap![0].from, gap![0].channel], [other.id, 'all']);
    assert.ok(gap![0].missed >= 3);
    assert.deepEqual(heard.names('gap', 'message').slice(0, 3), ['message', 'gap', 'message']);
    assert.equal(leader.isLeader(), true);
    assert.deepEqual(
      events.flatMap((collection) => collection.names()),
      [],
    );
  });
}

async function besideAProxy(t: TestContext, struck: 'the leader' | 'a follower') {
  const fleet = new Fleet(t, { kind: 'deaf', redis: redis.url });
  const proxy = await startProxy(redis.port);
  t.after(() => proxy.close());
  const throughProxy = { redis: proxy.url };
  const leader = await fleet.start(struck === 'the leader' ? throughProxy : {});
  const follower = await fleet.start(struck === 'the leader' ? {} : throughProxy);
  return { leader, follower, proxy };
}
