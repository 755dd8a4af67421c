'use strict';

const { Deferred, abortable } = require('./deferred.js');

/** The leader as the native side last told of it, and who waits for one. */
class KnownLeader {
  /** Its id; undefined while none is known. */
  id;
  #waiters = new Set();

  set(id) {
    this.id = id;
    if (id === undefined) return;
    for (const waiter of this.#waiters) waiter.resolve(id);
    this.#waiters.clear();
  }

  /** The id of the next one. */
  next(signal) {
    const waiter = new Deferred();
    this.#waiters.add(waiter);
    if (!signal) return waiter.promise;
    return abortable(waiter.promise, signal, () => this.#waiters.delete(waiter));
  }

  /** Nobody will tell of one any more. */
  abandon(error) {
    this.id = undefined;
    for (const waiter of this.#waiters) waiter.rejectQuietly(error);
    this.#waiters.clear();
  }
}

module.exports = { KnownLeader };
