// Option `migrate`: one list of instances of node-raft-redis, played by their rules, and those of Incumbent.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { commandsOf, listOf, MixedFleet } from './fixtures/mixed-fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

describe('one list', { concurrency: 3 }, () => {
  test('all are listed on both sides with meta and state, and joins and departures are told', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const one = await fleet.startNew({ meta: { v: 2 } });
    const heard = collect(one, ['joined', 'left', 'legacyGone']);
    const old = await fleet.startOld({ meta: { v: 1 } });
    const expected = {
      [one.id]: { meta: { v: 2 }, state: 'leader' },
      [old.id]: { meta: { v: 1 }, state: 'follower' },
    };
    await eventually(async () => assert.deepEqual(await listOf(one), expected) ?? true);
    await eventually(async () => assert.deepEqual(await listOf(old), expected) ?? true);
    await one.setMeta({ v: 3 });
    await old.setMeta(0);
    const changed = {
      [one.id]: { meta: { v: 3 }, state: 'leader' },
      [old.id]: { meta: '', state: 'follower' },
    };
    await eventually(async () => assert.deepEqual(await listOf(one), changed) ?? true);
    await eventually(async () => assert.deepEqual(await listOf(old), changed) ?? true);
    await old.stop();
    await heard.first('legacyGone');
    assert.deepEqual(
      heard.events.map(({ name, args }) => [name, args[0]?.id]),
      [
        ['joined', old.id],
        ['left', old.id],
        ['legacyGone', undefined],
      ],
    );
    assert.equal(one.stats().legacyInstances, 0);
  });

  test('clocks that are wrong by 5 s take nobody from the list of a new instance', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const one = await fleet.startNew();
    const [late, early] = [
      await fleet.startOld({ skewMs: -5000 }),
      await fleet.startOld({ skewMs: 5000 }),
    ];
    await eventually(() => one.stats().legacyInstances === 2);
    const heard = collect(one, ['left']);
    // They delete each other's records meanwhile, and none of those of the new one.
    for (let look = 0; look < 100; look++) {
      await sleep(40);
      for (const old of [late, early]) {
        const ids = old.getInstances().map(({ id }) => id);
        assert.ok(ids.includes(one.id), `${one.id} is missing in ${ids}`);
      }
    }
    assert.deepEqual(heard.events, []);
  });

  test('kinds with letters that mean something in patterns, and kinds that begin alike, are kept apart', async (t) => {
    const fleet = new Fleet(t, { redis: redis.url, migrate: 'node-raft-redis' });
    const commands = await commandsOf(t, redis);
    const write = async () => {
      const record = JSON.stringify({ ts: Date.now(), meta: 1, state: 'follower' });
      for (const kind of ['s*c', 's*c:x', 'svc', 's[vx]c', 's?c']) {
        await commands.set(`consensus-nodes:${kind}:0123456789abcdefghijkl`, record);
      }
    };
    await write();
    const writing = setInterval(write, 300);
    t.after(() => clearInterval(writing));
    const one = await fleet.start({ kind: 's*c' });
    await eventually(() => one.stats().legacyInstances === 1);
    const other = await fleet.start({ kind: 's*c:x' });
    await eventually(() => other.stats().legacyInstances === 1);
    assert.equal((await one.getInstances()).length, 2);
  });

  test('it is written with an expiry, and read without KEYS', async (t) => {
    // One that no old instance uses.
    const server = await startRedis();
    t.after(() => server.stop());
    const fleet = new MixedFleet(t, server.url);
    const one = await fleet.startNew();
    const ttl = await server.cli('PTTL', `consensus-nodes:${fleet.kind}:${one.id}`);
    assert.ok(ttl > 0 && ttl <= 2500, `${ttl}`);
    await eventually(async () => {
      const stats: string = await server.cli('INFO', 'commandstats');
      assert.doesNotMatch(stats, /cmdstat_keys:/);
      return Number(/cmdstat_scan:calls=(\d+)/.exec(stats)?.[1]) > 1;
    });
  });
});
