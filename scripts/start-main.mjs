// Starts the main.ts of a tool: `npm run bench`, `npm run faults`, `npm run soak`.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { build, install } from './prepare.mjs';
import { endWithScript } from './run.mjs';

/**
 * Provides what a program needs, then runs it: see `runMain`. Where something cannot be provided, says why, and ends
 * with exit code 1.
 *
 * @param {URL} main
 * @param {((context: { announce: (text: string) => void }) => Promise<import('./prepare.mjs').Outcome>)[]} needs beside
 *   the node modules and the addon; each does nothing where it is there already.
 */
export async function startMain(main, needs) {
  for (const provide of [install, build, ...needs]) {
    const { ok, output } = await provide({ announce: (text) => console.log(text) });
    if (ok) continue;
    console.error(output.trimEnd());
    process.exitCode = 1;
    return;
  }
  runMain(main);
}

/**
 * Runs a program in TypeScript with the arguments and the output of this process. Its exit code becomes that of this
 * process; a signal that is to end this process ends the program first.
 *
 * @param {URL} main
 */
export function runMain(main) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(main), ...process.argv.slice(2)],
    { stdio: ['ignore', 'inherit', 'inherit'], detached: true },
  );
  endWithScript(child);
  child.on('error', (error) => {
    throw error;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
