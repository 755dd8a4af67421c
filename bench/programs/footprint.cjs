'use strict';
// A process whose memory is looked at step by step: bare, with a library loaded, with contenders. Task as for
// election.cjs; run with --expose-gc.

const { setTimeout: sleep } = require('node:timers/promises');
const { serve, task } = require('./channel.cjs');

/** @type {any} */
let create;
/** @type {any[]} */
const contenders = [];

const LOOK_MS = 1000;
/** So many looks in a row that found no less. */
const STEADY_LOOKS = 8;
const MOST_LOOKS = 60;

serve({
  /** Loads the library, and says how long that took in ms. */
  load() {
    const startedAt = performance.now();
    for (const library of task.libraries) require(library);
    return performance.now() - startedAt;
  },
  /** Starts more contenders until there are `count`. @param {number} count */
  async grow(count) {
    create ??= require(`../contenders/${task.contender}.cjs`);
    const { url, options = {} } = task;
    const starts = [];
    while (contenders.length < count) {
      const kind = task.hasKindEach ? `${task.kind}-${contenders.length}` : task.kind;
      const settings = { url, kind, options, elected() {}, failed() {} };
      const contender = create(settings);
      contenders.push(contender);
      starts.push(contender.start());
    }
    await Promise.all(starts);
  },
  /** The resident memory in bytes, when what is garbage was collected. */
  resident: async () => resident(),
  /** The same once it falls no more: what a burst took is given back by and by, by V8 as by the allocators. */
  async settled() {
    let least = await resident();
    for (let steady = 0, looks = 0; steady < STEADY_LOOKS && looks < MOST_LOOKS; looks++) {
      await sleep(LOOK_MS);
      const now = await resident();
      steady = now < 0.995 * least ? 0 : steady + 1;
      least = Math.min(least, now);
    }
    return least;
  },
});

async function resident() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await sleep(100);
  }
  return process.memoryUsage.rss();
}
