// What option `redis` names besides a host and a port: sockets, databases, prefixes, names, users.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { secretOf } from './fixtures/canary.ts';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, errorCodes } from './fixtures/fleet.ts';
import { assertCrashShowsByConnection } from './fixtures/process-fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { temporaryDirectory } from './fixtures/temporary-directory.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

/** Its connections that show under a name. */
async function connections(server: RedisServer, name: string): Promise<string[]> {
  const list: string = await server.cli('CLIENT', 'LIST');
  return list.split('\n').filter((line) => line.includes(` name=${name} `));
}

test('over a Unix socket all works, also between those who come by it and those who do not', async (t) => {
  const fleet = new Fleet(t, { kind: 'sockets' });
  const socket = path.join(temporaryDirectory(t), 'redis socket');
  const password = secretOf('p@ss word');
  const server = await startRedis({ args: ['--unixsocket', socket], password });
  t.after(() => server.stop());
  const leader = await fleet.start({ redis: { path: socket, password, clientName: 'by-path' } });
  assert.ok(leader.isLeader());
  for (const place of [
    `unix://${encodeURI(socket)}?pass=${encodeURIComponent(password)}`,
    `redis+unix://${encodeURI(socket)}?user=default&pass=${encodeURIComponent(password)}`,
    server.url,
  ]) {
    const other = await fleet.start({ redis: place });
    const heard = collect(leader, ['message']);
    await other.messageLeader('hello');
    await heard.first('message', ({ from }) => from === other.id);
    heard.stop();
  }
  assert.equal((await connections(server, 'by-path')).length, 2);
});

test('a Unix socket that is not there is told by its path, and found when it comes', async (t) => {
  const socket = path.join(temporaryDirectory(t), 's');
  const fleet = new Fleet(t, { kind: 'absent' });
  const candidate = fleet.create({ redis: { path: socket } });
  const messages: string[] = [];
  candidate.on('error', ({ message }) => messages.push(message));
  const started = candidate.start();
  await eventually(() => messages.length >= 2);
  for (const message of messages)
    assert.equal(message, `cannot reach Redis at ${socket}: there is no such socket`);
  const server = await startRedis({ args: ['--unixsocket', socket] });
  t.after(() => server.stop());
  await started;
});

test('over a Unix socket the connection of a killed leader tells of the crash as well', async (t) => {
  const socket = path.join(temporaryDirectory(t), 's');
  const server = await startRedis({ args: ['--unixsocket', socket] });
  t.after(() => server.stop());
  await assertCrashShowsByConnection(t, server.url, { path: socket });
});

test('the same kind in two databases, or under two prefixes, is two kinds', async (t) => {
  const { port } = redis;
  const fleet = new Fleet(t, { kind: 'worlds' });
  const worlds = [{}, { db: 5 }, { keyPrefix: 'team-a:' }, { keyPrefix: '{team b}' }];
  const members = await Promise.all(
    worlds.map((world) => fleet.start({ redis: { port, ...world } })),
  );
  const heard = members.map((member) => collect(member, ['message', 'joined', 'leader']));
  assert.ok(members.every((member) => member.isLeader()));
  for (const member of members) {
    await member.messageAll('to nobody');
    assert.deepEqual(await member.getInstances(), [await member.getLeader()]);
  }
  const [, , inTeam] = members;
  const newcomer = await fleet.start({ redis: { port, keyPrefix: 'team-a:' } });
  await newcomer.messageLeader('to one');
  await heard[2]!.first('message', ({ message }) => message === 'to one');
  assert.equal(await newcomer.waitForLeader(), inTeam!.id);
  for (const index of [0, 1, 3]) assert.deepEqual(heard[index]!.names('message', 'joined'), []);

  const keys: string[] = await redis.cli('KEYS', '*worlds*');
  assert.ok(keys.every((key) => /^(team-a:|\{team b\})?incumbent:\{worlds\}:/.test(key)));
  assert.ok(keys.some((key) => key.startsWith('team-a:incumbent:{worlds}:register')));
});

test('a database that the server does not have is told at every attempt', async (t) => {
  const fleet = new Fleet(t, {});
  const candidate = fleet.create({ redis: { port: redis.port, db: 99 } });
  const codes = errorCodes(candidate);
  candidate.start().catch(() => {});
  await eventually(() => codes.length >= 4);
  assert.deepEqual([...new Set(codes)], ['ERR_REDIS_FAILED']);
});

test('the connections bear the name that was chosen', async (t) => {
  const fleet = new Fleet(t, { kind: 'named' });
  await fleet.start({ redis: { port: redis.port, clientName: 'orders/7' } });
  assert.equal((await connections(redis, 'orders/7')).length, 2);
});

test('a user of the access control list with the rights of one kind takes part', async (t) => {
  const password = secretOf('p@ss/w:rd');
  await redis.cli('ACL', 'SETUSER', 'svc', 'on', `>${password}`, '~*', '&*', '+@all');
  const fleet = new Fleet(t, { kind: 'users' });
  const redisOptions = { port: redis.port, username: 'svc', password, clientName: 'svc' };
  await fleet.start({ redis: redisOptions });
  const url = `redis://svc:${encodeURIComponent(password)}@localhost:${redis.port}`;
  const member = await fleet.start({ redis: url });
  assert.equal((await member.getInstances()).length, 2);
  assert.ok((await connections(redis, 'svc')).every((line) => line.includes(' user=svc ')));
  assert.equal((await connections(redis, 'svc')).length, 2);
});
