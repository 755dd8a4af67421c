'use strict';

const { Deferred } = require('./deferred.js');

/** The questions put to the native side that it has not answered yet. */
class PendingRequests {
  #byNumber = new Map();
  #lastNumber = 0;

  /** `toResult` makes the promise's value of the answer; `stopped` says how a stop() settles it. */
  add(toResult, stopped) {
    const number = ++this.#lastNumber;
    const deferred = new Deferred();
    this.#byNumber.set(number, { deferred, toResult, stopped });
    return { number, promise: deferred.promise };
  }

  /** For a question that could not even be put. */
  forget(number) {
    this.#byNumber.delete(number);
  }

  succeed(number, value) {
    const pending = this.#take(number);
    pending?.deferred.resolve(pending.toResult(value));
  }

  fail(number, error) {
    this.#take(number)?.deferred.rejectQuietly(error);
  }

  /** Settles all that is left, since stop() was called. */
  close(error) {
    for (const { deferred, stopped } of this.#byNumber.values()) {
      if (stopped === 'resolve') deferred.resolve();
      else deferred.rejectQuietly(error);
    }
    this.#byNumber.clear();
  }

  /** An answer that comes after close() finds nobody. */
  #take(number) {
    const pending = this.#byNumber.get(number);
    this.#byNumber.delete(number);
    return pending;
  }
}

module.exports = { PendingRequests };
