'use strict';
// Sleeps for 1 ms at a time, and notes each time that it woke more than 2 ms too late. Asked, it tells the worst since a
// moment, with what it is late at that very moment. See host-lateness.ts.

const { parentPort } = require('node:worker_threads');

const everyNs = 1_000_000n;
const worthNoting = 2;

/** @type {{ at: bigint, ms: number }[]} */
let late = [];
let expected = process.hrtime.bigint() + everyNs;

function tick() {
  note();
  setTimeout(tick, 1);
}

function note() {
  const at = process.hrtime.bigint();
  const ms = Number(at - expected) / 1e6;
  if (ms > worthNoting) late.push({ at, ms });
  if (late.length > 100_000) late = late.slice(-50_000);
  expected = process.hrtime.bigint() + everyNs;
}

tick();

parentPort?.on('message', (/** @type {bigint} */ since) => {
  note();
  const worst = late.filter(({ at }) => at >= since).map(({ ms }) => ms);
  parentPort?.postMessage(Math.max(0, ...worst));
});
