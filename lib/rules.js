'use strict';

// One function per kind of rule. Each takes the name of an option, the value given and the option's
// row in its table, and returns the value to use, or throws what tells the user the rule.

const path = require('node:path');
const { IncumbentError } = require('./errors.js');
const { firstLine } = require('./messages.js');

function integer(name, value, row) {
  const { minimum, maximum = Infinity, unit } = row;
  if (Number.isSafeInteger(value) && value >= minimum && value <= maximum) return value;
  const range = maximum === Infinity ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  throw invalid(name, `must be an integer ${range}${unit ? ` (${unit})` : ''}`, value, row);
}

/**
 * As `integer`, but decimal digits in a string do, too: ports tend to come from the environment.
 */
function port(name, value, row) {
  const digits = typeof value === 'string' && /^\d{1,5}$/.test(value);
  return integer(name, digits ? Number(value) : value, row);
}

/** Its lower bound is another option: options.js compares them once both are known. */
function stallLimit(name, value, row) {
  if (value === Infinity) return value;
  if (typeof value === 'number' && value > 0 && value <= row.maximum) return Math.ceil(value);
  const rule = `must be a number from leaseMs to ${row.maximum} (${row.unit}), or Infinity`;
  throw invalid(name, rule, value, row);
}

function boolean(name, value, row) {
  if (typeof value === 'boolean') return value;
  throw invalid(name, 'must be true or false', value, row);
}

function callback(name, value, row) {
  if (typeof value === 'function') return value;
  throw invalid(name, 'must be a function', value, row);
}

function oneOf(name, value, row) {
  if (row.values.includes(value)) return value;
  throw invalid(name, `must be ${row.values.map((one) => `"${one}"`).join(' or ')}`, value, row);
}

function text(name, value, row) {
  if (typeof value !== 'string') throw invalid(name, 'must be a string', value, row);
  // Half a surrogate pair has no form in UTF-8, so it could not be told apart from another one.
  if (!value.isWellFormed()) {
    throw invalid(name, 'must be well-formed Unicode (no lone surrogates)', value, row);
  }
  const size = Buffer.byteLength(value);
  if (size > (row.maximumBytes ?? Infinity)) throw tooLarge(name, row, `${size} bytes`, 'in UTF-8');
  return value;
}

function hostName(name, value, row) {
  const rule = 'must be a host name or an IP address';
  if (typeof value !== 'string' || !/^[^\s/@\0]+$/.test(value))
    throw invalid(name, rule, value, row);
  return text(name, value, row).replace(/^\[(.*)\]$/, '$1');
}

/** The path of a Unix socket. */
function socketPath(name, value, row) {
  const isPath = typeof value === 'string' && value !== '' && !value.includes('\0');
  if (!isPath) throw invalid(name, 'must be the path of a Unix socket', value, row);
  return path.resolve(text(name, value, row));
}

/** What a name may be that Redis takes only without spaces. */
function word(name, value, row) {
  if (typeof value === 'string' && /^[!-~]+$/.test(value)) return text(name, value, row);
  throw invalid(name, 'must be of visible ASCII characters, without spaces', value, row);
}

/** Redis would take the whole key for its hash tag, and a cluster scatter the keys of a kind. */
function keyPrefix(name, value, row) {
  const prefix = text(name, value, row);
  if (/^[^{]*\{\}/.test(prefix))
    throw invalid(name, 'must not hold an empty hash tag {}', value, row);
  return prefix;
}

/** The JSON value that the others will see: what JSON cannot carry is gone from it. */
function json(name, value, row) {
  return JSON.parse(
    toJson(`option "${name}"`, value || '', row.maximumBytes, 'ERR_INVALID_OPTION'),
  );
}

/** JSON text within a limit. `subject` says in the error what the value is. */
function toJson(subject, value, maximumBytes, code) {
  let jsonText;
  try {
    jsonText = JSON.stringify(value);
  } catch (cause) {
    const reason = firstLine(cause);
    throw new IncumbentError(code, `${subject} must be serializable as JSON: ${reason}`, { cause });
  }
  if (jsonText === undefined) {
    throw new IncumbentError(
      code,
      `${subject} must be serializable as JSON; got ${describe(value)}`,
    );
  }
  const size = Buffer.byteLength(jsonText);
  if (size <= maximumBytes) return jsonText;
  throw new IncumbentError(
    'ERR_LIMIT_EXCEEDED',
    `${subject} must be at most ${maximumBytes} bytes as JSON; got ${size} bytes`,
  );
}

/** `got` says what was given where the value alone would say too little, or too much. */
function invalid(name, rule, value, { secret = false, got } = {}) {
  // A number out of its range helps whoever gave it; a text may be a password in the wrong place.
  const isShown = !secret || (secret === 'texts' && typeof value !== 'string');
  got ??= isShown ? describe(value) : describeType(value);
  return new IncumbentError('ERR_INVALID_OPTION', `option "${name}" ${rule}; got ${got}`);
}

function tooLarge(name, row, got, form) {
  const rule = `must be at most ${row.maximumBytes} bytes ${form}`;
  return new IncumbentError('ERR_LIMIT_EXCEEDED', `option "${name}" ${rule}; got ${got}`);
}

/** The type of a value and, where it is short and plain, the value. Objects may hold secrets. */
function describe(value) {
  const type = describeType(value);
  if (typeof value === 'string') {
    return `${type} ${JSON.stringify(value.length <= 40 ? value : `${value.slice(0, 40)}…`)}`;
  }
  return ['number', 'boolean', 'bigint'].includes(typeof value) ? `${type} ${value}` : type;
}

function describeType(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return value === '' ? 'empty string' : typeof value;
}

module.exports = {
  boolean,
  callback,
  describe,
  describeType,
  hostName,
  integer,
  invalid,
  json,
  keyPrefix,
  oneOf,
  port,
  socketPath,
  stallLimit,
  text,
  toJson,
  word,
};
