'use strict';

const { describeType, hostName, integer, invalid, socketPath } = require('./rules.js');

const SECRET = { secret: true };
const PORT = { minimum: 1, maximum: 65_535 };
const DATABASE = { minimum: 0, maximum: 2 ** 31 - 1 };

/** What a reader of a URL with each of these schemes is. */
const READERS = {
  redis: readServer,
  rediss: readServer,
  unix: readSocket,
  'redis+unix': readSocket,
};

/** What a URL names. Where it has no user, password, port or database, these are undefined. */
function parseRedisUrl(name, given, _row, warnings) {
  if (typeof given !== 'string') throw notUrl(name, describeType(given));
  const scheme = /^([a-z][a-z0-9+.-]{0,15}):\/\//i.exec(given)?.[1].toLowerCase();
  if (!Object.hasOwn(READERS, scheme)) {
    throw notUrl(
      name,
      scheme ? `a URL with ${scheme}://` : `${describeType(given)} without a scheme`,
    );
  }
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url) throw notUrl(name, 'a URL that cannot be parsed (encode special characters)');
  return READERS[scheme](name, url, warnings);
}

/** `redis://user:password@host:port/db` */
function readServer(name, url, warnings) {
  if (!url.hostname) throw notUrl(name, 'a URL that cannot be parsed (encode special characters)');
  if (url.search || url.hash) warnings.push(ignored(name, 'what follows "?" or "#"'));
  const database = url.pathname.replace(/^\//, '');
  return {
    host: hostName(name, decode(name, url.hostname), SECRET),
    port: url.port === '' ? undefined : integer(name, Number(url.port), PORT),
    username: decode(name, url.username) || undefined,
    password: decode(name, url.password) || undefined,
    db: databaseOf(name, database, 'a path'),
    tls: url.protocol === 'rediss:',
  };
}

/** `unix:///path?db=1&user=…&pass=…` */
function readSocket(name, url, warnings) {
  if (url.host || url.pathname === '' || url.pathname === '/') {
    throw notUrl(name, 'a URL of a Unix socket without the three slashes and the path after them');
  }
  const query = {};
  for (const pair of url.search.slice(1).split('&').filter(Boolean)) {
    const [, key, value] = /^([^=]*)=?(.*)$/s.exec(pair);
    if (['db', 'user', 'pass'].includes(key)) query[key] = decode(name, value);
    else warnings.push(ignored(name, 'what follows "?" other than db, user and pass'));
  }
  if (url.hash) warnings.push(ignored(name, 'what follows "#"'));
  return {
    path: socketPath(name, decode(name, url.pathname), SECRET),
    username: query.user || undefined,
    password: query.pass || undefined,
    db: databaseOf(name, query.db ?? '', 'a db'),
    tls: false,
  };
}

function databaseOf(name, digits, what) {
  if (!/^\d{0,10}$/.test(digits))
    throw notUrl(name, `a URL with ${what} that is no database number`);
  return digits === '' ? undefined : integer(name, Number(digits), DATABASE);
}

function decode(name, part) {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notUrl(name, 'a URL with a "%" that encodes nothing (write %25)');
  }
}

function ignored(name, what) {
  return `option "${name}": ${what} in the URL is ignored`;
}

function notUrl(name, got) {
  const rule =
    'must be a URL like redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path for a Unix socket';
  return invalid(name, rule, undefined, { got });
}

module.exports = { parseRedisUrl };
