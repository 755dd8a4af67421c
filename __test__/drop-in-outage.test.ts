// Redis goes, comes back, refuses, or loses an instance: what a candidate says, and that it recovers by itself.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { IncumbentError } from 'incumbent';
import { secretOf } from './fixtures/canary.ts';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, errorCodes } from './fixtures/fleet.ts';
import { freePort } from './fixtures/free-port.ts';
import { Records } from './fixtures/oracle.ts';
import { msBetween, now, spawnCandidate } from './fixtures/processes.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { startProxy } from './fixtures/tcp-proxy.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

test('a lost connection is an error, and so is every attempt that fails; then it recovers and hears again', async (t) => {
  const fleet = new Fleet(t, { redis: redis.url });
  const proxy = await startProxy(redis.port);
  t.after(() => proxy.close());
  const [leader] = await fleet.lead(0);
  const follower = await fleet.start({ redis: proxy.url });
  const errors: IncumbentError[] = [];
  follower.on('error', (error) => errors.push(error));
  const messages = collect(follower, ['message']);

  proxy.cut();
  const refused = proxy.counts.refused;
  await eventually(() => errors.length >= 5 && proxy.counts.refused >= refused + 5);
  for (const { name, code, message } of errors) {
    assert.equal(`${name} ${code}`, 'IncumbentError ERR_REDIS_UNREACHABLE');
    assert.match(message, new RegExp(`127\\.0\\.0\\.1:${proxy.port}`));
  }

  proxy.pass();
  await eventually(async () => {
    await leader.messageTo(follower.id, 'to it');
    await leader.messageAll('to all');
    await leader.messageFollowers('to the followers');
    const heard = new Set(messages.of('message').map(([{ message }]) => message));
    return heard.size === 3;
  });
  await eventually(async () => (await follower.getLeader())?.id === leader.id);
  errors.length = 0;
  await follower.messageAll('still here');
  await follower.getInstances();
  assert.deepEqual(errors, []);
});

test('with Redis down at the start it keeps trying, then joins', async (t) => {
  const port = await freePort();
  const fleet = new Fleet(t, { redis: { host: '127.0.0.1', port } });
  const candidate = fleet.create();
  const codes = errorCodes(candidate);
  const started = candidate.start();
  await eventually(() => codes.length >= 3);
  assert.deepEqual([...new Set(codes)], ['ERR_REDIS_UNREACHABLE']);

  const late = await startRedis({ port });
  t.after(() => late.stop());
  await started;
  assert.equal(candidate.isLeader(), true);
  await candidate.messageAll('it works');
});

test('a refused password is an error at each attempt, and once it is right the candidate joins', async (t) => {
  const server = await startRedis({ password: secretOf('right') });
  t.after(() => server.stop());
  const candidate = new Fleet(t, {
    redis: { host: '127.0.0.1', port: server.port, password: secretOf('not yet') },
  }).create();
  const codes = errorCodes(candidate);
  const started = candidate.start();
  await eventually(() => codes.length >= 3);
  assert.deepEqual([...new Set(codes)], ['ERR_REDIS_REFUSED']);
  await server.cli('ACL', 'SETUSER', 'default', `>${secretOf('not yet')}`);
  await started;
  assert.equal(candidate.isLeader(), true);
});

test('a peer that was killed is still listed just after, and gone within about 2 s', async (t) => {
  const records = new Records();
  t.after(() => records.remove());
  const [leader] = await new Fleet(t, { redis: redis.url }).lead(0);
  const heard = collect(leader);
  const peer = await spawnCandidate({ url: redis.url, kind: 'orders', records });
  await heard.first('joined', ({ id }) => id === peer.id);
  const listed = async () => (await leader.getInstances()).some(({ id }) => id === peer.id);

  const killedAt = await peer.kill();
  assert.equal(await listed(), true);
  await eventually(async () => !(await listed()));
  // It said last that it lives in the second before it was killed.
  const ms = msBetween(killedAt, now());
  assert.ok(ms > 900 && ms < 3000, `${ms} ms`);
  await heard.first('left', ({ id }) => id === peer.id);
  assert.equal(leader.isLeader(), true);
});
