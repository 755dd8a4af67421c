// The runtimes, and in what they differ.

import path from 'node:path';

export interface Runtime {
  name: string;
  command: string;
  args: string[];
  differs: Difference[];
}

/** Tests that fail on a runtime, and why that is no fault of the library. */
export interface Difference {
  /** The name of the file, and a part of the name of the test. */
  file: string;
  test: RegExp;
  why: string;
  /** It may pass by chance. */
  isByChance?: boolean;
}

const modules = path.join(__dirname, 'node_modules');

const ownClock =
  'process.hrtime counts from the start of each process, so moments of two cannot be compared';

const byChance = { why: ownClock, isByChance: true };

/** Tests that hold moments of two processes against each other, or the times at which two said that they lead. */
const byTwoClocks: Difference[] = [
  {
    file: 'crash-detection',
    test: /^a killed leader is|^a leader whose connection/,
    ...byChance,
  },
  { file: 'defects-election', test: /^a leader that is cut off from Redis/, ...byChance },
  { file: 'sentinel', test: /^what was seen before a promotion/, ...byChance },
  { file: 'takeover-kill', test: /^kill -9|^a leader that stops hands over/, ...byChance },
  { file: 'takeover-pause', test: /^SIGSTOP of the leader for 3 s/, ...byChance },
];

const bun: Difference[] = [
  ...byTwoClocks,
  {
    file: 'process',
    test: /an uncaught exception > ends the process as ever/,
    why: 'Bun writes "error: " before the message, where Node.js writes "Error: "',
  },
];

const threadsLiveOn =
  'Deno does not tell an addon that a worker thread has ended, so its candidates go on until the process ends';

const deno: Difference[] = [
  ...byTwoClocks,
  {
    file: 'drop-in-surface',
    test: /the same class comes by require and by import/,
    why: 'Deno takes no --input-type=module beside --eval',
  },
  { file: 'drop-in-promises', test: /a peer whose thread was terminated/, why: threadsLiveOn },
  {
    file: 'seeing',
    test: /a subscriber that throws disturbs nothing/,
    why: 'Deno does not call the other subscribers of a channel after one that throws',
  },
  { file: 'takeover-pause', test: /^SIGSTOP shorter than/, ...byChance },
  { file: 'takeover-redis', test: /^Redis killed without persistence/, ...byChance },
  {
    file: 'threads',
    test: /a leader whose thread ends|many threads with several/,
    why: threadsLiveOn,
  },
  {
    file: 'threads',
    test: /a thread whose candidates have stopped ends by itself/,
    why: 'the parentPort of Deno has no close()',
  },
];

export const runtimes: Runtime[] = [
  { name: `Node.js ${process.versions.node}`, command: process.execPath, args: [], differs: [] },
  { name: 'Node.js 22', command: path.join(modules, 'node22/bin/node'), args: [], differs: [] },
  { name: 'Node.js 24', command: path.join(modules, 'node24/bin/node'), args: [], differs: [] },
  {
    name: 'Bun',
    command: path.join(modules, '@oven/bun-linux-x64/bin/bun'),
    args: [],
    differs: bun,
  },
  {
    name: 'Deno',
    command: path.join(modules, '@deno/linux-x64-glibc/deno'),
    args: ['run', '--allow-all', '--quiet'],
    differs: deno,
  },
];
