'use strict';

// The parts of option `redis` that name several servers: sentinels, or the nodes of a cluster.

const { IncumbentError } = require('./errors.js');
const { describeType, hostName, invalid, port } = require('./rules.js');
const { unknownNames } = require('./unknown-names.js');

const NODE_OPTIONS = {
  host: { check: hostName, secret: true },
  port: { check: port, minimum: 1, maximum: 65_535, secret: 'texts' },
};

/** The parts that name one server: beside several, they mean nothing. */
const OF_ONE_SERVER = ['url', 'host', 'port', 'path'];
/** The parts that belong to sentinels. */
const OF_SENTINELS = ['name', 'sentinelUsername', 'sentinelPassword', 'sentinelTls'];

/** A list of servers, each as `{ host, port }`. `row.defaultPort` stands in where there is no port. */
function nodes(name, given, row, warnings) {
  if (!Array.isArray(given) || given.length === 0) {
    const rule = `must be a list of servers such as [{ host: "redis-1", port: ${row.defaultPort} }]`;
    const got = Array.isArray(given) ? 'an empty list' : describeType(given);
    throw invalid(name, rule, undefined, { got });
  }
  return given.map((node, index) => oneNode(`${name}[${index}]`, node, row, warnings));
}

function oneNode(name, given, { defaultPort }, warnings) {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    const rule = `must be an object such as { host: "redis-1", port: ${defaultPort} }`;
    throw invalid(name, rule, undefined, { got: describeType(given) });
  }
  warnings.push(...unknownNames(given, Object.keys(NODE_OPTIONS), `${name}.`));
  const { host, port: number = defaultPort } = given;
  return {
    host: NODE_OPTIONS.host.check(`${name}.host`, host, NODE_OPTIONS.host),
    port: NODE_OPTIONS.port.check(`${name}.port`, number, NODE_OPTIONS.port),
  };
}

/**
 * What goes together and what does not, among the parts of option `redis`: `given` says what was
 * named, `fields` holds the checked values.
 */
function relatePlaces(name, fields) {
  const { sentinels, cluster, name: master, db } = fields;
  const both = (one, other) => `give either ${name}.${one} or ${name}.${other}, not both`;
  const isGiven = (field) => fields[field] !== undefined;
  for (const several of ['sentinels', 'cluster'].filter(isGiven)) {
    const single = OF_ONE_SERVER.find(isGiven);
    if (single) throw refused(both(several, single));
  }
  if (sentinels && cluster) throw refused(both('sentinels', 'cluster'));
  if (sentinels && !master) {
    throw refused(`${name}.sentinels needs ${name}.name: what the sentinels call the master`);
  }
  const stray = OF_SENTINELS.find(isGiven);
  if (!sentinels && stray) throw refused(`${name}.${stray} needs ${name}.sentinels`);
  if (cluster && db) throw refused(`a cluster has database 0 alone; ${name}.db is ${db}`);
}

function refused(message) {
  return new IncumbentError('ERR_INVALID_OPTION', message);
}

/** What the native side is given of them. */
function placesOf(fields, tls) {
  const { sentinels, cluster, name } = fields;
  if (cluster) return { cluster };
  if (!sentinels) return {};
  return {
    sentinel: {
      sentinels,
      name,
      username: fields.sentinelUsername || undefined,
      password: fields.sentinelPassword || undefined,
      // null is an answer.
      tls: fields.sentinelTls === undefined ? tls : fields.sentinelTls,
    },
  };
}

module.exports = { nodes, placesOf, relatePlaces };
