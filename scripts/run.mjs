// Runs commands as children of the scripts, and ends them when the script ends.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { leaksIn } from './canary.mjs';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The path of a command that a development dependency brings. */
export function installed(command) {
  return path.join(root, 'node_modules', '.bin', command);
}

/** What the commands have shown of passwords: the command, and the lines that hold one. */
export const leaks = [];

/**
 * Runs a command in the root of the project, without stdin.
 *
 * Never rejects. `output` is what the command wrote to stdout and stderr, in the order it came, and ends with a line
 * that says why the command failed where its own output may not: it was not found, a signal ended it, its limit passed.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, echo?: boolean, limitMs?: number }} [options] `echo` also shows the
 *   output while it comes; `limitMs` ends a command that runs for longer.
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function run(command, args, { cwd = root, env, echo = false, limitMs } = {}) {
  return new Promise((resolve) => {
    // A process group of its own: what the command has started ends with it.
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    endWithScript(child);

    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
        if (echo) process.stdout.write(text);
      });
    }

    let limitPassed = false;
    const limit =
      limitMs &&
      setTimeout(() => {
        limitPassed = true;
        end(child, 'SIGKILL');
      }, limitMs);

    const finish = (ok, reason) => {
      clearTimeout(limit);
      // What was waiting for this command goes no further.
      if (interrupted) return;
      const lines = leaksIn(output);
      if (lines.length) leaks.push({ command: [command, ...args].join(' '), lines });
      if (reason) output += `${output === '' || output.endsWith('\n') ? '' : '\n'}${reason}\n`;
      resolve({ ok, output });
    };
    child.on('error', (error) => finish(false, notStarted(command, error)));
    child.on('close', (code, signal) => {
      if (limitPassed) finish(false, `ended: it ran for longer than ${limitMs / 1000} s`);
      else if (signal) finish(false, `ended by ${signal}`);
      else finish(code === 0, code === 0 ? undefined : `exit code ${code}`);
    });
  });
}

const running = new Set();
let interrupted = false;

/**
 * Ends a child when a signal ends the script, or the script ends otherwise: whatever is in the process group that the
 * child leads (`detached: true`).
 *
 * @param {import('node:child_process').ChildProcess} child
 */
export function endWithScript(child) {
  running.add(child);
  // Not every child that could not be started has an exit.
  for (const over of ['close', 'error']) child.once(over, () => running.delete(child));
}

function notStarted(command, error) {
  if (error.code !== 'ENOENT') return `${command} could not be started: ${error.message}`;
  if (command === 'cargo')
    return 'cargo was not found: install Rust with rustup (https://rustup.rs)';
  return `${command} was not found`;
}

function end(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

// Ctrl-C reaches only this process, since each child leads a group of its own. Children get the time to end what they
// have started themselves; whoever does not take it is killed.
const graceMs = 3000;

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
]) {
  process.once(signal, () => {
    interrupted = true;
    for (const child of running) end(child, 'SIGTERM');
    const exit = () => process.exit(128 + number);
    setTimeout(exit, graceMs);
    setInterval(() => running.size === 0 && exit(), 20);
  });
}

process.on('exit', () => {
  for (const child of running) end(child, 'SIGKILL');
});
