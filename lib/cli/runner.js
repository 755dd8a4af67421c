'use strict';

const os = require('node:os');
const { setTimeout: sleep } = require('node:timers/promises');
const { OPTIONS } = require('../options.js');
const { Kept } = require('./keeper.js');
const { Renewals } = require('./renewals.js');
const { span } = require('./text.js');

/** Those that ask for the end, and those that are the command's own business. */
const ENDING = ['SIGINT', 'SIGTERM'];
const PASSED_ON = ['SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'];

/** In these cases others may lead at any moment. */
const LOST_AT_ONCE = ['disconnected', 'replaced', 'stalled'];

/** A command that ends by itself again and again is not started more often than this. */
const SHORTEST_RUN_MS = 1000;
const FAILED = 125;

/** Runs a command while this process leads. */
class Runner {
  #candidate;
  #kind;
  #leaseMs;
  #task;
  /** The command that runs. */
  #kept;
  #startedAt = -Infinity;
  /** The signal by which this process was told to end. */
  #endedBy;
  /** How the command ended that this process ends with. */
  #outcome;
  #finish;
  #told;

  constructor(options, task) {
    const { Candidate } = require('../../index.js');
    this.#candidate = new Candidate(options);
    this.#task = task;
    this.#kind = options.kind ?? '';
    this.#leaseMs = options.leaseMs ?? OPTIONS.leaseMs.default;
  }

  /** Gives the exit code. */
  async run() {
    const finished = new Promise((resolve) => (this.#finish = resolve));
    this.#listen();
    const lead = this.#candidate.lead((reign) => this.#reign(reign), { keep: false });
    lead.done.catch((error) => this.#fail(error));
    this.#candidate.start().catch((error) => this.#fail(error));
    const code = await finished;
    // What it runs is ended by its signal.
    await this.#candidate.stop();
    return code ?? this.#exitCode;
  }

  #listen() {
    this.#candidate.on('error', (error) => this.#tell('error', error.message));
    this.#candidate.on('warning', (warning) => this.#tell('warning', warning.message));
    for (const name of ENDING) process.on(name, () => this.#endBy(name));
    for (const name of PASSED_ON) {
      if (!(name in os.constants.signals)) continue;
      process.on(name, () => {
        if (this.#kept) this.#kept.signal(name);
        else if (name === 'SIGHUP' || name === 'SIGQUIT') this.#endBy(name);
      });
    }
  }

  #endBy(name) {
    // Whoever asks twice means it.
    if (this.#endedBy) return this.#kept?.kill();
    this.#endedBy = name;
    this.#kept?.signalAll(name);
    this.#finish();
  }

  /** One leadership: from the start of the command to its end. */
  async #reign({ term, signal }) {
    if (!(await this.#pause(signal))) return;
    const { command, args, restart } = this.#task;
    const kept = this.#start(term);
    const expire = () => this.#expire(kept, term, signal.reason.why ?? 'stopped');
    signal.addEventListener('abort', expire, { once: true });
    // Anything may have happened while it was being started.
    if (signal.aborted) expire();
    // While the leadership is held for the command to end, the lease may lapse all the same.
    const renewals = new Renewals(this.#candidate, this.#leaseMs, () => {
      if (signal.aborted) this.#kill(kept, term, 'the lease lapses');
    });
    const outcome = await kept.ended.finally(() => {
      renewals.stop();
      this.#kept = undefined;
      signal.removeEventListener('abort', expire);
    });
    const how = outcome.signal
      ? `was ended by ${outcome.signal}`
      : `ended with exit code ${outcome.code}`;
    this.#tell('ended', `${[command, ...args].join(' ')} ${how}`, { term, ...outcome });
    // That of a command which ended since the leadership did says nothing about this process.
    if (this.#endedBy || !signal.aborted) this.#outcome = outcome;
    if (!signal.aborted && !restart) this.#finish();
  }

  /** Keeps a command that fails at once from being started without a pause. False when the leadership has ended before. */
  async #pause(signal) {
    const left = this.#startedAt + SHORTEST_RUN_MS - performance.now();
    try {
      await sleep(Math.max(0, left), undefined, { signal });
    } catch {
      return false;
    }
    this.#startedAt = performance.now();
    return true;
  }

  #start(term) {
    const { command, args } = this.#task;
    const { id } = this.#candidate;
    const env = {
      ...process.env,
      INCUMBENT_KIND: this.#kind,
      INCUMBENT_ID: id,
      INCUMBENT_TERM: String(term),
    };
    this.#kept = new Kept({ command, args, env });
    this.#tell('started', `leads in term ${term}: ${[command, ...args].join(' ')}`, { term, id });
    return this.#kept;
  }

  /** The leadership ends: so does the command, in time. */
  #expire(kept, term, why) {
    this.#tell('ending', `the leadership ends (${why})`, { term, why });
    const leftMs = this.#patience(why);
    if (!this.#endedBy) kept.signalAll('SIGTERM');
    if (leftMs <= 0) return this.#kill(kept, term, 'others may lead');
    const after = `it has not ended within ${span(leftMs)}`;
    const timer = setTimeout(() => this.#kill(kept, term, after), leftMs);
    const forget = () => clearTimeout(timer);
    kept.ended.then(forget, forget);
  }

  #kill(kept, term, reason) {
    this.#tell('killed', `the command is killed: ${reason}`, { term });
    kept.kill();
  }

  /** How long the command may take to end. */
  #patience(why) {
    if (LOST_AT_ONCE.includes(why)) return 0;
    const { validForMs } = this.#candidate.stats();
    return why === 'expired' ? validForMs : this.#task.killAfter;
  }

  get #exitCode() {
    const { code, signal } = this.#outcome ?? { signal: this.#endedBy };
    return code ?? 128 + os.constants.signals[signal];
  }

  #fail(error) {
    // It was told to end before it had begun.
    if (this.#endedBy && error.code === 'ERR_STOPPED') return;
    this.#tell('error', error.message);
    this.#finish(FAILED);
  }

  #tell(event, text, details = {}) {
    const { json, quiet } = this.#task;
    // An outage is told at each attempt.
    if (event === 'error' && this.#told === text) return;
    this.#told = text;
    if (json) return console.error(JSON.stringify({ event, text, ...details }));
    if (!quiet || event === 'error' || event === 'warning') console.error(`incumbent: ${text}`);
  }
}

module.exports = { Runner };
