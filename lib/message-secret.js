'use strict';

const { isUint8Array } = require('node:util').types;
const { describeType, invalid, text } = require('./rules.js');

/**
 * One secret, or a list of them of which the first signs. Returns the bytes of each as the native
 * side takes them. No error shows any of them.
 */
function messageSecret(name, given, row) {
  if (!Array.isArray(given)) return [bytesOf(name, given, row)];
  if (given.length === 0 || given.length > row.maximumCount) {
    const rule = `must be one secret, or a list of 1 to ${row.maximumCount}`;
    throw invalid(name, rule, undefined, { got: `a list of ${given.length}` });
  }
  return Array.from(given, (one, index) => bytesOf(`${name}[${index}]`, one, row));
}

function bytesOf(name, given, row) {
  const isText = typeof given === 'string';
  if (!isText && !isUint8Array(given)) {
    throw invalid(name, 'must be a string, a Buffer or a Uint8Array', given, row);
  }
  const bytes = isText ? Buffer.from(text(name, given, { secret: true })) : given;
  const { length } = bytes;
  if (length >= row.minimumBytes && length <= row.maximumBytes) return [...bytes];
  const rule = `must have from ${row.minimumBytes} to ${row.maximumBytes} bytes`;
  throw invalid(name, rule, given, {
    got: length === 0 ? describeType('') : `${length} bytes`,
  });
}

module.exports = { messageSecret };
