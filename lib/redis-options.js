'use strict';

const { boolean, describeType, hostName, integer, invalid, port, text } = require('./rules.js');
const { unknownNames } = require('./unknown-names.js');

/**
 * The fields of option `redis`. The value of a secret one never appears in an error: a password may
 * have got into any of them by mistake.
 */
const REDIS_OPTIONS = {
  url: { check: parseUrl, secret: true },
  host: { check: hostName, default: 'localhost', secret: true },
  port: { check: port, default: 6379, minimum: 1, maximum: 65_535 },
  username: { check: text, secret: true },
  password: { check: text, secret: true },
  db: { check: integer, default: 0, minimum: 0, maximum: 2 ** 31 - 1 },
  tls: { check: boolean, default: false },
};

/** A URL, or an object of fields, as `{ host, port, username?, password?, db, tls }`. */
function resolveRedis(name, given, row, warnings) {
  if (typeof given === 'string') return complete({}, parseUrl(name, given, row, warnings));
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw invalid(name, 'must be a redis:// or rediss:// URL, or an object', given);
  }
  warnings.push(...unknownNames(given, Object.keys(REDIS_OPTIONS), `${name}.`));
  const fields = {};
  for (const [field, rules] of Object.entries(REDIS_OPTIONS)) {
    if (given[field] === undefined) continue;
    fields[field] = rules.check(`${name}.${field}`, given[field], rules, warnings);
  }
  const { url, ...others } = fields;
  return complete(others, url);
}

/** A URL wins in what it names, the fields fill up what it leaves open, the defaults the rest. */
function complete(fields, url) {
  const { host, port, db, tls } = REDIS_OPTIONS;
  return {
    host: url?.host ?? fields.host ?? host.default,
    // A port given beside a URL belongs to another host.
    port: url ? (url.port ?? port.default) : (fields.port ?? port.default),
    username: url?.username || fields.username || undefined,
    password: url?.password || fields.password || undefined,
    db: url?.db ?? fields.db ?? db.default,
    // Either way of asking for TLS is enough: never talk in the clear when one of them was used.
    tls: url?.tls || (fields.tls ?? tls.default),
  };
}

/** What a URL names. Where it has no user, password, port or database, these are undefined. */
function parseUrl(name, given, row, warnings) {
  if (typeof given !== 'string') throw notUrl(name, describeType(given));
  const scheme = /^([a-z][a-z0-9+.-]{0,15}):\/\//i.exec(given)?.[1].toLowerCase();
  if (scheme !== 'redis' && scheme !== 'rediss') {
    throw notUrl(
      name,
      scheme ? `a URL with ${scheme}://` : `${describeType(given)} without a scheme`,
    );
  }
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url?.hostname) throw notUrl(name, 'a URL that cannot be parsed (encode special characters)');
  if (url.search || url.hash) {
    warnings.push(`option "${name}": what follows "?" or "#" in the URL is ignored`);
  }
  const database = url.pathname.replace(/^\//, '');
  if (!/^\d{0,10}$/.test(database))
    throw notUrl(name, 'a URL with a path that is no database number');
  return {
    host: hostName(name, decode(name, url.hostname), { secret: true }),
    port: url.port === '' ? undefined : integer(name, Number(url.port), REDIS_OPTIONS.port),
    username: decode(name, url.username) || undefined,
    password: decode(name, url.password) || undefined,
    db: database === '' ? undefined : integer(name, Number(database), REDIS_OPTIONS.db),
    tls: scheme === 'rediss',
  };
}

function decode(name, part) {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notUrl(name, 'a URL with a "%" that encodes nothing (write %25)');
  }
}

function notUrl(name, got) {
  const rule = 'must be a URL like redis://user:password@host:6379/0, or rediss:// for TLS';
  return invalid(name, rule, undefined, { got });
}

module.exports = { REDIS_OPTIONS, resolveRedis };
