'use strict';
// A process with one or many contenders for the leadership, of whatever library. Task: { contender, url, kind, options };
// `urls` and `kinds`, where given, are those of each contender in turn.

const { serve, task, tell } = require('./channel.cjs');

const create = require(`../contenders/${task.contender}.cjs`);

/** @type {any[]} */
const contenders = [];

/** @param {number} number */
function contender(number) {
  return (contenders[number] ??= create({
    url: task.urls?.[number] ?? task.url,
    kind: task.kinds?.[number] ?? task.kind,
    options: task.options ?? {},
    elected: () => tell({ elected: number, at: process.hrtime.bigint() }),
    failed: (/** @type {Error} */ error) => tell({ failed: error.message }),
  }));
}

/**
 * Calls it, and says when that was and when its promise was fulfilled.
 * @param {() => unknown} deed
 */
async function timed(deed) {
  const calledAt = process.hrtime.bigint();
  await deed();
  return { calledAt, doneAt: process.hrtime.bigint() };
}

serve({
  start: (number = 0) => timed(() => contender(number).start()),
  /** All of them at once. @param {number} first @param {number} count */
  startSome: (first, count) =>
    timed(() =>
      Promise.all(Array.from({ length: count }, (_, number) => contender(first + number).start())),
    ),
  stop: (number = 0) => timed(() => contender(number).stop()),
  reelect: (number = 0) => timed(() => contender(number).reelect()),
  /** When the first ones saw that one leads and all are there. @param {number} count @param {number} [ofThese] */
  whole: (count, ofThese = 1) =>
    timed(() => Promise.all(contenders.slice(0, ofThese).map((one) => one.whole(count)))),
  cpu: () => process.cpuUsage(),
});
