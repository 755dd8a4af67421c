// Candidates in worker threads, which end in every way that a thread can.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Options } from 'incumbent';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, onEachMedium } from './fixtures/fleet.ts';

/** A thread with candidates of its own, which tells its ids once they have started, and ends as it is told. */
async function startThread(t: TestContext, options: Options, count = 1) {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { Candidate } = require('incumbent');
    const candidates = Array.from({ length: workerData.count }, () => new Candidate(workerData.options));
    for (const one of candidates) one.on('error', () => {});
    Promise.all(candidates.map((one) => one.start())).then(() => {
      parentPort.postMessage({ ids: candidates.map((one) => one.id), leads: candidates.some((one) => one.isLeader()) });
    });
    parentPort.on('message', (how) => {
      if (how === 'exit') process.exit(3);
      if (how === 'throw') throw new Error('on purpose');
      if (how === 'send') for (const one of candidates) for (let number = 0; number < 1000; number++) one.messageAll(number);
      if (how === 'stop') Promise.all(candidates.map((one) => one.stop())).then(() => parentPort.close());
    });
  `;
  const workerData = { count, options: { kind: 'threads', ...options } };
  const worker = new Worker(program, { eval: true, workerData, execArgv: [] });
  t.after(() => worker.terminate());
  const [{ ids, leads }] = (await once(worker, 'message')) as [{ ids: string[]; leads: boolean }];
  return { worker, ids, leads };
}

onEachMedium((place) => {
  const kind = 'threads';

  for (const end of ['terminate', 'exit', 'throw', 'send and terminate'] as const) {
    test(`a leader whose thread ends (${end}) is followed by the next one, and the process lives on`, async (t) => {
      const fleet = new Fleet(t, { ...place(), kind });
      const thread = await startThread(t, place());
      assert.equal(thread.leads, true);
      const follower = await fleet.start();
      const heard = collect(follower);
      assert.equal(follower.isLeader(), false);
      // Only of one that was known is it told that it left.
      const known = await follower.getInstances();
      assert.ok(known.some(({ id }) => id === thread.ids[0]));

      const exited = new Promise((resolve) => thread.worker.once('exit', resolve));
      const errors: unknown[] = [];
      thread.worker.on('error', (error) => errors.push(error));
      if (end.startsWith('send')) thread.worker.postMessage('send');
      if (end.endsWith('terminate')) void thread.worker.terminate();
      else thread.worker.postMessage(end);
      await exited;
      assert.deepEqual(errors.map(String), end === 'throw' ? ['Error: on purpose'] : []);
      await heard.first('elected');
      await heard.first('left', ({ id }) => id === thread.ids[0]);
      await follower.messageAll('still here');
    });
  }

  test('a thread whose candidates have stopped ends by itself', async (t) => {
    const thread = await startThread(t, place());
    thread.worker.postMessage('stop');
    const [code] = await once(thread.worker, 'exit');
    assert.equal(code, 0);
  });

  test('many threads with several candidates each, ended while they run, disturb nobody', async (t) => {
    const fleet = new Fleet(t, { ...place(), kind });
    const [leader] = await fleet.lead(0);
    const elections = collect(leader, ['defeated']);
    for (let round = 0; round < 5; round++) {
      const threads = await Promise.all([1, 2, 3].map((count) => startThread(t, place(), count)));
      const ids = threads.flatMap((thread) => thread.ids);
      assert.equal(new Set([...ids, leader.id]).size, 7);
      for (const { worker } of threads) worker.postMessage('send');
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
    }
    await eventually(async () => (await leader.getInstances()).length === 1);
    assert.deepEqual(elections.names(), []);
    assert.equal(leader.isLeader(), true);
  });
});
