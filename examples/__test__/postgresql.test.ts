import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { startRedis } from '../../__test__/fixtures/redis-server.ts';
import { startProxy } from '../../__test__/fixtures/tcp-proxy.ts';
import { Example, nextLeader } from './example.ts';
import { startPostgres } from './postgres-server.ts';

test('what a leader of old still had on its way is refused by the table', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const database = new URL(await startPostgres(t));
  const join = async () => {
    const proxy = await startProxy(Number(database.port));
    t.after(() => proxy.close());
    const DATABASE_URL = Object.assign(new URL(database), { port: proxy.port }).href;
    const env = { REDIS_URL: redis.url, DATABASE_URL };
    return Object.assign(new Example(t, 'postgresql', ['service.mjs'], env), { proxy });
  };
  const copies = [await join(), await join()];
  const moves = () =>
    copies
      .flatMap((copy) => copy.all(/moved to (\d+)/g))
      .map(Number)
      .sort((a, b) => a - b);
  const more = async () => {
    const goal = moves().length + 20;
    await eventually(() => moves().length >= goal, { within: 30_000 });
  };

  const newLeader = async () =>
    (await nextLeader(copies, /leads from \d+ on/)) as (typeof copies)[0];
  let leader = await newLeader();
  for (let round = 0; round < 3; round++) {
    await more();
    // Its next statement stays on the way, and it is stopped, until another one has moved the cursor.
    leader.proxy.hold('requests');
    const { lateBytes } = leader.proxy.counts;
    await eventually(() => leader.proxy.counts.lateBytes > lateBytes);
    leader.kill('SIGSTOP');
    const next = await newLeader();
    await more();
    leader.proxy.pass();
    leader.kill('SIGCONT');
    await leader.says(/was refused \d+ in term \d+/);
    leader.kill('SIGKILL');
    copies.push(await join());
    leader = next;
  }
  const positions = moves();
  assert.deepEqual(
    positions,
    positions.map((_, index) => index + 1),
    'none was skipped, and none was moved to twice',
  );
});
