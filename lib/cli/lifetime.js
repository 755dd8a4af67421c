'use strict';

/** How long a command may take to end once it was told to. */
const PATIENCE_MS = 900;

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };

/**
 * What ends a command from outside: Ctrl-C or another signal, or that nobody reads its output any
 * more. `signal` is aborted then, and the process ends soon after, whatever still runs.
 */
class Lifetime {
  #controller = new AbortController();
  /** By which signal it ended; undefined when it did not, or by the end of its reader. */
  endedBy = undefined;

  constructor() {
    for (const name of Object.keys(SIGNALS)) process.on(name, () => this.#end(name));
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', (error) => {
        // `| head` has read what it wanted.
        if (error.code !== 'EPIPE') throw error;
        this.#end();
      });
    }
  }

  get signal() {
    return this.#controller.signal;
  }

  /** As shells tell of a process that a signal has ended. */
  get exitCode() {
    return this.endedBy ? 128 + SIGNALS[this.endedBy] : 0;
  }

  /** Resolves when it ends. */
  async over() {
    if (this.signal.aborted) return;
    await new Promise((resolve) => this.signal.addEventListener('abort', resolve, { once: true }));
  }

  /** What `promise` gives, or `undefined` as soon as the command is to end. */
  async race(promise) {
    let end;
    const ended = new Promise((resolve) => (end = () => resolve(undefined)));
    if (this.signal.aborted) end();
    this.signal.addEventListener('abort', end);
    try {
      return await Promise.race([promise, ended]);
    } finally {
      this.signal.removeEventListener('abort', end);
    }
  }

  #end(name) {
    if (this.signal.aborted) process.exit(this.exitCode || 1);
    this.endedBy = name;
    this.#controller.abort();
    setTimeout(() => process.exit(this.exitCode), PATIENCE_MS).unref();
  }
}

module.exports = { Lifetime, SIGNALS };
