// Option `waitReplicas`: what the replicas do not have does not count.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { readRegister } from './fixtures/register.ts';

let master: RedisServer;
let replica: RedisServer;
before(async () => {
  master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
  await isFollowed();
});
after(async () => {
  await replica.stop();
  await master.stop();
});

function isFollowed(): Promise<unknown> {
  return eventually(async () =>
    /^slave0:.*state=online/m.test(String(await master.cli('INFO', 'replication'))),
  );
}

test('whoever leads is named by the replica already', async (t) => {
  const fleet = new Fleet(t, { kind: 'named', redis: master.url, waitReplicas: 1 });
  const leader = await fleet.start();
  assert.equal(leader.isLeader(), true);
  const { holder, term } = await readRegister(replica, 'named');
  assert.ok(holder.startsWith(leader.id));
  assert.equal(term, leader.currentTerm);
});

test('a replica that does not answer: the leader gives up, nobody leads, until it is back', async (t) => {
  const options = { redis: { url: master.url }, waitReplicas: 1, leaseMs: 400 };
  const fleet = new ProcessFleet(t, { url: '', kind: 'alone', options });
  for (let number = 0; number < 2; number++) await fleet.start();
  const leader = await fleet.agreed();
  process.kill(replica.pid, 'SIGSTOP');
  t.after(() => process.kill(replica.pid, 'SIGCONT'));
  await eventually(async () => !(await leader.call('isLeader')));
  const elections = fleet.elections();
  await sleep(1500);
  assert.equal(fleet.elections(), elections, 'nobody is elected meanwhile');
  for (const one of fleet.living) assert.equal(await one.call('isLeader'), false);
  const messages = fleet.living.flatMap((one) => one.of('error').map(([error]) => error.message));
  assert.ok(
    messages.some((text) =>
      /^0 of 1 replicas of Redis at 127\.0\.0\.1:\d+ had the leader's record within \d+ ms \(option "waitReplicas"\)$/.test(
        text,
      ),
    ),
    messages[0],
  );
  process.kill(replica.pid, 'SIGCONT');
  const next = await fleet.agreed();
  assert.ok((await readRegister(replica, 'alone')).holder.startsWith(next.id));
  fleet.assertKeptPromise();
});

test('messages do not wait for replicas', async (t) => {
  await isFollowed();
  // So long that the wait for a replica is still on when the messages have come.
  const fleet = new Fleet(t, { kind: 'talk', redis: master.url, leaseMs: 30_000 });
  const first = await new Fleet(t, { kind: 'talk', redis: master.url, leaseMs: 100 }).start();
  const follower = await fleet.start();
  const waiting = fleet.create({ waitReplicas: 1 });
  void waiting.start();
  await first.getInstances();
  await eventually(async () => (await first.getInstances()).length === 3);
  process.kill(replica.pid, 'SIGSTOP');
  t.after(() => process.kill(replica.pid, 'SIGCONT'));
  await follower.stop();
  await first.stop();
  const heard: string[] = [];
  const listener = await fleet.start();
  listener.on('message', ({ message }) => heard.push(message as string));
  const blocked = await eventually(blockedClient);
  for (let count = 0; count < 20; count++) await waiting.messageAll(`${count}`);
  await eventually(() => heard.length === 20);
  assert.equal(await blockedClient(), blocked, 'the take was still waiting');
  process.kill(replica.pid, 'SIGCONT');
});

/** The id of the connection that waits for replicas, and since when. */
async function blockedClient(): Promise<string | undefined> {
  const clients = String(await master.cli('CLIENT', 'LIST'));
  return /^id=(\d+) .* cmd=wait /m.exec(clients)?.[1];
}

test('many candidates that share a connection', async (t) => {
  process.kill(replica.pid, 'SIGCONT');
  await isFollowed();
  const kinds = Array.from({ length: 24 }, (_, number) => `crowd-${number}`);
  const fleet = new Fleet(t, { redis: master.url, waitReplicas: 1 });
  const leaders = await Promise.all(kinds.map((kind) => fleet.start({ kind })));
  const terms = leaders.map(({ currentTerm }) => currentTerm);
  await sleep(2000);
  assert.deepEqual(
    leaders.map((leader) => leader.isLeader() && leader.currentTerm),
    terms,
  );
  process.kill(replica.pid, 'SIGSTOP');
  t.after(() => process.kill(replica.pid, 'SIGCONT'));
  await eventually(() => leaders.every((leader) => !leader.isLeader()));
  process.kill(replica.pid, 'SIGCONT');
  await eventually(() => leaders.every((leader) => leader.isLeader()));
});
