// Whatever is given as options is accepted or refused with an error of ours; what is accepted is what the native side takes.
// `npm run fuzz` runs this with more inputs, and looks at the memory.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';

const { checkId, metaToJson, signalOf } = require('../lib/arguments.js');
const { ERROR_CODES, IncumbentError } = require('../lib/errors.js');
const { dropProtoKeys, encodeMessage } = require('../lib/messages.js');
const { OPTIONS, resolveOptions } = require('../lib/options.js');
const { REDIS_OPTIONS } = require('../lib/redis-options.js');
const { TLS_OPTIONS } = require('../lib/tls-options.js');
const { NativeCandidate } = require('../native.js');

const inputs = Number(process.env.INCUMBENT_FUZZ_INPUTS ?? 8000);
const part = (share: number) => ({ numRuns: Math.ceil(inputs * share) });

/** Anything: also what has getters, proxies, symbols, no prototype, a cycle. */
const anything = fc.oneof(
  fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
  }),
  fc.constantFrom(
    Symbol('a symbol'),
    () => 'a function',
    { toJSON: () => undefined },
    { toJSON: () => 1n },
    { toString: null, valueOf: null },
    cyclic(),
    '\ud800',
    'x'.repeat(20_000),
    JSON.parse('{"__proto__":{"polluted":true}}'),
  ),
);

const numbers = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(-1, 0, 9, 10, 99, 100, 200, 201, 800, 600_000, 600_001, 2 ** 31, 2 ** 53),
  fc.constantFrom(NaN, Infinity, -Infinity),
);

const urls = fc.oneof(
  fc.webUrl({ validSchemes: ['redis', 'rediss', 'http'], withQueryParameters: true }),
  fc
    .tuple(
      fc.constantFrom('redis://', 'rediss://', 'REDIS://', 'redis:', ''),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('', '@h', '@[::1]:6379/1', ':70000', '/99999999999', '#f', '?q', '%zz@h'),
    )
    .map((parts) => parts.join('')),
);

/** A record of some of these names, each with a value that suits it, almost suits it, or is anything. */
function record(names: string[], suited: Record<string, fc.Arbitrary<unknown>>) {
  const fields = Object.fromEntries(
    [...names, 'unknown', 'leasems', '__proto__'].map((name) => [
      name,
      fc.oneof(suited[name] ?? fc.string(), numbers, anything),
    ]),
  );
  return fc.record(fields, { requiredKeys: [] });
}

const pem = fc.oneof(fc.string(), fc.constantFrom('/none', '-----BEGIN CERTIFICATE-----'));
const tls = record(Object.keys(TLS_OPTIONS), {
  ca: fc.oneof(pem, fc.array(pem)),
  cert: pem,
  key: pem,
  rejectUnauthorized: fc.boolean(),
});
const servers = fc.array(
  record(['host', 'port'], {
    host: fc.constantFrom('redis-1', '10.0.0.1', '::1'),
    port: fc.integer({ min: 1, max: 65_535 }),
  }),
  { maxLength: 4 },
);
const redis = record(Object.keys(REDIS_OPTIONS), {
  url: urls,
  port: fc.integer({ min: 1, max: 65_535 }),
  db: fc.nat(16),
  sentinels: servers,
  sentinelTls: fc.boolean(),
  cluster: servers,
  tls: fc.oneof(fc.boolean(), tls),
  path: fc.constantFrom('/a', 'a'),
});
const options = record(Object.keys(OPTIONS), {
  redis: fc.oneof(redis, urls),
  medium: fc.constantFrom('redis', 'memory'),
  meta: fc.jsonValue(),
  leaseMs: fc.integer({ min: 90, max: 2000 }),
  renewMs: fc.integer({ min: 9, max: 300 }),
  crashDetection: fc.constantFrom('lease', 'connection'),
  maxStallMs: fc.oneof(fc.integer({ min: 100, max: 20_000 }), fc.constant(Infinity)),
  priority: fc.integer({ min: -1001, max: 1001 }),
  preempt: fc.boolean(),
  eligible: fc.boolean(),
  acceptRequests: fc.boolean(),
  minInstances: fc.integer({ min: 1, max: 10_000 }),
  drainMs: fc.integer({ min: 0, max: 600_000 }),
  waitReplicas: fc.integer({ min: -1, max: 101 }),
  migrate: fc.constantFrom('node-raft-redis', null),
});

test('random options are accepted by both sides, or refused with a code', () => {
  let accepted = 0;
  const property = fc.property(fc.oneof({ weight: 6, arbitrary: options }, anything), (given) => {
    const resolved = orRefused(() => resolveOptions(given));
    if (!resolved) return;
    accepted += 1;
    assert.ok(resolved.warnings.every((warning: unknown) => typeof warning === 'string'));
    orRefused(
      () => new NativeCandidate(JSON.stringify({ ...resolved.settings, debug: false })),
      [
        // How deep a meta may be is known to the native side alone.
        'ERR_LIMIT_EXCEEDED',
        'ERR_INVALID_OPTION',
      ],
    );
  });
  // What the engine makes once is no growth.
  fc.assert(property, part(0.1));
  const startMb = residentMb();
  fc.assert(property, part(0.5));
  assert.ok(accepted > inputs / 50, `only ${accepted} of ${inputs * 0.6} were accepted`);
  report(startMb);
});

test('random options fit for use are accepted', () => {
  const fit = fc.record({
    redis: fc.record({ port: fc.integer({ min: 1, max: 65_535 }), password: fc.string() }),
    kind: fc.string({ maxLength: 32, unit: 'grapheme-composite' }),
    meta: fc.jsonValue({ maxDepth: 3 }),
    leaseMs: fc.integer({ min: 100, max: 600_000 }),
  });
  const property = fc.property(fit, (given) => {
    const { settings, warnings } = resolveOptions(given);
    assert.deepEqual(warnings, []);
    new NativeCandidate(JSON.stringify({ ...settings, debug: false }));
  });
  fc.assert(property, part(0.1));
});

test('random arguments and messages are taken, or refused with a code', () => {
  const property = fc.property(anything, (given) => {
    orRefused(() => checkId(given));
    orRefused(() => signalOf('start', given));
    orRefused(() => metaToJson(given, 16_384));
    const body = orRefused(() => encodeMessage(given));
    if (typeof body !== 'string') return;
    const received = JSON.parse(body);
    dropProtoKeys(received);
    assert.ok(!JSON.stringify(received).includes('"__proto__":'), body);
  });
  fc.assert(property, part(0.3));
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

/** What `action` gives; nothing where it throws an error of ours, which is the only kind that it may throw. */
function orRefused(action: () => any, codes: readonly string[] = ERROR_CODES): any {
  try {
    return action();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    assert.ok(error instanceof IncumbentError || action.toString().includes('Native'), `${error}`);
    assert.ok(codes.includes(code), `${code}: ${message}`);
    assert.notEqual(code, 'ERR_INTERNAL', message);
    assert.ok(message.length > 10 && message.length < 1000, message);
    return undefined;
  }
}

function cyclic() {
  const value: Record<string, unknown> = {};
  value.itself = value;
  return value;
}

function residentMb(): number {
  globalThis.gc?.();
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}

/** For `npm run fuzz`. */
function report(startMb: number) {
  const file = process.env.INCUMBENT_FUZZ_MEMORY;
  if (file) writeFileSync(file, JSON.stringify({ inputs, startMb, endMb: residentMb() }));
}
