'use strict';

// What callers pass to the methods, checked before anything is done with it.

const { IncumbentError } = require('./errors.js');
const { describe, toJson } = require('./rules.js');

const MAX_ID_BYTES = 128;

/** The signal of `{ signal }`, or undefined. */
function signalOf(method, options) {
  if (options === undefined) return undefined;
  if (options === null || typeof options !== 'object') {
    throw invalid(`${method}() takes an object such as { signal }; got ${describe(options)}`);
  }
  const { signal } = options;
  // By its shape: a signal may come from another realm or from a polyfill.
  if (
    signal === undefined ||
    (typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function')
  ) {
    return signal;
  }
  throw invalid(`the signal given to ${method}() must be an AbortSignal; got ${describe(signal)}`);
}

/** The function given to lead(). */
function checkFunction(fn) {
  if (typeof fn === 'function') return;
  throw invalid(`lead() takes a function, to run while this instance leads; got ${describe(fn)}`);
}

function leadOptions(options) {
  const signal = signalOf('lead', options);
  const keep = options?.keep ?? true;
  if (typeof keep === 'boolean') return { signal, keep };
  throw invalid(`keep given to lead() must be true or false; got ${describe(keep)}`);
}

/** The id of an instance. Whether there is such an instance is not asked. */
function checkId(id, method = 'messageTo') {
  if (typeof id !== 'string') {
    throw invalid(`${method}() needs the id of an instance, a string; got ${describe(id)}`);
  }
  // A unit of a string is one byte in UTF-8 at least.
  const size = id.length > MAX_ID_BYTES ? id.length : Buffer.byteLength(id);
  if (size > MAX_ID_BYTES) {
    throw new IncumbentError(
      'ERR_LIMIT_EXCEEDED',
      `an id must be at most ${MAX_ID_BYTES} bytes in UTF-8`,
    );
  }
}

function metaToJson(meta, maximumBytes) {
  return toJson('the meta given to setMeta()', meta, maximumBytes, 'ERR_INVALID_ARGUMENT');
}

function invalid(message) {
  return new IncumbentError('ERR_INVALID_ARGUMENT', message);
}

module.exports = { checkFunction, checkId, leadOptions, metaToJson, signalOf };
