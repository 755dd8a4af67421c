// The limits of what may be sent and kept, and what becomes of what waits when stop() comes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collect } from './fixtures/eventually.ts';
import { Fleet, onEachMedium } from './fixtures/fleet.ts';
import { startRedis } from './fixtures/redis-server.ts';
import { startProxy } from './fixtures/tcp-proxy.ts';

onEachMedium((place) => {
  test('ERR_LIMIT_EXCEEDED: each limit, and what is just within it', async (t) => {
    const fleet = new Fleet(t, place());
    const [leader] = await fleet.lead(0);
    const code = { name: 'IncumbentError', code: 'ERR_LIMIT_EXCEEDED' };
    const mib = 1 << 20;
    await leader.messageAll('x'.repeat(mib - 2));
    await leader.messageAll(Buffer.alloc(mib));
    await assert.rejects(leader.messageAll('x'.repeat(mib - 1)), code);
    await assert.rejects(leader.messageLeader(Buffer.alloc(mib + 1)), code);
    await assert.rejects(leader.messageFollowers('é'.repeat(mib / 2)), code);

    await leader.messageTo('i'.repeat(128), 1);
    await assert.rejects(leader.messageTo('i'.repeat(129), 1), code);

    await leader.setMeta('x'.repeat(16_382));
    await assert.rejects(leader.setMeta('x'.repeat(16_383)), code);
    assert.throws(() => fleet.create({ meta: 'x'.repeat(16_383) }), code);

    fleet.create({ kind: 'é'.repeat(64) });
    assert.throws(() => fleet.create({ kind: 'é'.repeat(65) }), code);

    const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    await leader.messageAll(nested(128));
    await assert.rejects(leader.messageAll(nested(129)), code);
    await assert.rejects(leader.setMeta(nested(129)), code);
    assert.throws(() => fleet.create({ meta: nested(129) }), code);
  });

  test('ERR_STOPPED: what waits when stop() comes', async (t) => {
    const fleet = new Fleet(t, { ...place(), leaseMs: 5000, kind: 'stopped' });
    const candidate = fleet.create();
    const stopped = { name: 'IncumbentError', code: 'ERR_STOPPED' };
    const waiting = [candidate.start(), candidate.waitForLeader()];
    const outcomes = Promise.all(waiting.map((promise) => assert.rejects(promise, stopped)));
    await candidate.stop();
    await outcomes;
    await assert.rejects(candidate.waitForLeader(), { code: 'ERR_NOT_STARTED' });
  });
});

test('ERR_LIMIT_EXCEEDED: too many messages wait to be sent; those that were taken in go out, and then there is room', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const fleet = new Fleet(t, { redis: redis.url });
  // The proxy lives on this event loop: nothing passes it while this one sends.
  const proxy = await startProxy(redis.port);
  t.after(() => proxy.close());
  const sender = await fleet.start({ redis: proxy.url });
  const receiver = await fleet.start();
  const heard = collect(receiver, ['message']);
  const body = Buffer.alloc(1 << 20);
  const sends = Array.from({ length: 100 }, () => sender.messageAll(body));
  const outcomes = await Promise.allSettled(sends);
  const accepted = outcomes.findIndex(({ status }) => status === 'rejected');
  assert.ok(accepted >= 64, `${accepted} were accepted`);
  for (const outcome of outcomes.slice(accepted)) {
    assert.equal((outcome as any).reason?.code, 'ERR_LIMIT_EXCEEDED');
  }
  await sender.messageAll('there is room again');
  await heard.first('message', ({ message }) => message === 'there is room again');
  assert.equal(heard.events.length, accepted + 1);
});
