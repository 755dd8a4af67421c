'use strict';
// Tells of each timer that came more than 2 ms too late. See host-lateness.ts.

const { parentPort } = require('node:worker_threads');

const everyNs = 1_000_000n;
const worthTelling = 2;

let expected = process.hrtime.bigint() + everyNs;
function tick() {
  const at = process.hrtime.bigint();
  const ms = Number(at - expected) / 1e6;
  if (ms > worthTelling) parentPort?.postMessage({ at, ms });
  expected = process.hrtime.bigint() + everyNs;
  setTimeout(tick, 1);
}
tick();
