'use strict';

const { IncumbentError } = require('./errors.js');
const { messageSecret } = require('./message-secret.js');
const { resolveRedis } = require('./redis-options.js');
const { boolean, describe, integer, json, oneOf, stallLimit, text } = require('./rules.js');
const { unknownNames } = require('./unknown-names.js');

const DEFAULT_STALL_MS = 10_000;

/**
 * The options of Candidate: how each is checked, its bounds and its default. index.d.ts tells users
 * the same, and a test compares the two. A default that hangs on another option is a function of
 * the settings made so far, and `defaultText` words it.
 */
const OPTIONS = {
  redis: { check: resolveRedis, default: 'redis://localhost:6379' },
  medium: { check: oneOf, values: ['redis', 'memory'], default: 'redis' },
  kind: { check: text, default: '', maximumBytes: 128 },
  meta: { check: json, default: '', maximumBytes: 16 * 1024 },
  leaseMs: { check: integer, default: 800, minimum: 100, maximum: 600_000, unit: 'milliseconds' },
  renewMs: {
    check: integer,
    // null leaves the exact fifth, which need not be an integer, to the election.
    default: () => null,
    defaultText: '`leaseMs / 5`',
    minimum: 10,
    unit: 'milliseconds',
  },
  maxStallMs: {
    check: stallLimit,
    default: ({ leaseMs }) => Math.max(DEFAULT_STALL_MS, leaseMs),
    defaultText: `${DEFAULT_STALL_MS}, or \`leaseMs\` where that is larger`,
    minimumText: '`leaseMs`',
    maximum: 2 ** 31 - 1,
    unit: 'milliseconds',
  },
  crashDetection: { check: oneOf, values: ['lease', 'connection'], default: 'lease' },
  priority: { check: integer, default: 0, minimum: -1000, maximum: 1000 },
  preempt: { check: boolean, default: false },
  eligible: { check: boolean, default: true },
  minInstances: { check: integer, default: 1, minimum: 1, maximum: 10_000 },
  messageSecret: {
    check: messageSecret,
    default: () => null,
    defaultText: 'none: no message is authenticated',
    minimumText: '16 bytes in UTF-8',
    minimumBytes: 16,
    maximumBytes: 1024,
    maximumCount: 4,
    secret: true,
  },
  acceptRequests: {
    check: boolean,
    default: true,
  },
  drainMs: { check: integer, default: 5000, minimum: 0, maximum: 600_000, unit: 'milliseconds' },
  waitReplicas: { check: integer, default: 0, minimum: 0, maximum: 100 },
  migrate: {
    check: oneOf,
    values: ['node-raft-redis'],
    default: () => null,
    defaultText: 'none: there are no instances of another library',
  },
};

/**
 * Checks what a user gave to the constructor. Returns the settings as the native side takes them,
 * and warnings about what was given but means nothing here.
 */
function resolveOptions(options) {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new IncumbentError(
      'ERR_INVALID_OPTION',
      `the options must be an object such as { redis: "redis://localhost:6379" }; got ${describe(options)}`,
    );
  }
  const warnings = unknownNames(options, Object.keys(OPTIONS));
  const settings = {};
  for (const [name, row] of Object.entries(OPTIONS)) {
    settings[name] = resolveOne(name, options[name], row, settings, warnings);
  }
  relate(settings);
  relateMove(settings);
  if (settings.maxStallMs === Infinity) settings.maxStallMs = null;
  return { settings, warnings };
}

function resolveOne(name, given, row, settings, warnings) {
  if (given !== undefined) return row.check(name, given, row, warnings);
  if (typeof row.default === 'function') return row.default(settings);
  return row.check(name, row.default, row, warnings);
}

/** The rules between options. */
function relate({ leaseMs, renewMs, maxStallMs }) {
  if (renewMs !== null && renewMs > leaseMs / 4) {
    throw new IncumbentError(
      'ERR_INVALID_OPTION',
      `renewMs (${renewMs}) must be at most a quarter of leaseMs (${leaseMs}), which is ${leaseMs / 4}`,
    );
  }
  if (maxStallMs < leaseMs) {
    throw new IncumbentError(
      'ERR_INVALID_OPTION',
      `maxStallMs (${maxStallMs}) must be at least leaseMs (${leaseMs}), or Infinity`,
    );
  }
}

/** What the instances of the other library cannot follow. */
function relateMove({ migrate, medium, redis, messageSecret }) {
  if (migrate === null) return;
  const hindrance = [
    [medium === 'memory', 'medium "memory", which other processes do not see'],
    [redis.sentinel, 'sentinels: name the server that the old instances use by its url or host'],
    [redis.cluster, 'a cluster, which the old instances do not know'],
    [
      messageSecret !== null,
      'a messageSecret, which the old instances cannot have: add it after the move',
    ],
  ].find(([isThere]) => isThere);
  if (hindrance) {
    const rule = `option "migrate" cannot be used with ${hindrance[1]}`;
    throw new IncumbentError('ERR_INVALID_OPTION', rule);
  }
}

module.exports = { OPTIONS, resolveOptions };
