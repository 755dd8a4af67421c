'use strict';
// The program of one process of the soak: some candidates of one kind, with messages, and what it knows of itself.
//
// Arguments, as one JSON text: { options, count, spans }: the options of each candidate, how many, and the beginning of the names of
// the files into which they record when they led.

const fs = require('node:fs');
const { Candidate } = require('..');
const { SpanRecorder } = require('../__test__/fixtures/span-recorder.cjs');
const { Counts, Traffic } = require('./traffic.cjs');

const { options, count, spans } = JSON.parse(process.argv[2] ?? '{}');
const counts = new Counts();
/** @type {object[]} */
let elections = [];

for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (/** @type {any} */ error) =>
    counts.violations.push(`${event}: ${error?.stack ?? error}`),
  );
}

const members = Array.from({ length: count }, (_, number) => {
  const candidate = new Candidate(options);
  const member = {
    candidate,
    recorder: new SpanRecorder(`${spans}-${number}`),
    traffic: new Traffic(candidate, counts),
    /** @type {string | undefined} */
    leader: undefined,
    isUp: false,
  };
  candidate.on('leader', (id) => {
    member.leader = id;
  });
  candidate.on('elected', ({ term }) => elections.push({ id: candidate.id, term }));
  candidate.on('error', () => {});
  return member;
});

/** @typedef {(typeof members)[number]} Member */

// About each 2 ms: is one of them leader?
let sampling = setTimeout(sample, 2);
function sample() {
  for (const { recorder, candidate } of members) recorder.sample(candidate);
  sampling = setTimeout(sample, 2);
}

/** @type {Record<string, (...args: any[]) => unknown>} */
const calls = {
  start: (numbers) => each(numbers, begin),
  stop: (numbers) => each(numbers, end),
  /** The leader among them lets another one lead. */
  reelect: () =>
    Promise.all(
      members
        .filter(({ candidate }) => candidate.isLeader())
        .map(({ candidate }) => candidate.reelect()),
    ),
  /** Keeps the event loop busy. */
  block: (ms) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  },
  status: () => ({
    members: members.map(({ candidate, leader, isUp }) => ({
      id: candidate.id,
      isUp,
      isLeader: candidate.isLeader(),
      leader,
    })),
    elections: elections.splice(0),
    counts: { ...counts, violations: counts.violations.splice(0) },
  }),
  rss: () => {
    globalThis.gc?.();
    return process.memoryUsage.rss();
  },
  instances: async () => {
    const up = members.filter(({ isUp }) => isUp);
    const lists = await Promise.all(up.map(({ candidate }) => candidate.getInstances()));
    return lists.map((list) => list.length);
  },
  /** After all were stopped: what is left that was not there at the start. */
  leftovers: () => {
    clearTimeout(sampling);
    const left = resources();
    for (const one of atStart) {
      const index = left.indexOf(one);
      if (index >= 0) left.splice(index, 1);
    }
    return left;
  },
};

/** @param {Member} member */
async function begin(member) {
  if (member.isUp) return;
  member.isUp = true;
  await member.candidate.start();
  member.traffic.begin();
}

/** @param {Member} member */
async function end(member) {
  if (!member.isUp) return;
  member.isUp = false;
  const quiet = member.traffic.end();
  const stopped = member.candidate.stop();
  if (member.candidate.isLeader())
    counts.violations.push('isLeader() is true after stop() was called');
  await stopped;
  await quiet;
  member.leader = undefined;
}

/** @param {number[] | undefined} numbers none: all
 * @param {(member: Member) => Promise<void>} action */
async function each(numbers, action) {
  const chosen = numbers ? numbers.flatMap((number) => members[number] ?? []) : members;
  await Promise.all(chosen.map((member) => action(member)));
}

/** Handles of the loop, and sockets of the process, whoever has opened them. */
function resources() {
  const handles = process
    .getActiveResourcesInfo()
    .filter((name) => name !== 'Timeout' && name !== 'Immediate');
  const sockets = fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  });
  return [...handles, ...sockets.map(() => 'socket')];
}

process.on('message', async (/** @type {any} */ { call, name, args }) => {
  try {
    const value = await calls[name]?.(...args);
    process.send?.({ call, value });
  } catch (error) {
    process.send?.({ call, error: String(error) });
  }
});

/** What holds this process open before anything was started. */
const atStart = resources();

process.send?.({ ready: true });
