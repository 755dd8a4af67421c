'use strict';

const { Deferred } = require('./deferred.js');
const { fromNative } = require('./errors.js');

const nothing = () => undefined;

/** The questions put to the native side that it has not answered yet. */
class PendingRequests {
  #native;
  #byNumber = new Map();
  #lastNumber = 0;

  constructor(native) {
    this.#native = native;
  }

  /**
   * Puts a question; throws where it cannot even be put. `toResult` makes the promise's value of the
   * answer. `stopped` says what a stop() does to it: 'reject', 'resolve', or 'wait', which leaves it
   * the time until the run has ended. `hearsOverrun` says that a drain that takes too long is its
   * failure.
   */
  ask(what, argument, toResult = nothing, { stopped = 'reject', hearsOverrun = false } = {}) {
    const number = ++this.#lastNumber;
    const deferred = new Deferred();
    this.#byNumber.set(number, { deferred, toResult, stopped, hearsOverrun });
    try {
      this.#native.request(number, what, argument);
    } catch (error) {
      this.#byNumber.delete(number);
      throw fromNative(error);
    }
    return deferred.promise;
  }

  some(trait) {
    return [...this.#byNumber.values()].some((pending) => pending[trait]);
  }

  succeed(number, value) {
    const pending = this.#take(number);
    pending?.deferred.resolve(pending.toResult(value));
  }

  fail(number, error) {
    this.#take(number)?.deferred.rejectQuietly(error);
  }

  /** Settles what a stop() does not wait for. */
  abandon(error) {
    for (const [number, { stopped }] of this.#byNumber) {
      if (stopped !== 'wait') this.#settle(number, stopped, error);
    }
  }

  /** Settles all that is left, since the run has ended. */
  close(error) {
    for (const [number, { stopped }] of this.#byNumber) this.#settle(number, stopped, error);
  }

  #settle(number, stopped, error) {
    const { deferred } = this.#take(number);
    if (stopped === 'resolve') deferred.resolve();
    else deferred.rejectQuietly(error);
  }

  /** An answer that comes too late finds nobody. */
  #take(number) {
    const pending = this.#byNumber.get(number);
    this.#byNumber.delete(number);
    return pending;
  }
}

module.exports = { PendingRequests };
