'use strict';

const { clockedController } = require('./clocked-signal.js');
const { LeadershipLost } = require('./errors.js');

/**
 * The leadership of this instance in one term: the signals that its end aborts, and the work that
 * its release waits for.
 */
class Reign {
  #check;
  #watch;
  /** Those of signals that may still be aborted. */
  #controllers = new Set();
  #work = new Set();
  #signal;

  /**
   * `check(reign)` ends the reign where the clock says so. `watch()` is called for a signal that
   * needs someone who looks at the clock.
   */
  constructor(term, checkpoint, { check, watch }) {
    this.term = term;
    this.checkpoint = checkpoint;
    this.#check = () => this.loss ?? check(this);
    this.#watch = watch;
  }

  /** Why it ended, as its signals say; undefined while it lasts. */
  loss = undefined;

  get isOver() {
    this.#check();
    return this.loss !== undefined;
  }

  get isObserved() {
    return this.#controllers.size > 0;
  }

  /** The signal of the event `elected`. */
  get signal() {
    this.#signal ??= this.open().signal;
    return this.#signal;
  }

  /**
   * What `elected` carries. It prints and compares as `{ term }`, as it always has; the signal is
   * made for whoever asks for it.
   */
  announcement() {
    return Object.defineProperties(
      { term: this.term },
      { signal: { get: () => this.signal }, checkpoint: { value: this.checkpoint } },
    );
  }

  /** A controller whose signal the end of the reign aborts. Give it back to `close()`. */
  open() {
    const controller = clockedController(this.#check);
    if (this.loss) {
      controller.abort(this.loss);
    } else {
      this.#controllers.add(controller);
      this.#watch();
    }
    return controller;
  }

  close(controller) {
    this.#controllers.delete(controller);
  }

  end(why) {
    if (this.loss) return;
    this.loss = new LeadershipLost(this.term, why);
    const controllers = [...this.#controllers];
    this.#controllers.clear();
    for (const controller of controllers) controller.abort(this.loss);
  }

  /** The release waits for `work`, a promise that never rejects. */
  add(work) {
    this.#work.add(work);
    void work.then(() => this.#work.delete(work));
  }

  get workCount() {
    return this.#work.size;
  }

  /** Calls back when no work is left, at once where there is none. */
  whenDrained(callback) {
    if (this.#work.size === 0) return callback();
    void Promise.all(this.#work).then(() => this.whenDrained(callback));
  }
}

module.exports = { Reign };
