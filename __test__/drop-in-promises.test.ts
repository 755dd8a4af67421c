// What the promises say when they resolve, and when they reject.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Candidate, Options } from 'incumbent';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, onEachMedium } from './fixtures/fleet.ts';

const idsOf = async (candidate: Candidate) =>
  (await candidate.getInstances()).map(({ id }) => id).sort();

onEachMedium((place) => {
  test('start() resolves once a leader is known: this instance itself, or another one', async (t) => {
    const fleet = new Fleet(t, place());
    const leader = await fleet.start();
    assert.equal(leader.state, 'leader');
    const joiner = await fleet.start();
    assert.equal(joiner.state, 'follower');
    assert.equal(await joiner.waitForLeader(), leader.id);
  });

  test('when start() has resolved, a joiner knows the leader and its term, and is listed', async (t) => {
    const fleet = new Fleet(t, place());
    const leader = await fleet.start({ meta: { region: 'north' } });
    for (let round = 0; round < 10; round++) {
      const joiner = await fleet.start();
      assert.deepEqual(await joiner.getLeader(), {
        id: leader.id,
        meta: { region: 'north' },
        state: 'leader',
      });
      assert.equal(joiner.currentTerm, leader.currentTerm);
      assert.ok((await idsOf(joiner)).includes(joiner.id));
      assert.ok((await idsOf(leader)).includes(joiner.id));
    }
  });

  test('many that start at once agree on one leader', async (t) => {
    const fleet = new Fleet(t, place());
    const candidates = await Promise.all(Array.from({ length: 10 }, () => fleet.start()));
    const leaders = await Promise.all(candidates.map((one) => one.waitForLeader()));
    assert.equal(new Set(leaders).size, 1);
    assert.deepEqual(
      candidates.filter((one) => one.isLeader()).map(({ id }) => id),
      [leaders[0]],
    );
    assert.equal(new Set(candidates.map((one) => one.currentTerm)).size, 1);
  });

  test('start() on a running candidate resolves at once and changes nothing', async (t) => {
    const [leader] = await new Fleet(t, place()).lead(0);
    const heard = collect(leader);
    const term = leader.currentTerm;
    assert.equal(await leader.start(), undefined);
    await leader.getInstances();
    assert.deepEqual(heard.names(), []);
    assert.equal(leader.currentTerm, term);
  });

  test('before a start and after a stop, messages and questions reject', async (t) => {
    const fleet = new Fleet(t, place());
    const idle = fleet.create();
    const stopped = await fleet.start();
    await stopped.stop();
    for (const candidate of [idle, stopped]) {
      const code = { name: 'IncumbentError', code: 'ERR_NOT_STARTED' };
      await assert.rejects(candidate.messageAll(1), code);
      await assert.rejects(candidate.messageLeader(1), code);
      await assert.rejects(candidate.messageFollowers(1), code);
      await assert.rejects(candidate.messageTo(stopped.id, 1), code);
      await assert.rejects(candidate.getInstances(), code);
      await assert.rejects(candidate.getLeader(), code);
      await assert.rejects(candidate.setMeta('new'), code);
    }
  });

  test('the id stays the same over stop and start', async (t) => {
    const fleet = new Fleet(t, place());
    const candidate = fleet.create();
    const { id } = candidate;
    for (let round = 0; round < 3; round++) {
      await candidate.start();
      assert.equal(candidate.id, id);
      assert.deepEqual(await idsOf(candidate), [id]);
      await candidate.stop();
      assert.equal(candidate.id, id);
    }
  });

  test('getInstances() gives id, meta and state of all, this instance included', async (t) => {
    const fleet = new Fleet(t, place());
    const leader = await fleet.start({ meta: { number: 1 } });
    const follower = await fleet.start({ meta: ['two'] });
    const plain = await fleet.start();
    const expected = [
      { id: leader.id, meta: { number: 1 }, state: 'leader' },
      { id: follower.id, meta: ['two'], state: 'follower' },
      { id: plain.id, meta: '', state: 'follower' },
    ].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const asked of [leader, follower, plain]) {
      const instances = await asked.getInstances();
      assert.deepEqual(
        instances.sort((a, b) => (a.id < b.id ? -1 : 1)),
        expected,
      );
    }
  });

  test('getLeader() gives one of these, and undefined where there is none', async (t) => {
    const fleet = new Fleet(t, place());
    const [leader, follower] = await fleet.lead(1);
    const expected = { id: leader.id, meta: '', state: 'leader' };
    assert.deepEqual(await leader.getLeader(), expected);
    assert.deepEqual(await follower!.getLeader(), expected);

    await follower!.stop();
    // Alone, and standing back from the leadership that it has just given up.
    const released = leader.reelect();
    assert.equal(await leader.getLeader(), undefined);
    await released;
    await eventually(async () => (await leader.getLeader())?.id === leader.id);
  });

  test('the meta of the options is used, and a new one is visible to all at once', async (t) => {
    const fleet = new Fleet(t, place());
    const leader = await fleet.start({ meta: 'old' });
    const follower = await fleet.start();
    assert.equal((await follower.getLeader())!.meta, 'old');
    for (const meta of ['new', { deep: [1, null] }, 0, null, false]) {
      assert.equal(await leader.setMeta(meta), undefined);
      assert.deepEqual((await follower.getLeader())!.meta, meta);
      assert.deepEqual((await leader.getLeader())!.meta, meta);
      assert.deepEqual(leader.meta, meta);
      assert.deepEqual(leader.getMeta(), meta);
    }
  });

  test('a meta set during one run is shown in the next', async (t) => {
    const fleet = new Fleet(t, place());
    const [leader, follower] = await fleet.lead(1);
    await follower!.setMeta('set');
    await follower!.stop();
    await follower!.start();
    const shown = (await leader.getInstances()).find(({ id }) => id === follower!.id);
    assert.equal(shown?.meta, 'set');
  });

  test('one that stops is gone from the list at once', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    await follower!.stop();
    assert.deepEqual(await idsOf(leader), [leader.id]);
  });

  test('a peer whose thread was terminated is told as gone, and is listed no more', async (t) => {
    const fleet = new Fleet(t, place());
    const [leader] = await fleet.lead(0);
    const heard = collect(leader);
    const { worker, id } = await startInThread(place());
    t.after(() => worker.terminate());
    assert.deepEqual(await idsOf(leader), [leader.id, id].sort());
    await worker.terminate();
    await heard.first('left', (instance) => instance.id === id);
    assert.deepEqual(await idsOf(leader), [leader.id]);
  });
});

/** A candidate of the same kind in a thread of its own. */
function startInThread(place: Options): Promise<{ worker: Worker; id: string }> {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { Candidate } = require('incumbent');
    const candidate = new Candidate(workerData);
    candidate.start().then(() => parentPort.postMessage(candidate.id));
  `;
  const worker = new Worker(program, {
    eval: true,
    workerData: { kind: 'orders', ...place },
    execArgv: [],
  });
  return new Promise((resolve, reject) => {
    worker.once('message', (id) => resolve({ worker, id }));
    worker.once('error', reject);
  });
}
