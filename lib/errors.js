'use strict';

/** Every code that an IncumbentError may bear. `ErrorCode` in index.d.ts explains each of them. */
const ERROR_CODES = Object.freeze([
  'ERR_INVALID_OPTION',
  'ERR_INVALID_ARGUMENT',
  'ERR_INVALID_MESSAGE',
  'ERR_LIMIT_EXCEEDED',
  'ERR_NOT_STARTED',
  'ERR_STOPPED',
  'ERR_NOT_LEADER',
  'ERR_DRAIN_TIMEOUT',
  'ERR_REDIS_UNREACHABLE',
  'ERR_REDIS_REFUSED',
  'ERR_CREDENTIALS',
  'ERR_REDIS_TOO_OLD',
  'ERR_REDIS_FAILED',
  'ERR_ROUND_TRIP_TOO_LONG',
  'ERR_NATIVE_MISSING',
  'ERR_INTERNAL',
]);

class IncumbentError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.code = code;
  }
}

// On the prototype and not enumerable, as for the errors that the language itself defines.
Object.defineProperty(IncumbentError.prototype, 'name', {
  value: 'IncumbentError',
  writable: true,
  configurable: true,
});

/** The reason of a signal that is bound to a leadership: `why` this leadership ended. */
class LeadershipLost extends IncumbentError {
  constructor(term, why) {
    super('ERR_NOT_LEADER', `the leadership of term ${term} has ended: ${WORDING[why] ?? why}`);
    this.why = why;
  }
}

/** What the `why` of a lost leadership means. */
const WORDING = {
  expired: 'it was not renewed in time',
  stopped: 'stop() was called',
  reelected: 'reelect() was called',
  transferred: 'it was handed over to another instance',
  stalled: 'the event loop was blocked for longer than maxStallMs',
  disconnected: 'the connection to Redis broke',
  replaced: 'another instance leads in a later term',
};

/**
 * Turns what a native method threw into an IncumbentError. Anything but one of our codes is a
 * defect of the addon, and is passed on whole as the cause.
 */
function fromNative(error) {
  if (error instanceof IncumbentError) return error;
  if (ERROR_CODES.includes(error?.code)) return new IncumbentError(error.code, error.message);
  return new IncumbentError('ERR_INTERNAL', `the native addon failed: ${error?.message ?? error}`, {
    cause: error,
  });
}

module.exports = { ERROR_CODES, IncumbentError, LeadershipLost, fromNative };
