'use strict';

const { spawn } = require('node:child_process');
const { accessSync, constants, statSync } = require('node:fs');
const path = require('node:path');

/**
 * Becomes the command `"$@"`, in a process group that a guard watches: it reads from descriptor 3,
 * whose other end the runner holds, and kills the group when that closes, as it does when the
 * runner dies, however it dies. The guard is nobody's child, so that the command finds none that it
 * did not start.
 */
const GUARDED = `
( trap '' HUP INT QUIT TERM USR1 USR2
  ( read -r _ <&3; kill -s KILL 0 ) </dev/null >/dev/null 2>&1 & )
exec 3<&-
exec "$@"`;

/** As shells answer for a command that cannot be run. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** A running command, and all that it has started and not put into a group of its own. */
class Kept {
  #child;
  #isOver = false;

  /** @param options `{ command, args, env }` */
  constructor({ command, args, env }) {
    this.#child = isWindows() ? startAlone(command, args, env) : startGuarded(command, args, env);
    /** Resolves to `{ code, signal }` when the command has ended, and what it left behind has been killed. */
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => {
        this.kill();
        this.#isOver = true;
        resolve({ code, signal });
      });
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** To the command alone: what it has started is its own to tell. */
  signal(name) {
    if (!this.#isOver) this.#child.kill(name);
  }

  /** To the whole group. */
  signalAll(name) {
    if (this.#isOver || this.#child.pid === undefined) return;
    if (isWindows()) return void this.#child.kill(name);
    try {
      process.kill(-this.#child.pid, name);
    } catch {
      // It has no members any more.
    }
  }

  /** Ends all of it, at once. */
  kill() {
    if (isWindows()) killTree(this.#child.pid);
    else this.signalAll('SIGKILL');
  }
}

function startGuarded(command, args, env) {
  const child = spawn('/bin/sh', ['-c', GUARDED, 'incumbent', command, ...args], {
    detached: true,
    env,
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  // The pipe closes with this process; nothing is written to it, and it holds nothing up.
  child.stdio[3].on('error', () => {});
  child.stdio[3].unref?.();
  return child;
}

function startAlone(command, args, env) {
  return spawn(command, args, { env, stdio: 'inherit', windowsHide: true });
}

function killTree(pid) {
  if (pid !== undefined) spawn('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
}

/** Why a command cannot be run, with the exit code for it; `undefined` where nothing speaks against it. */
function unfit(command) {
  if (isWindows()) return undefined;
  const places = command.includes('/')
    ? [command]
    : (process.env.PATH ?? '/usr/bin:/bin').split(':').map((folder) => path.join(folder, command));
  const files = places.filter(isFile);
  if (files.length === 0) return { exitCode: NOT_FOUND, message: `${command}: command not found` };
  if (!files.some(isExecutable)) {
    return { exitCode: NOT_EXECUTABLE, message: `${command}: permission denied` };
  }
  return undefined;
}

function isFile(file) {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isWindows() {
  return process.platform === 'win32';
}

module.exports = { Kept, unfit };
