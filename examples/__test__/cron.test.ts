import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { startRedis } from '../../__test__/fixtures/redis-server.ts';
import { Example, nextLeader } from './example.ts';

test('each tick fires once, over crashes, stops and pauses of the leader, a restart of Redis, and a time without anybody', async (t) => {
  const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  t.after(() => redis.stop());
  const join = () => new Example(t, 'cron', ['service.mjs'], { REDIS_URL: redis.url });
  const ticks = async (): Promise<number[]> =>
    (await redis.cli('LRANGE', '{reports}:due', 0, -1)).map((tick: string) => Date.parse(tick));
  const aFewMore = async () => {
    const goal = (await ticks()).length + 2;
    await eventually(async () => (await ticks()).length >= goal, { within: 30_000, every: 20 });
  };

  let copies = [join(), join(), join()];
  const leads = /I lead, in term/;
  const paused = await nextLeader(copies, leads);
  await aFewMore();
  paused.kill('SIGSTOP');
  const stopped = await nextLeader(copies, leads);
  await aFewMore();
  paused.kill('SIGCONT');
  stopped.kill('SIGTERM');
  assert.equal(await stopped.ended, 0);
  copies = copies.filter((copy) => copy !== stopped);
  const killed = await nextLeader(copies, leads);
  // Not at the same point of a second as the tick.
  await sleep(Math.random() * 500);
  killed.kill('SIGKILL');
  copies = copies.filter((copy) => copy !== killed);
  await aFewMore();
  await redis.restart();
  await aFewMore();
  for (const copy of copies) {
    copy.kill('SIGTERM');
    await copy.ended;
  }
  // Two ticks go by, which are then made up for.
  const last = (await ticks()).at(-1)!;
  await eventually(() => Date.now() > last + 2000, { every: 50 });
  assert.equal((await ticks()).at(-1), last);
  join();
  await aFewMore();

  const fired = await ticks();
  assert.deepEqual(
    fired,
    fired.map((_, index) => fired[0]! + index * 1000),
    'none is missing, none came twice',
  );
});
