'use strict';

const { Deferred } = require('./deferred.js');
const { IncumbentError, fromNative } = require('./errors.js');

/**
 * Brings start() and stop(), in whatever order they are called, into runs that follow one another,
 * and settles every promise. A run lasts from the native start to the native side's word that it
 * has stopped; only then may the next one begin.
 */
class Lifecycle {
  #hooks;
  #running = false;
  #started = false;
  /** The start that callers wait for: it is under way, or waits for a stop to end. */
  #starting;
  /** The stop that callers wait for. */
  #stopping;

  /**
   * `begin()` and `end()` call the native side and may throw. `abandon(error)` is called when the
   * answers that callers wait for will not come any more, `close(error)` when a run is over,
   * `defect(error)` with an error that no promise can tell.
   */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** Whether calls reach a run. */
  get isUp() {
    return this.#running && !this.#stopping;
  }

  /** Whether a run is there, be it one that ends. */
  get isRunning() {
    return this.#running;
  }

  get isStopping() {
    return this.#stopping !== undefined;
  }

  get isStarted() {
    return this.#started && !this.#stopping;
  }

  /** Whether a run is there, or will begin when a stop has ended. */
  get isWanted() {
    return this.isUp || this.#starting !== undefined;
  }

  start() {
    if (this.isStarted) return Promise.resolve();
    if (this.#starting) return this.#starting.promise;
    const starting = new Deferred();
    this.#starting = starting;
    if (!this.#running) this.#begin();
    return starting.promise;
  }

  stop() {
    this.#abandon(new IncumbentError('ERR_STOPPED', 'stop() was called'));
    if (!this.#running) return Promise.resolve();
    if (this.#stopping) return this.#stopping.promise;
    const stopping = new Deferred();
    this.#stopping = stopping;
    try {
      this.#hooks.end();
    } catch (cause) {
      this.#hooks.defect(fromNative(cause));
      this.handleStopped();
    }
    return stopping.promise;
  }

  /**
   * The native side has joined. After a stop this is late news of a run that ends: a waiting start
   * is for the next one.
   */
  handleStarted() {
    if (this.#stopping) return;
    this.#started = true;
    this.#starting?.resolve();
    this.#starting = undefined;
  }

  /** The run is over: after a stop or, after a defect, by itself. */
  handleStopped() {
    const error = new IncumbentError('ERR_STOPPED', 'the candidate stopped');
    const stopping = this.#stopping;
    this.#running = false;
    this.#started = false;
    this.#stopping = undefined;
    this.#hooks.close(error);
    if (!stopping) this.#abandon(error);
    stopping?.resolve();
    if (this.#starting) this.#begin();
  }

  #begin() {
    this.#running = true;
    try {
      this.#hooks.begin();
    } catch (cause) {
      this.#running = false;
      const error = fromNative(cause);
      this.#starting.reject(error);
      this.#starting = undefined;
      this.#hooks.abandon(error);
    }
  }

  #abandon(error) {
    this.#starting?.rejectQuietly(error);
    this.#starting = undefined;
    this.#hooks.abandon(error);
  }
}

module.exports = { Lifecycle };
