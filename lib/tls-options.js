'use strict';

const path = require('node:path');
const { boolean, describeType, hostName, invalid } = require('./rules.js');
const { unknownNames } = require('./unknown-names.js');

/** The fields of option `redis.tls`. A secret may have got into any of them. */
const TLS_OPTIONS = {
  ca: { check: pems, secret: true },
  cert: { check: pem, secret: true },
  key: { check: pem, secret: true },
  servername: { check: hostName, secret: true },
  rejectUnauthorized: { check: boolean, default: true, secret: 'texts' },
};

/** Gives null for false, and otherwise an object with every field. */
function resolveTls(name, given, row, warnings) {
  if (given === false) return null;
  const fields = {};
  if (given !== true) readFields(name, given, row, fields, warnings);
  const { ca = [], rejectUnauthorized = true, ...others } = fields;
  for (const [one, other] of [
    ['cert', 'key'],
    ['key', 'cert'],
  ]) {
    if (others[one] === undefined || others[other] !== undefined) continue;
    throw invalid(`${name}.${one}`, `must be given together with "${name}.${other}"`, undefined, {
      got: 'it alone',
    });
  }
  return { ca, rejectUnauthorized, ...others };
}

function readFields(name, given, row, fields, warnings) {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw invalid(name, 'must be true, false or an object', given, row);
  }
  warnings.push(...unknownNames(given, Object.keys(TLS_OPTIONS), `${name}.`));
  for (const [field, rules] of Object.entries(TLS_OPTIONS)) {
    if (given[field] === undefined) continue;
    fields[field] = rules.check(`${name}.${field}`, given[field], rules);
  }
}

function pems(name, value, row) {
  return (Array.isArray(value) ? value : [value]).map((one) => pem(name, one, row));
}

/** `{ text }` or, of what is no PEM itself, `{ path }`. */
function pem(name, value) {
  const isBytes = value instanceof Uint8Array;
  const text = isBytes ? Buffer.from(value).toString('latin1') : value;
  if (typeof text === 'string') {
    if (text.includes('-----BEGIN ')) return { text };
    const isPath = !isBytes && text !== '' && text.length <= 4096 && !/[\0\r\n]/.test(text);
    if (isPath) return { path: path.resolve(text) };
  }
  throw invalid(
    name,
    'must be PEM (-----BEGIN …), as a string or a Buffer, or the path of a file with it',
    value,
    {
      got: isBytes ? 'bytes that are no PEM' : describeType(value),
    },
  );
}

module.exports = { TLS_OPTIONS, resolveTls };
