'use strict';

/** How often it is looked, and after how long without a renewal the lease may lapse, in leases. */
const LOOK = 0.05;
/** A renewal is valid for 0.8 of a lease from its sending, which was a round trip (0.2 at most) and a look ago. */
const LAPSE = 0.8 - 0.2 - LOOK;

/**
 * Watches that a leadership goes on being renewed, also while it is given up and its work has yet
 * to end. Nothing else tells of that.
 */
class Renewals {
  #stats;
  #granted = -1;
  #seenAt;
  #timer;

  /** @param onLapse called at each look that finds it unrenewed for too long */
  constructor(candidate, leaseMs, onLapse) {
    this.#stats = () => candidate.stats();
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
      if (performance.now() - this.#seenAt > LAPSE * leaseMs) onLapse();
    }, LOOK * leaseMs);
  }

  stop() {
    clearInterval(this.#timer);
  }

  #look() {
    const { granted } = this.#stats().renewals;
    if (granted === this.#granted) return;
    this.#granted = granted;
    this.#seenAt = performance.now();
  }
}

module.exports = { Renewals };
