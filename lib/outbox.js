'use strict';

const { quieten } = require('./deferred.js');

/** Settled entries are cut off the front in one go, once there are this many of them. */
const COMPACT_AT = 1024;

/** Of the promise made last. One function for all promises costs less than a closure for each. */
const settlers = { resolve: undefined, reject: undefined };

function keepSettlers(resolve, reject) {
  settlers.resolve = resolve;
  settlers.reject = reject;
}

/**
 * The messages of one run whose fate is not known yet. They are numbered from 1 in the order of
 * sending, and the native side answers with ranges of numbers. Neither sending nor settling does
 * more than constant work for one message.
 */
class Outbox {
  /** `{ promise, resolve, reject }` by number, from `#firstNumber` on; undefined once rejected. */
  #entries = [];
  #head = 0;
  #firstNumber = 1;

  /** The promise of the next number. */
  add() {
    const promise = new Promise(keepSettlers);
    this.#entries.push({ promise, resolve: settlers.resolve, reject: settlers.reject });
    return promise;
  }

  /** Resolves every message up to number `upTo` that was not rejected before. */
  sent(upTo) {
    const end = Math.min(this.#indexOf(upTo) + 1, this.#entries.length);
    while (this.#head < end) {
      this.#entries[this.#head]?.resolve();
      this.#entries[this.#head++] = undefined;
    }
    this.#compact();
  }

  /**
   * Rejects the messages numbered `from` to `upTo`, both included. Earlier ones may still be under
   * way.
   */
  unsent(from, upTo, error) {
    const end = Math.min(this.#indexOf(upTo) + 1, this.#entries.length);
    for (let index = Math.max(this.#indexOf(from), this.#head); index < end; index++) {
      const entry = this.#entries[index];
      if (entry === undefined) continue;
      quieten(entry.promise);
      entry.reject(error);
      this.#entries[index] = undefined;
    }
    while (this.#head < this.#entries.length && this.#entries[this.#head] === undefined)
      this.#head++;
    this.#compact();
  }

  /** Rejects all that is left. */
  close(error) {
    this.unsent(this.#firstNumber, this.#firstNumber + this.#entries.length - 1, error);
  }

  #indexOf(number) {
    return number - this.#firstNumber;
  }

  #compact() {
    const drained = this.#head === this.#entries.length;
    if (!drained && (this.#head < COMPACT_AT || this.#head * 2 < this.#entries.length)) return;
    this.#entries.splice(0, this.#head);
    this.#firstNumber += this.#head;
    this.#head = 0;
  }
}

module.exports = { Outbox };
