'use strict';
// A process whose memory is looked at step by step: bare, with a library loaded, with contenders. Task as for
// election.cjs; run with --expose-gc.

const { setTimeout: sleep } = require('node:timers/promises');
const { serve, task } = require('./channel.cjs');

/** @type {any} */
let create;
/** @type {any[]} */
const contenders = [];

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
  async resident() {
    for (let round = 0; round < 3; round++) {
      globalThis.gc?.();
      await sleep(100);
    }
    return process.memoryUsage.rss();
  },
});
