'use strict';

const { parseRedisUrl } = require('./redis-url.js');
const {
  callback,
  hostName,
  integer,
  invalid,
  keyPrefix,
  port,
  socketPath,
  text,
  word,
} = require('./rules.js');
const { nodes, placesOf, relatePlaces } = require('./redis-places.js');
const { resolveTls } = require('./tls-options.js');
const { unknownNames } = require('./unknown-names.js');

/**
 * The fields of option `redis`. The value of a secret one never appears in an error, and of the
 * others no text: a password may have got into any of them by mistake.
 */
const REDIS_OPTIONS = {
  url: { check: parseRedisUrl, secret: true },
  host: { check: hostName, default: 'localhost', secret: true },
  port: { check: port, default: 6379, minimum: 1, maximum: 65_535, secret: 'texts' },
  path: { check: socketPath, secret: true },
  username: { check: text, secret: true },
  password: { check: text, secret: true },
  credentials: { check: callback, secret: 'texts' },
  db: { check: integer, default: 0, minimum: 0, maximum: 2 ** 31 - 1, secret: 'texts' },
  tls: { check: resolveTls, default: false, secret: 'texts' },
  keyPrefix: { check: keyPrefix, default: '', maximumBytes: 256, secret: 'texts' },
  clientName: { check: word, default: 'incumbent', maximumBytes: 64, secret: 'texts' },
  sentinels: { check: nodes, defaultPort: 26_379 },
  name: { check: text, secret: 'texts' },
  sentinelUsername: { check: text, secret: true },
  sentinelPassword: { check: text, secret: true },
  sentinelTls: { check: resolveTls, defaultText: 'the value of `tls`', secret: 'texts' },
  cluster: { check: nodes, defaultPort: 6379 },
};

/** A URL, or an object of fields. In the result `tls` is null, or an object with every field. */
function resolveRedis(name, given, row, warnings) {
  if (typeof given === 'string')
    return complete(name, {}, parseRedisUrl(name, given, row, warnings));
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw invalid(name, 'must be a redis:// or rediss:// URL, or an object', given);
  }
  warnings.push(...unknownNames(given, Object.keys(REDIS_OPTIONS), `${name}.`));
  const fields = {};
  for (const [field, rules] of Object.entries(REDIS_OPTIONS)) {
    if (given[field] === undefined) continue;
    fields[field] = rules.check(`${name}.${field}`, given[field], rules, warnings);
  }
  relatePlaces(name, fields);
  const { url, ...others } = fields;
  const server = complete(name, others, url);
  return { ...server, ...placesOf(others, server.tls) };
}

/** A URL wins in what it names, the fields fill up what it leaves open, the defaults the rest. */
function complete(name, fields, url) {
  const settings = {
    ...placeOf(name, fields, url),
    username: url?.username || fields.username || undefined,
    password: url?.password || fields.password || undefined,
    credentials: fields.credentials,
    db: url?.db ?? fields.db ?? REDIS_OPTIONS.db.default,
    // Either way of asking for TLS is enough: never talk in the clear when one of them was used.
    tls: fields.tls || (url?.tls ? resolveTls(`${name}.tls`, true) : null),
    keyPrefix: fields.keyPrefix ?? REDIS_OPTIONS.keyPrefix.default,
    clientName: fields.clientName ?? REDIS_OPTIONS.clientName.default,
  };
  if (settings.credentials && settings.password !== undefined) {
    const got = { got: 'both' };
    throw invalid(`${name}.credentials`, 'must be left out with a password', undefined, got);
  }
  if (settings.path !== undefined && settings.tls) {
    throw invalid(`${name}.tls`, 'must be left out with a Unix socket', true);
  }
  return settings;
}

function placeOf(name, fields, url) {
  if (url?.path !== undefined) return { path: url.path };
  const { host, port } = REDIS_OPTIONS;
  // A port given beside a URL belongs to another host.
  if (url) return { host: url.host, port: url.port ?? port.default };
  if (fields.path === undefined) {
    return { host: fields.host ?? host.default, port: fields.port ?? port.default };
  }
  if (fields.host !== undefined || fields.port !== undefined) {
    const rule = `must be left out with "${name}.host" or "${name}.port"`;
    throw invalid(`${name}.path`, rule, fields.path, REDIS_OPTIONS.path);
  }
  return { path: fields.path };
}

module.exports = { REDIS_OPTIONS, resolveRedis };
