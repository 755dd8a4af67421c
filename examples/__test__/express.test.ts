import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { freePort } from '../../__test__/fixtures/free-port.ts';
import { startRedis } from '../../__test__/fixtures/redis-server.ts';
import { Example, nextLeader } from './example.ts';

async function serve(t: import('node:test').TestContext, redisUrl: string) {
  const server = new Example(t, 'express', ['server.mjs'], { REDIS_URL: redisUrl, PORT: '0' });
  const port = await server.says(/listening on (\d+)/);
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  return Object.assign(server, { get });
}

test('leader and follower are ready; on SIGTERM a request under way is answered and the other takes over', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const servers = [await serve(t, redis.url), await serve(t, redis.url)];
  const leader = (await nextLeader(servers, /sweeping carts/)) as (typeof servers)[0];
  const follower = servers.find((server) => server !== leader)!;

  for (const [server, role] of [
    [leader, 'leader'],
    [follower, 'follower'],
  ] as const) {
    const health = await eventually(async () => {
      const response = await server.get('/ready');
      assert.equal(response.status, 200);
      const health: any = await response.json();
      return health.status === 'up' && health;
    });
    assert.equal(health.role, role);
  }
  assert.match(await (await leader.get('/why')).text(), /^Leads in term \d+/);
  assert.match(await (await follower.get('/why')).text(), /^Follows [0-9a-f]{24}/);

  const slow = leader.get('/slow');
  // It has arrived when a later one is answered.
  await leader.get('/live');
  leader.kill('SIGTERM');
  assert.equal(await (await slow).text(), 'done');
  assert.equal(await leader.ended, 0);
  assert.match(leader.output, /swept the last cart\n[^]*closed\n$/);
  assert.equal(await nextLeader(servers, /sweeping carts/), follower);
});

test('without Redis it is alive and not ready; it becomes ready when Redis comes', async (t) => {
  const port = await freePort();
  const server = await serve(t, `redis://127.0.0.1:${port}`);
  assert.equal((await server.get('/live')).status, 200);
  assert.equal((await server.get('/ready')).status, 503);
  assert.match(await (await server.get('/why')).text(), /there is no connection to Redis/);
  const redis = await startRedis({ port });
  t.after(() => redis.stop());
  await eventually(async () => (await server.get('/ready')).status === 200, { within: 30_000 });
});
