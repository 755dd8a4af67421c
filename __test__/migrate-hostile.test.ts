// Option `migrate`: junk, forgeries, missing rights and a server that forgets, in the middle of a move.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { commandsOf, MixedFleet } from './fixtures/mixed-fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

describe('what others write', { concurrency: 3 }, () => {
  test('junk on the old channels and in the old keys is counted, and does not harm', async (t) => {
    const kind = 'junk';
    const fleet = new Fleet(t, { redis: redis.url, kind, migrate: 'node-raft-redis' });
    const one = await fleet.start();
    const commands = await commandsOf(t, redis);
    const messages: unknown[] = [];
    one.on('message', ({ message }) => messages.push(message));
    const junk = [
      '',
      '{',
      'null',
      '[]',
      '7',
      '{"from":7}',
      '{"type":"check"}',
      '\u0000',
      '[['.repeat(10_000),
    ];
    for (const text of junk) {
      for (const channel of [
        'messages:junk',
        `messages:junk:${one.id}`,
        'messages:junk:leader',
        'events:junk',
      ]) {
        await commands.publish(`consensus-${channel}`, text);
      }
    }
    for (const [number, text] of junk.entries())
      await commands.set(`consensus-nodes:junk:junk${number}`, text);
    await commands.hSet('consensus-nodes:junk:hash', 'a', 1);
    await eventually(() => one.stats().malformed >= 4 * junk.length + junk.length - 1);
    await commands.publish(
      'consensus-messages:junk',
      '{"message":{"__proto__":{"a":1},"b":2},"from":"x"}',
    );
    await eventually(() => messages.length === 1);
    assert.deepEqual(messages, [{ b: 2 }]);
    assert.ok(one.isLeader());
    assert.equal(one.stats().legacyInstances, 0);
    assert.deepEqual(
      (await one.getInstances()).map(({ id }) => id),
      [one.id],
    );
  });

  for (const term of ['9007199254740992', '1e300', '1e999']) {
    test(`a forged old term of ${term} does not lock the fleet`, async (t) => {
      const fleet = new MixedFleet(t, redis.url);
      const [, other] = await fleet.startAllOld(3);
      const commands = await commandsOf(t, redis);
      const forged = `{"type":"check","from":"forger","currentTerm":${term}}`;
      await commands.publish(`consensus-events:${fleet.kind}`, forged);
      await eventually(() => other!.leaderId === 'forger');
      const one = await fleet.startNew();
      await eventually(() => fleet.old.every(({ leaderId }) => leaderId === one.id));
      assert.ok(one.isLeader() && one.currentTerm < 2 ** 52);
      const two = await fleet.startNew();
      await commands.publish(`consensus-events:${fleet.kind}`, forged);
      await fleet.noOldOneLeads(async () => {
        await one.stop();
        await eventually(() => two.isLeader());
        await eventually(() => fleet.old.every(({ leaderId }) => leaderId === two.id));
      });
      assert.ok(two.currentTerm < 2 ** 52);
      await eventually(() =>
        fleet.old.every(({ leaderId, state }) => leaderId === two.id && state === 'follower'),
      );
    });
  }

  test('a server that restarts and forgets in the middle of the move comes back to one new leader', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const fleet = new MixedFleet(t, server.url);
    await fleet.startAllOld(3);
    await fleet.startNew();
    await fleet.startNew();
    for (const one of fleet.fresh) one.on('error', () => {});
    const gone = collect(fleet.fresh[0]!, ['legacyGone']);
    await server.kill();
    await sleep(1500);
    await server.restart();
    const leader = await eventually(() => fleet.fresh.find((one) => one.isLeader()));
    await eventually(() =>
      fleet.old.every(({ leaderId, state }) => leaderId === leader.id && state === 'follower'),
    );
    await eventually(() => fleet.fresh.every((one) => one.stats().legacyInstances === 3));
    assert.deepEqual(gone.events, []);
    // What it failed at while the server was away is its own.
    for (const { crashes } of fleet.old) crashes.length = 0;
  });
});
