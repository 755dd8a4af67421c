// Option `migrate`: one leader over instances of node-raft-redis, played by their rules, and those of Incumbent.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import type { Candidate } from 'incumbent';
import { collect, eventually } from './fixtures/eventually.ts';
import { commandsOf, listOf, MixedFleet } from './fixtures/mixed-fleet.ts';
import { Records } from './fixtures/oracle.ts';
import { spawnCandidate } from './fixtures/processes.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

describe('one leader', { concurrency: 3 }, () => {
  test('the first new instance replaces the old leader, who is told so once', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const [leader, ...others] = await fleet.startAllOld(3);
    const heard = collect(leader, ['defeated', 'statechange']);
    const unmoved = others.map((one) => collect(one, ['defeated', 'statechange']));
    const fresh = fleet.startNew();
    await eventually(() => fleet.fresh[0]!.isLeader());
    assert.ok(!fleet.old.some((one) => one.leads), 'nobody else leads at that moment');
    await fresh;
    await fleet.noOldOneLeads(() => sleep(1700));
    const { id } = fleet.fresh[0]!;
    assert.deepEqual(
      heard.events.map(({ name, args }) => [name, ...args]),
      [
        ['defeated', id],
        ['statechange', 'follower'],
      ],
    );
    for (const { events } of unmoved) assert.deepEqual(events, []);
    assert.deepEqual(
      fleet.old.map(({ leaderId }) => leaderId),
      [id, id, id],
    );
  });

  test('it says nothing of its leadership before all old ones follow', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const [leader] = await fleet.startAllOld(2);
    leader.deafen();
    const warnings: Error[] = [];
    const listener = (warning: Error) => warnings.push(warning);
    process.on('warning', listener);
    t.after(() => process.off('warning', listener));
    const starting = fleet.startNew();
    const [one] = fleet.fresh as [Candidate];
    const heard = collect(one);
    const commands = await commandsOf(t, redis);
    await eventually(() => commands.hGet(`incumbent:{${fleet.kind}}:register`, 'holder'));
    const grantedAt = performance.now();
    assert.equal(one.isLeader(), false);
    assert.equal(one.state, 'candidate');
    assert.deepEqual(heard.of('elected'), []);
    await starting;
    assert.ok(one.isLeader());
    const [elected] = heard.events.filter(({ name }) => name === 'elected');
    assert.ok(elected!.at - grantedAt > 1000, 'the old heartbeat was waited out');
    const warned = await eventually(() =>
      warnings.find(({ message }) => message.includes(leader.id)),
    );
    assert.equal((warned as any).code, 'WARN_MIGRATION');
    leader.heal();
    await eventually(() => !leader.leads);
  });

  test('an old instance that joins later follows, and is listed', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const one = await fleet.startNew({ meta: 'new' });
    const old = await fleet.startOld({ meta: 'old' });
    assert.equal(old.leaderId, one.id);
    assert.equal(old.state, 'follower');
    await eventually(() => old.getLeader()?.id === one.id);
    await eventually(() => one.stats().legacyInstances === 1);
  });

  test('while new instances hand over, crash and come back, no old one leads', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    await fleet.startAllOld(4);
    const first = await fleet.startNew({ leaseMs: 2500 });
    const second = await fleet.startNew({ leaseMs: 2500 });
    const third = await fleet.startNew({ leaseMs: 2500, eligible: false });
    await fleet.noOldOneLeads(async () => {
      await first.stop();
      await eventually(() => second.isLeader());
      await first.start();
      await second.reelect();
      await eventually(() => first.isLeader());
      await first.transferTo(second.id);
    });
    await eventually(() => third.stats().leader === second.id);
  });

  test('a new leader that is killed is replaced by a new one, however long its lease', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    await fleet.startAllOld(4);
    const options = { leaseMs: 3000, migrate: 'node-raft-redis' };
    const records = new Records();
    const task = { url: redis.url, kind: fleet.kind, records, options };
    const leader = await spawnCandidate(task);
    t.after(() => leader.kill());
    assert.ok(await leader.call('isLeader'));
    const other = await fleet.startNew({ leaseMs: 3000 });
    await fleet.noOldOneLeads(async () => {
      await leader.kill();
      await eventually(() => other.isLeader());
    });
  });

  test('when the last new instance leaves, the old ones elect as ever', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const one = await fleet.startNew();
    const two = await fleet.startNew();
    await Promise.all([fleet.startOld(), fleet.startOld()]);
    await Promise.all([one.stop(), two.stop()]);
    await eventually(() => fleet.old.filter((old) => old.leads).length === 1);
    const keys: string[] = await redis.cli('KEYS', `consensus-nodes:${fleet.kind}:*`);
    assert.deepEqual(
      keys.filter((key) => !key.includes(':old')),
      [],
    );
  });

  test('new instances that may not lead leave it to the old ones, and vote for them', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const [one] = await Promise.all([
      fleet.startNew({ eligible: false }),
      fleet.startNew({ eligible: false }),
      fleet.startNew({ minInstances: 9 }),
    ]);
    const [old] = await fleet.startAllOld(1);
    await eventually(async () => (await one!.getLeader())?.id === old.id);
    assert.deepEqual((await listOf(one!))[old.id], { meta: '', state: 'leader' });
    const joined = await fleet.startNew({ eligible: false });
    assert.equal((await joined.getLeader())?.id, old.id, 'known by the end of start()');
  });

  test('an old instance that believed while it was deaf is led again once it hears', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const [leader, ...others] = await fleet.startAllOld(3);
    leader.deafen();
    const one = await fleet.startNew();
    assert.ok(one.isLeader());
    assert.ok(leader.leads, 'the old half has no lease');
    assert.ok(!others.some((other) => other.leads));
    leader.heal();
    await eventually(() => !leader.leads);
    assert.ok(one.isLeader());
  });

  test('two old instances that believe both follow', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const [first, second] = await fleet.startAllOld(2);
    first.deafen();
    first.pause();
    await eventually(() => second!.leads);
    first.resume();
    assert.ok(first.leads && second!.leads);
    first.heal();
    const one = await fleet.startNew();
    assert.ok(one.isLeader() && !first.leads && !second!.leads);
  });
});
