// lead(), handing over, and who may lead, over each medium as it is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Candidate, Reign } from 'incumbent';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, errorCodes, onEachMedium, theLeader } from './fixtures/fleet.ts';

const leaseMs = 400;

/** A function for lead() that ends when its signal does, a moment later, and notes when. */
function work(candidate: Candidate, notes: string[], name: string, cleanUpMs = 0) {
  return candidate.lead(async ({ signal }) => {
    notes.push(`${name} begins`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    if (signal.reason.code === 'ERR_NOT_LEADER') assert.equal(candidate.isLeader(), false);
    await new Promise((resolve) => setTimeout(resolve, cleanUpMs));
    notes.push(`${name} ends`);
  });
}

onEachMedium((place) => {
  for (const [how, giveUp] of Object.entries<(leader: Candidate, other: Candidate) => unknown>({
    'stop()': (leader) => leader.stop(),
    'reelect()': (leader) => leader.reelect(),
    'transferTo()': (leader, other) => leader.transferTo(other.id),
  })) {
    test(`${how}: the next function begins when the last one has ended`, async (t) => {
      const [leader, follower] = await new Fleet(t, { ...place(), leaseMs }).lead(1);
      const notes: string[] = [];
      work(leader, notes, 'first', leaseMs * 2);
      work(follower!, notes, 'second');
      await eventually(() => notes.length === 1);
      await giveUp(leader, follower!);
      await eventually(() => notes.length === 3);
      assert.deepEqual(notes, ['first begins', 'first ends', 'second begins']);
    });
  }

  test('a drain that takes too long rejects reelect(), and the lease runs out before another leads', async (t) => {
    const fleet = new Fleet(t, { ...place(), kind: 'overrun', leaseMs, drainMs: 100 });
    const [leader, follower] = await fleet.lead(1);
    await new Promise<void>((begun) => leader.lead(() => new Promise(() => begun())));
    const heard = collect(follower!, ['elected']);
    const askedAt = performance.now();
    await assert.rejects(leader.reelect(), { code: 'ERR_DRAIN_TIMEOUT' });
    const { at } = await heard.first('elected');
    assert.ok(at - askedAt > 100 + leaseMs / 2, `${at - askedAt}`);
  });

  test('stop() with a function that never ends resolves, and tells of it by an error', async (t) => {
    const fleet = new Fleet(t, { ...place(), kind: 'overrun of stop', leaseMs, drainMs: 50 });
    const leader = await fleet.start();
    const codes = errorCodes(leader);
    await new Promise<void>((begun) => leader.lead(() => new Promise(() => begun())));
    await leader.stop();
    assert.deepEqual(codes, ['ERR_DRAIN_TIMEOUT']);
  });

  test('a function that throws hands over, and its error is whole', async (t) => {
    const [leader, follower] = await new Fleet(t, { ...place(), leaseMs }).lead(1);
    const error = new TypeError('whole');
    const { done } = leader.lead(() => {
      throw error;
    });
    const caught = await done.catch((reason) => reason);
    assert.equal(caught, error);
    await eventually(() => follower!.isLeader());
  });

  test('keep: false passes the leadership on when the function has returned', async (t) => {
    const members = await new Fleet(t, { ...place(), leaseMs }).lead(2);
    const runs: number[] = [];
    members.forEach((member, index) => member.lead(() => void runs.push(index), { keep: false }));
    await eventually(() => new Set(runs).size === 3);
  });

  test('a loop that is blocked beyond maxStallMs finds its signal aborted and is no leader at its first line', async (t) => {
    const fleet = new Fleet(t, { ...place(), leaseMs, maxStallMs: leaseMs });
    const [leader] = await fleet.lead(0);
    const heard = collect(leader, ['stall', 'defeated']);
    const reigns: Reign[] = [];
    leader.lead((reign) => void reigns.push(reign));
    await eventually(() => reigns.length === 1);
    for (const end = performance.now() + 3 * leaseMs; performance.now() < end;);
    const [aborted, leads, { why }] = [
      reigns[0]!.signal.aborted,
      leader.isLeader(),
      reigns[0]!.signal.reason,
    ];
    assert.deepEqual([aborted, leads], [true, false]);
    assert.ok(['expired', 'stalled'].includes(why), why);
    const { ms } = (await heard.first('stall')).args[0];
    assert.ok(ms >= leaseMs && ms < 60_000, `${ms}`);
    await eventually(() => leader.stats().stalls.count === 1);
    await eventually(() => reigns.length === 2);
  });

  test('transferTo() gives it to that one of several, and to nobody who may not have it', async (t) => {
    const fleet = new Fleet(t, { ...place(), leaseMs });
    const [leader, ...others] = await fleet.lead(2);
    const onlooker = await fleet.start({ eligible: false });
    const reigns: Reign[] = [];
    leader.on('elected', (reign) => reigns.push(reign));
    await eventually(async () => (await leader.getInstances()).length === 4);
    for (const id of ['0'.repeat(24), leader.id, onlooker.id, '']) {
      await assert.rejects(leader.transferTo(id), { code: 'ERR_INVALID_ARGUMENT' }, id);
      assert.equal(leader.isLeader(), true);
    }
    await assert.rejects(others[0]!.transferTo(leader.id), { code: 'ERR_NOT_LEADER' });
    for (const next of [...others, leader]) {
      const present = await theLeader([leader, ...others]);
      assert.equal(await present.transferTo(next.id), next.id);
      await eventually(() => next.isLeader());
    }
    await eventually(() => reigns.length === 1);
  });

  test('at a vacancy the highest priority comes first; one that preempts yields to it', async (t) => {
    const fleet = new Fleet(t, { ...place(), leaseMs });
    const low = await fleet.start({ priority: -1, preempt: true });
    const middle = await fleet.start();
    const high = await fleet.start({ priority: 5 });
    // The lowest leads, since it was the first, and yields.
    await eventually(() => high.isLeader());
    await high.stop();
    await eventually(() => middle.isLeader());
    await middle.stop();
    await eventually(() => low.isLeader());
  });

  test('one that is not eligible never leads, and knows it; it may start where nobody leads', async (t) => {
    const fleet = new Fleet(t, { ...place(), leaseMs });
    const onlooker = await fleet.start({ eligible: false });
    assert.equal((await onlooker.getInstances()).length, 1);
    assert.match(onlooker.explain(), /never leads, since its option eligible is false/);
    const leader = await fleet.start();
    assert.equal(leader.isLeader(), true);
    const heard = collect(onlooker, ['elected', 'leader']);
    await leader.stop();
    await heard.first('leader', (id) => id === undefined);
    const next = await fleet.start();
    assert.equal(next.isLeader(), true);
    assert.deepEqual(heard.names('elected'), []);
  });

  test('with minInstances nobody leads before so many are known', async (t) => {
    const fleet = new Fleet(t, { ...place(), leaseMs, minInstances: 2 });
    const first = await fleet.start();
    assert.deepEqual([first.isLeader(), first.health().status], [false, 'degraded']);
    assert.match(first.explain(), /knows 1 of the 2 instances/);
    const second = await fleet.start();
    const leader = await theLeader([first, second]);
    const other = leader === first ? second : first;
    await other.stop();
    await eventually(async () => (await leader.getInstances()).length === 1);
    assert.equal(leader.isLeader(), true, 'a leader that is there stays');
  });

  test('a checkpoint reaches the next leader, and outlives a time without any instance', async (t) => {
    const options = { ...place(), kind: 'left behind', leaseMs };
    const [leader, follower] = await new Fleet(t, options).lead(1);
    assert.equal(await follower!.getCheckpoint(), undefined);
    await assert.rejects(follower!.setCheckpoint(1), { code: 'ERR_NOT_LEADER' });
    const value = { at: [1, 'ü', null, { deep: 2 ** 53 }], big: 'x'.repeat(60_000) };
    await leader.setCheckpoint(value);
    assert.ok(isDeepStrictEqual(await follower!.getCheckpoint(), value));
    const seen: unknown[] = [];
    follower!.on('elected', ({ checkpoint }) => seen.push(checkpoint));
    follower!.lead(({ checkpoint }) => void seen.push(checkpoint));
    await leader.stop();
    await eventually(() => seen.length === 2);
    assert.ok(isDeepStrictEqual(seen, [value, value]));
    await follower!.setCheckpoint(null);
    await follower!.stop();

    const [later] = await new Fleet(t, options).lead(0);
    assert.equal(await later.getCheckpoint(), null);
  });

  test('a leader that stops can still leave a checkpoint, until its function has ended', async (t) => {
    const [leader, follower] = await new Fleet(t, { ...place(), leaseMs }).lead(1);
    leader.lead(async ({ term, signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      const { at } = (await leader.getCheckpoint()) ?? { at: 0 };
      await leader.setCheckpoint({ at: at + 1 }, { term });
    });
    await leader.setCheckpoint({ at: 6 });
    await leader.stop();
    await eventually(() => follower!.isLeader());
    assert.deepEqual(await follower!.getCheckpoint(), { at: 7 });
  });

  test('a write for another term is refused, though this instance leads', async (t) => {
    const [leader] = await new Fleet(t, { ...place(), leaseMs }).lead(0);
    const term = leader.currentTerm;
    await leader.reelect();
    await eventually(() => leader.isLeader());
    await assert.rejects(leader.setCheckpoint(1, { term }), { code: 'ERR_NOT_LEADER' });
    await leader.setCheckpoint(2, { term: leader.currentTerm });
    assert.equal(await leader.getCheckpoint(), 2);
  });

  test('what is counted and said is what happened', async (t) => {
    const fleet = new Fleet(t, { ...place(), leaseMs });
    const before = fleet.create();
    assert.deepEqual([before.health().status, before.stats().instances], ['down', 0]);
    const [leader, follower] = await fleet.lead(1);
    await leader.messageAll('news');
    await eventually(() => follower!.stats().messages.received === 1);
    await eventually(() => leader.stats().renewals.granted > 2 && leader.stats().instances === 2);
    const stats = leader.stats();
    assert.deepEqual(
      [stats.state, stats.term, stats.leader, stats.takeovers, stats.messages.sent],
      ['leader', leader.currentTerm, leader.id, 1, 1],
    );
    assert.ok(stats.validForMs > 0 && stats.validForMs <= leaseMs * 0.8, `${stats.validForMs}`);
    assert.ok(stats.roundTripMs.p99! >= stats.roundTripMs.p50!);
    for (const [candidate, role] of [
      [leader, 'leader'],
      [follower!, 'follower'],
    ] as const) {
      await eventually(() => candidate.health().status === 'up');
      const { since, ...health } = candidate.health();
      assert.deepEqual(health, {
        status: 'up',
        role,
        leader: leader.id,
        term: leader.currentTerm,
        connected: true,
        subscribed: true,
      });
    }
    await leader.stop();
    await eventually(() => follower!.stats().takeovers === 1);
    assert.deepEqual([leader.health().status, leader.stats().validForMs], ['down', 0]);
  });

  test('every pair of stop(), reelect(), transferTo() and a function that throws settles', async (t) => {
    type Act = (leader: Candidate, other: Candidate) => Promise<unknown>;
    const acts: Record<string, Act> = {
      stop: (leader) => leader.stop(),
      reelect: (leader) => leader.reelect(),
      transferTo: (leader, other) => leader.transferTo(other.id),
      throwing: async (leader) => {
        const { done, stop } = leader.lead(() => Promise.reject(new Error('own')));
        const settled = done.catch(({ message }) => assert.equal(message, 'own'));
        // Where another call was first, it never runs, and would wait for the next reign.
        await nextTurn();
        await stop();
        await settled;
      },
      endHandle: (leader) => leader.lead(() => {}).stop(),
    };
    for (const [first, one] of Object.entries(acts)) {
      for (const [second, two] of Object.entries(acts)) {
        const fleet = new Fleet(t, { ...place(), kind: `${first} and ${second}`, leaseMs });
        const [leader, other] = await fleet.lead(1);
        const notes: string[] = [];
        const handle = work(leader, notes, 'function', 5);
        await eventually(() => notes.length === 1);
        const settled = await Promise.allSettled([one(leader, other!), two(leader, other!)]);
        const reasons = settled.map((each) => each.status === 'rejected' && each.reason);
        for (const reason of reasons.filter(Boolean)) {
          const codes = ['ERR_NOT_LEADER', 'ERR_NOT_STARTED', 'ERR_STOPPED'];
          assert.ok(codes.includes(reason.code), `${first} and ${second}: ${reason}`);
        }
        await handle.stop();
        await handle.done;
        assert.equal(notes.filter((note) => note.includes('begins')).length, notes.length / 2);
        await Promise.all([leader.stop(), other!.stop()]);
      }
    }
  });
});
