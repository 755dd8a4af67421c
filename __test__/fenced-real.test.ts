// fenced() on a real Redis: what is written, what is refused, and that a leader of old writes nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { startProxy } from './fixtures/tcp-proxy.ts';

const leaseMs = 400;
let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

test('replies come in order, in the form that a script sees', async (t) => {
  const [leader] = await new Fleet(t, { redis: redis.url }).lead(0);
  const bytes = Buffer.from([0xff, 0, 0x61]);
  assert.deepEqual(
    await leader.fenced([
      ['SET', 'a', 1.5],
      ['GET', 'a'],
      ['GET', 'missing'],
      ['RPUSH', 'list', 'x', 'ü', 10n],
      ['LRANGE', 'list', 0, -1],
      ['HSET', 'hash', 'field', bytes],
      ['SORT', 'list', 'ALPHA', 'STORE', 'sorted'],
      ['EXISTS', 'a', 'list', 'missing'],
    ]),
    ['OK', '1.5', null, 3, ['x', 'ü', '10'], 1, 3, 2],
  );
  const [value] = await leader.fenced([['HGET', 'hash', 'field']], { buffers: true });
  assert.deepEqual(value, bytes);
});

test('a follower writes nothing, nor does one for another term', async (t) => {
  const [leader, follower] = await new Fleet(t, { redis: redis.url }).lead(1);
  await assert.rejects(follower!.fenced([['SET', 'by follower', 1]]), { code: 'ERR_NOT_LEADER' });
  const term = leader.currentTerm + 1;
  await assert.rejects(leader.fenced([['SET', 'by follower', 1]], { term }), {
    code: 'ERR_NOT_LEADER',
  });
  assert.deepEqual(await leader.fenced([['EXISTS', 'by follower']]), [0]);
});

test('the first command that fails ends the list, and the error names it', async (t) => {
  const [leader] = await new Fleet(t, { redis: redis.url, kind: 'failing' }).lead(0);
  await leader.fenced([['SET', 'text', 'x']]);
  const failing = leader.fenced(
    [
      ['SET', 'before', 1],
      ['LPUSH', 'text', 'y'],
      ['SET', 'behind', 1],
    ],
    { checkpoint: 'never set' },
  );
  await assert.rejects(failing, { code: 'ERR_REDIS_FAILED', message: /command 2.*WRONGTYPE/ });
  assert.deepEqual(await leader.fenced([['EXISTS', 'before', 'behind']]), [1]);
  assert.equal(await leader.getCheckpoint(), undefined);
});

test('commands and checkpoint are written in one step', async (t) => {
  const [leader, follower] = await new Fleet(t, { redis: redis.url, kind: 'steps' }).lead(1);
  const { currentTerm: term } = leader;
  assert.deepEqual(await leader.fenced([['INCR', 'step']], { term, checkpoint: { at: 1 } }), [1]);
  assert.deepEqual(await follower!.getCheckpoint(), { at: 1 });
  assert.deepEqual(await leader.fenced([], { checkpoint: null }), []);
  assert.equal(await follower!.getCheckpoint(), null);
});

test('commands on their way when another one takes over write nothing', async (t) => {
  const fleet = new Fleet(t, { leaseMs, kind: 'late' });
  const proxy = await startProxy(redis.port);
  t.after(() => proxy.close());
  const leader = await fleet.start({ redis: proxy.url });
  leader.on('error', () => {});
  const follower = await fleet.start({ redis: redis.url });
  proxy.hold('requests');
  const late = leader.fenced([['SET', 'late', 1]]);
  late.catch(() => {});
  await eventually(() => proxy.counts.lateBytes > 0);
  await eventually(() => follower.isLeader());
  proxy.pass();
  await assert.rejects(late, ({ code }) =>
    ['ERR_NOT_LEADER', 'ERR_REDIS_UNREACHABLE'].includes(code),
  );
  await eventually(() => leader.health().status === 'up');
  assert.deepEqual(await follower.fenced([['EXISTS', 'late']]), [0]);
});

test('without Redis the promise rejects, and says that it may have been done', async (t) => {
  const proxy = await startProxy(redis.port);
  t.after(() => proxy.close());
  const leader = await new Fleet(t, { redis: proxy.url, kind: 'cut', leaseMs: 2000 }).start();
  leader.on('error', () => {});
  // The first one also asks where the keys of INCR stand.
  await leader.fenced([['INCR', 'n']]);
  proxy.blackhole('replies');
  await assert.rejects(leader.fenced([['INCR', 'n']]), {
    code: 'ERR_REDIS_UNREACHABLE',
    message: /may have been done/,
  });
});
