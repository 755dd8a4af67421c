import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { startRedis } from '../../__test__/fixtures/redis-server.ts';
import { Example, nextLeader } from './example.ts';

test('every job is fed once and worked off by followers, over a crash and a stop of the leader', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const copies = [1, 2, 3].map(
    () => new Example(t, 'bullmq', ['service.mjs'], { REDIS_URL: redis.url }),
  );
  const processed = () =>
    copies
      .flatMap((copy) => copy.all(/processed (\d+)/g))
      .map(Number)
      .sort((a, b) => a - b);
  const twentyMore = async () => {
    const goal = processed().length + 20;
    await eventually(() => processed().length >= goal, { within: 30_000 });
  };

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const leader = await nextLeader(copies, /feeding from/);
    const before = leader.all(/processed/g).length;
    await twentyMore();
    // A job that it had begun as a follower may still have ended.
    assert.ok(leader.all(/processed/g).length <= before + 1, 'the leader only feeds');
    leader.kill(signal);
    assert.equal(await leader.ended, signal === 'SIGTERM' ? 0 : 'SIGKILL');
  }
  const last = await nextLeader(copies, /feeding from/);
  await last.says(/feeding from (\d+)/);

  // The last one leads alone: nobody works, until it is joined.
  copies.push(new Example(t, 'bullmq', ['service.mjs'], { REDIS_URL: redis.url }));
  await twentyMore();
  const numbers = processed();
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
    'none is missing, none came twice',
  );
});
