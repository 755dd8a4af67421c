'use strict';

const ignore = () => {};

/** A promise that is settled from outside. */
class Deferred {
  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Rejects, yet without an 'unhandledRejection' when nobody looks at the promise. */
  rejectQuietly(error) {
    quieten(this.promise);
    this.reject(error);
  }
}

/**
 * For rejections that are no mistake of the caller: Redis is away, or the caller's own stop() came
 * first. An `error` event or the caller's own call has told of it already. A service that does not
 * await its messages must survive an outage, so such a rejection may be left alone.
 */
function quieten(promise) {
  promise.catch(ignore);
}

/**
 * Follows `promise` unless `signal` is aborted first; then calls `onAbort` and rejects with the
 * signal's reason.
 */
function abortable(promise, signal, onAbort) {
  const deferred = new Deferred();
  const abort = () => {
    deferred.reject(signal.reason);
    onAbort();
  };
  const settle = (how) => (result) => {
    signal.removeEventListener('abort', abort);
    how(result);
  };
  signal.addEventListener('abort', abort, { once: true });
  promise.then(
    settle((value) => deferred.resolve(value)),
    settle((error) => {
      if (error.code === 'ERR_STOPPED') deferred.rejectQuietly(error);
      else deferred.reject(error);
    }),
  );
  return deferred.promise;
}

module.exports = { Deferred, abortable, quieten };
