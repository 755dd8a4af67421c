'use strict';

const { once } = require('node:events');

/** Messages that are under way at a time. */
const WINDOW = 2000;

/** Samples in ms, as the figures that are told of them. */
const Figures = {
  of(samples) {
    const sorted = samples.filter((sample) => sample !== null).sort((a, b) => a - b);
    const at = (share) =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
    return { p50: at(0.5), p99: at(0.99), count: sorted.length };
  },
};

/** Hands over again and again: from the call to the next election. */
async function takeovers(candidates, ms) {
  const samples = [];
  for (const until = performance.now() + ms; performance.now() < until;) {
    const leader = candidates.find((candidate) => candidate.isLeader());
    if (leader === undefined) {
      await Promise.race(candidates.map((candidate) => once(candidate, 'elected')));
      continue;
    }
    const others = candidates.filter((candidate) => candidate !== leader);
    const elected = Promise.race(others.map((candidate) => once(candidate, 'elected')));
    const began = performance.now();
    void leader.reelect();
    await elected;
    samples.push(performance.now() - began);
  }
  return Figures.of(samples);
}

/** A message and its answer, one at a time. */
async function roundTrip(one, other, ms) {
  const answer = ({ message, from }) => void other.messageTo(from, message);
  other.on('message', answer);
  const samples = [];
  try {
    for (const until = performance.now() + ms; performance.now() < until;) {
      const began = performance.now();
      const answered = once(one, 'message');
      await one.messageTo(other.id, samples.length);
      await answered;
      samples.push(performance.now() - began);
    }
  } finally {
    other.off('message', answer);
  }
  return Figures.of(samples);
}

/** As many as pass, a window of them at a time. Gives messages a second. */
async function messages(one, other, ms) {
  let received = 0;
  let wake = () => {};
  const count = () => {
    received += 1;
    if (received % WINDOW === 0) wake();
  };
  other.on('message', count);
  const began = performance.now();
  try {
    while (performance.now() < began + ms) {
      const passed = new Promise((resolve) => (wake = resolve));
      for (let number = 0; number < WINDOW; number++) void one.messageTo(other.id, number);
      await passed;
    }
    return (received / (performance.now() - began)) * 1000;
  } finally {
    other.off('message', count);
  }
}

module.exports = { Figures, messages, roundTrip, takeovers };
