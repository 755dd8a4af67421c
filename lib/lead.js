'use strict';

const { Deferred } = require('./deferred.js');
const { IncumbentError } = require('./errors.js');

/** A function of the user that runs in each reign of this instance, one run at a time. */
class Lead {
  #leadership;
  #fn;
  #keep;
  #done = new Deferred();
  #isEnded = false;
  /** The promise of the run that has not settled; it never rejects. */
  #run;
  /** Of the latest run's signal. What the function left behind needs it after the run as well. */
  #controller;
  /** The latest one; `#nextReign` while it waits until the run before has settled. */
  #reign;
  #nextReign;
  #unfollow = () => {};

  constructor(leadership, fn, keep) {
    this.#leadership = leadership;
    this.#fn = fn;
    this.#keep = keep;
  }

  /** What lead() gives to the user. */
  handle() {
    const stop = () => this.stop();
    return Object.freeze({ stop, done: this.#done.promise, [Symbol.asyncDispose]: stop });
  }

  /** Ends when `signal` is aborted. */
  follow(signal) {
    const end = () => void this.stop(signal.reason);
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, { once: true });
    this.#unfollow = () => signal.removeEventListener('abort', end);
  }

  handleReign(reign) {
    if (this.#isEnded || reign === this.#reign) return;
    this.#reign = reign;
    if (this.#run) this.#nextReign = reign;
    else this.#begin(reign);
  }

  /** Ends it, and resolves when nothing of it runs any more. Never rejects. */
  async stop(reason = new IncumbentError('ERR_STOPPED', 'stop() of this lead() was called')) {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#controller?.abort(reason);
      if (!this.#run) this.#finish();
    }
    await this.#run;
  }

  #begin(reign) {
    this.#controller = reign.open();
    const run = this.#play(reign, this.#controller.signal);
    this.#run = run;
    reign.add(run);
    void run.then((outcome) => this.#conclude(reign, outcome));
  }

  /** One run of the function. Gives `{ error }` where it failed, `{ isOver }` where it has no more to do. */
  async #play(reign, signal) {
    // Whoever called lead() gets its handle first, and the listeners of `elected` come first.
    await undefined;
    if (signal.aborted) return {};
    const { term, checkpoint } = reign;
    try {
      await this.#fn({ term, signal, checkpoint });
      return { isOver: !this.#keep };
    } catch (error) {
      // Redis may know of the end of the leadership before this process does.
      if (isRefusal(error)) return { isOver: true };
      return signal.aborted && isObedience(error, signal) ? {} : { error };
    }
  }

  async #conclude(reign, outcome) {
    this.#run = undefined;
    if ('error' in outcome) return this.#fail(reign, outcome.error);
    if (this.#isEnded) return this.#finish();
    const next = this.#nextReign;
    this.#nextReign = undefined;
    if (next) this.#begin(next);
    if (outcome.isOver) await this.#leadership.giveUp(reign);
  }

  /** The leadership is given up first: an error that nobody handles may end the process. */
  async #fail(reign, error) {
    this.#isEnded = true;
    await this.#leadership.giveUp(reign);
    this.#detach();
    this.#done.reject(error);
  }

  #finish() {
    this.#detach();
    this.#done.resolve();
  }

  #detach() {
    this.#unfollow();
    this.#reign?.close(this.#controller);
    this.#leadership.detach(this);
  }
}

/** Whether a function failed only because it heeded its signal, as timers and fetch() do. */
function isObedience(error, signal) {
  return error === signal.reason || error?.name === 'AbortError';
}

/** Whether a write was refused since this instance does not lead any more. */
function isRefusal(error) {
  return error instanceof IncumbentError && error.code === 'ERR_NOT_LEADER';
}

module.exports = { Lead };
