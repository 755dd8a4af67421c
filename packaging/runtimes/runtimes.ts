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
}

const modules = path.join(__dirname, 'node_modules');

const ownClock =
  'process.hrtime counts from the start of each process, so moments of two cannot be compared';

const bun: Difference[] = [
  { file: 'demo', test: /over Redis/, why: ownClock },
  {
    file: 'process',
    test: /an uncaught exception > ends the process as ever/,
    why: 'Bun writes "error: " before the message, where Node.js writes "Error: "',
  },
];

const deno: Difference[] = [
  { file: 'demo', test: /over Redis/, why: ownClock },
  {
    file: 'demo',
    test: /over a server that is not there/,
    why: 'the stack that Deno prints names the file',
  },
  {
    file: 'drop-in-surface',
    test: /the same class comes by require and by import/,
    why: 'Deno takes no --input-type=module beside --eval',
  },
  {
    file: 'threads',
    test: /over Redis > a thread whose candidates have stopped ends by itself/,
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
