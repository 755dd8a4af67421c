'use strict';

const { isAnyArrayBuffer, isUint8Array } = require('node:util').types;
const { IncumbentError } = require('./errors.js');

const MAX_MESSAGE_BYTES = 1024 * 1024;

/**
 * A message as the native side takes it: JSON text, or a Buffer for bytes, or undefined for what
 * JSON has no text for. (`util.types` and not `instanceof`: test runners such as Jest give each
 * file classes of its own.)
 */
function encodeMessage(message) {
  if (typeof message === 'object' && isBytes(message)) {
    const bytes = Buffer.isBuffer(message)
      ? message
      : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    return limit(bytes, bytes.length, 'bytes');
  }
  let text;
  try {
    text = JSON.stringify(message);
  } catch (cause) {
    throw new IncumbentError(
      'ERR_INVALID_MESSAGE',
      `the message has no form in JSON: ${firstLine(cause)}`,
      { cause },
    );
  }
  if (text === undefined) return undefined;
  // UTF-8 needs at most three bytes for a unit of the string: short texts need no counting.
  return text.length * 3 <= MAX_MESSAGE_BYTES
    ? text
    : limit(text, Buffer.byteLength(text), 'bytes as JSON');
}

/**
 * Whether the native side writes a message as JSON: it is faster at texts, but knows no halves of
 * surrogate pairs, and the text must be within the limit even if every unit is escaped.
 */
function isPlainText(message) {
  return (
    typeof message === 'string' &&
    message.length * 6 + 2 <= MAX_MESSAGE_BYTES &&
    message.isWellFormed()
  );
}

/** Throws for views of bytes that are not taken. */
function isBytes(object) {
  if (isUint8Array(object)) return true;
  if (!ArrayBuffer.isView(object) && !isAnyArrayBuffer(object)) return false;
  throw new IncumbentError(
    'ERR_INVALID_MESSAGE',
    `a message of bytes must be a Buffer or a Uint8Array; got ${object.constructor.name}. ` +
      'Wrap it: Buffer.from(arrayBuffer) or Buffer.from(view.buffer, view.byteOffset, view.byteLength)',
  );
}

function limit(body, size, unit) {
  if (size <= MAX_MESSAGE_BYTES) return body;
  throw new IncumbentError(
    'ERR_LIMIT_EXCEEDED',
    `a message must be at most ${MAX_MESSAGE_BYTES} bytes (1 MiB); got ${size} ${unit}`,
  );
}

// V8 explains a circular structure over several lines.
function firstLine(error) {
  return String(error?.message ?? error).split('\n', 1)[0];
}

/**
 * Deletes every own key `__proto__` in a parsed JSON value, at any depth. JSON.parse makes it an
 * ordinary key; whoever merges the value later would change a prototype by it. A loop with a stack
 * of its own, since a peer decides how deep the value is.
 */
function dropProtoKeys(value) {
  const stack = [value];
  while (stack.length > 0) {
    const next = stack.pop();
    if (next === null || typeof next !== 'object') continue;
    if (Object.hasOwn(next, '__proto__')) delete next['__proto__'];
    for (const child of Object.values(next)) {
      if (child !== null && typeof child === 'object') stack.push(child);
    }
  }
}

module.exports = { MAX_MESSAGE_BYTES, dropProtoKeys, encodeMessage, firstLine, isPlainText };
