'use strict';
// A process that sends messages, or that counts those which its listener gets. Task: { messenger, url, kind, options }.
//
// A message is a text: its number, when it was sent, and what fills it up to its size.

const { createHistogram } = require('node:perf_hooks');
const { setImmediate: turn, setTimeout: sleep } = require('node:timers/promises');
const { serve, task } = require('./channel.cjs');

const messenger = require(`../messengers/${task.messenger}.cjs`)(task);

// What a message has in front: its number and the time, each of a fixed width.
const numberWidth = 10;
const timeWidth = 20;

/** So many messages are handed over in one turn of the loop where nobody awaits them. */
const burst = 1000;

/** How many are to come, and what has come. */
const counts = { expected: 0, received: 0, outOfOrder: 0, last: 0, doneAt: 0n };
/** @type {import('node:perf_hooks').RecordableHistogram | undefined} */
let latency;
let cpuBefore = process.cpuUsage();

/** @param {string} text */
function receive(text) {
  const number = Number(text.slice(0, numberWidth));
  counts.received += 1;
  if (number < counts.last) counts.outOfOrder += 1;
  else counts.last = number;
  // The clock is not read for each: that would be a part of the cost of a message.
  if (counts.received === counts.expected) counts.doneAt = process.hrtime.bigint();
  if (!latency) return;
  const sentAt = BigInt(text.slice(numberWidth, numberWidth + timeWidth));
  const delay = process.hrtime.bigint() - sentAt;
  latency.record(delay > 0n ? delay : 1n);
}

/** @type {string} */
let filling = '';
let numbered = 0;

/** @param {number} bytes */
function fill(bytes) {
  filling = 'x'.repeat(bytes - numberWidth - timeWidth);
  numbered = 0;
}

/** @param {bigint} [sentAt] */
function message(sentAt = 0n) {
  numbered += 1;
  return (
    String(numbered).padStart(numberWidth, '0') + String(sentAt).padStart(timeWidth, '0') + filling
  );
}

/** Each is awaited before the next one is sent. @param {number} count */
async function awaited(count) {
  for (let sent = 0; sent < count; sent++) await messenger.send(message());
}

/** So many at a time are sent, then awaited. @param {number} count @param {number} size */
async function windows(count, size) {
  for (let sent = 0; sent < count; sent += size) {
    const window = [];
    for (let number = 0; number < Math.min(size, count - sent); number++)
      window.push(messenger.send(message()));
    await Promise.all(window);
  }
}

/**
 * None is awaited. What is refused at once, since too many are waiting, is made up for later, so that `count` are taken.
 * @param {number} count
 */
async function forgotten(count) {
  let refused = 0;
  for (let taken = 0; taken < count;) {
    const before = refused;
    const some = Math.min(burst, count - taken);
    for (let number = 0; number < some; number++) {
      messenger.send(message()).catch(() => {
        refused += 1;
      });
    }
    await turn();
    taken += some - (refused - before);
  }
  return refused;
}

/** So many a second, each at its time. @param {number} perSecond @param {number} seconds */
async function paced(perSecond, seconds) {
  const startedAt = performance.now();
  for (let sent = 0; sent < perSecond * seconds; sent++) {
    const wait = startedAt + (sent * 1000) / perSecond - performance.now();
    if (wait > 0) await sleep(wait);
    messenger.send(message(process.hrtime.bigint()));
  }
}

/** @type {Record<string, (...args: any[]) => Promise<number | void>>} */
const ways = { awaited, windows, forgotten, paced };

serve({
  /** Begins to receive; returns the address to send to. */
  receive: () => messenger.receive(receive),
  /** @param {string} address */
  connect: (address) => messenger.connect(address),
  async send(/** @type {string} */ way, /** @type {number} */ bytes, /** @type {any[]} */ ...args) {
    fill(bytes);
    const cpu = process.cpuUsage();
    const startedAt = process.hrtime.bigint();
    const refused = (await ways[way]?.(...args)) ?? 0;
    return { startedAt, refused, cpu: process.cpuUsage(cpu) };
  },
  /** Counts anew, up to so many. @param {number} expected @param {boolean} timesLatency */
  expect(expected, timesLatency) {
    Object.assign(counts, { expected, received: 0, outOfOrder: 0, last: 0, doneAt: 0n });
    latency = timesLatency ? createHistogram() : undefined;
    cpuBefore = process.cpuUsage();
  },
  /** What was received once all have come, or nothing more comes. @param {number} patienceMs */
  async received(patienceMs) {
    // Where some are lost, the last one is known no better than to one look.
    let lastSeenAt = process.hrtime.bigint();
    for (let seen = -1; counts.doneAt === 0n;) {
      const now = process.hrtime.bigint();
      if (counts.received !== seen) lastSeenAt = now;
      else if (Number(now - lastSeenAt) / 1e6 > patienceMs) break;
      seen = counts.received;
      await sleep(10);
    }
    const ms = (/** @type {number} */ percentile) => (latency?.percentile(percentile) ?? 0) / 1e6;
    const { received, outOfOrder } = counts;
    return {
      ...{ received, outOfOrder, doneAt: counts.doneAt || lastSeenAt },
      cpu: process.cpuUsage(cpuBefore),
      latencyMs: latency && { p50: ms(50), p99: ms(99) },
    };
  },
});
