import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

const { ERROR_CODES } = require('../lib/errors.js');
const { OPTIONS, resolveOptions } = require('../lib/options.js');
const { REDIS_OPTIONS } = require('../lib/redis-options.js');
const { TLS_OPTIONS } = require('../lib/tls-options.js');

const settingsOf = (options: object) => resolveOptions(options).settings;
const redisOf = (redis: unknown) => settingsOf({ redis }).redis;
const warningsOf = (options: object): string[] => resolveOptions(options).warnings;

function refused(options: unknown, code: string, message: string | RegExp) {
  assert.throws(() => resolveOptions(options), { name: 'IncumbentError', code, message });
}
const invalid = (options: unknown, message: string | RegExp) =>
  refused(options, 'ERR_INVALID_OPTION', message);

describe('without options', () => {
  test('every one has its default', () => {
    assert.deepEqual(settingsOf({}), {
      redis: {
        host: 'localhost',
        port: 6379,
        username: undefined,
        password: undefined,
        credentials: undefined,
        db: 0,
        tls: null,
        keyPrefix: '',
        clientName: 'incumbent',
      },
      medium: 'redis',
      kind: '',
      meta: '',
      leaseMs: 800,
      renewMs: null,
      maxStallMs: 10_000,
      crashDetection: 'lease',
      priority: 0,
      preempt: false,
      eligible: true,
      minInstances: 1,
      messageSecret: null,
      acceptRequests: true,
      drainMs: 5000,
      waitReplicas: 0,
      migrate: null,
    });
  });

  test('undefined counts as not given', () => {
    const given = { redis: undefined, kind: undefined, meta: undefined, leaseMs: undefined };
    assert.deepEqual(resolveOptions(given), resolveOptions({}));
    assert.deepEqual(warningsOf({ unknown: undefined }), []);
  });

  test('what is no object is refused', () => {
    for (const options of [null, [], 'redis://localhost', 7]) {
      invalid(options, /^the options must be an object such as .*; got (null|array|string|number)/);
    }
  });
});

describe('times', () => {
  test('the bounds themselves are allowed', () => {
    assert.equal(settingsOf({ leaseMs: 100 }).leaseMs, 100);
    assert.equal(settingsOf({ leaseMs: 600_000 }).leaseMs, 600_000);
    assert.equal(settingsOf({ renewMs: 10 }).renewMs, 10);
    assert.equal(settingsOf({ renewMs: 200 }).renewMs, 200);
    assert.equal(settingsOf({ maxStallMs: 800 }).maxStallMs, 800);
  });

  test('leaseMs that breaks its rule is named with the type that was given', () => {
    const rule = 'option "leaseMs" must be an integer from 100 to 600000 (milliseconds); got ';
    invalid({ leaseMs: '800' }, `${rule}string "800"`);
    invalid({ leaseMs: 99 }, `${rule}number 99`);
    invalid({ leaseMs: 600_001 }, `${rule}number 600001`);
    invalid({ leaseMs: 800.5 }, `${rule}number 800.5`);
    invalid({ leaseMs: NaN }, `${rule}number NaN`);
    invalid({ leaseMs: null }, `${rule}null`);
    invalid({ leaseMs: 800n }, `${rule}bigint 800`);
    invalid({ leaseMs: {} }, `${rule}object`);
  });

  test('renewMs is at least 10 and at most a quarter of leaseMs', () => {
    invalid({ renewMs: 9 }, /^option "renewMs" must be an integer of at least 10/);
    invalid(
      { leaseMs: 800, renewMs: 400 },
      'renewMs (400) must be at most a quarter of leaseMs (800), which is 200',
    );
  });

  test('maxStallMs is not below leaseMs, and Infinity turns it off', () => {
    assert.equal(settingsOf({ maxStallMs: Infinity }).maxStallMs, null);
    assert.equal(settingsOf({ leaseMs: 20_000 }).maxStallMs, 20_000);
    invalid({ maxStallMs: 500 }, 'maxStallMs (500) must be at least leaseMs (800), or Infinity');
    for (const maxStallMs of ['off', NaN, -1, 2 ** 31, null]) {
      invalid({ maxStallMs }, /^option "maxStallMs" must be a number from leaseMs to 2147483647/);
    }
  });
});

describe('kind, meta and medium', () => {
  test('any text is a kind, up to 128 bytes', () => {
    for (const kind of ['', '* : { } [ ? \0', '订单', 'k'.repeat(128), 'é'.repeat(64)]) {
      assert.equal(settingsOf({ kind }).kind, kind);
    }
    refused({ kind: 'é'.repeat(65) }, 'ERR_LIMIT_EXCEEDED', /"kind" .* 128 bytes .* got 130 bytes/);
  });

  test('a kind that is no text is refused', () => {
    for (const kind of [7, null, {}, ['a']]) invalid({ kind }, /^option "kind" must be a string; /);
    invalid({ kind: '\ud800' }, /^option "kind" must be well-formed Unicode/);
  });

  test('meta is what JSON makes of it, and a falsy one is an empty string', () => {
    assert.deepEqual(settingsOf({ meta: { at: new Date(0), gone: undefined } }).meta, {
      at: '1970-01-01T00:00:00.000Z',
    });
    for (const meta of [null, 0, false, '', NaN]) assert.equal(settingsOf({ meta }).meta, '');
  });

  test('meta that has no form in JSON is refused, with the cause', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const meta of [circular, { big: 1n }]) {
      assert.throws(
        () => resolveOptions({ meta }),
        (error: any) => error.code === 'ERR_INVALID_OPTION' && error.cause instanceof TypeError,
      );
    }
    invalid({ meta: () => {} }, 'option "meta" must be serializable as JSON; got function');
  });

  test('meta over 16 KiB of JSON is over the limit', () => {
    assert.equal(settingsOf({ meta: 'm'.repeat(16_382) }).meta.length, 16_382);
    refused(
      { meta: 'm'.repeat(16_383) },
      'ERR_LIMIT_EXCEEDED',
      /16384 bytes as JSON; got 16385 bytes/,
    );
  });

  test('medium is one of two', () => {
    assert.equal(settingsOf({ medium: 'memory' }).medium, 'memory');
    invalid(
      { medium: 'Memory' },
      'option "medium" must be "redis" or "memory"; got string "Memory"',
    );
  });

  test('migrate names the one library that there is, on one server that it knows', () => {
    const migrate = 'node-raft-redis';
    assert.equal(settingsOf({ migrate }).migrate, migrate);
    for (const other of ['redlock', '', true, null]) {
      invalid({ migrate: other }, /^option "migrate" must be "node-raft-redis"; got /);
    }
    const node = { host: 'a' };
    for (const [options, hindrance] of [
      [{ medium: 'memory' }, /medium "memory", which other processes do not see$/],
      [{ redis: { sentinels: [node], name: 'a' } }, /sentinels: name the server that the old /],
      [{ redis: { cluster: [node] } }, /a cluster, which the old instances do not know$/],
      [
        { messageSecret: 'x'.repeat(32) },
        /a messageSecret, which the old .*: add it after the move$/,
      ],
    ] as const) {
      invalid({ ...options, migrate }, /^option "migrate" cannot be used with /);
      invalid({ ...options, migrate }, hindrance);
    }
  });

  test('crashDetection is one of two', () => {
    assert.equal(settingsOf({ crashDetection: 'connection' }).crashDetection, 'connection');
    invalid(
      { crashDetection: true },
      'option "crashDetection" must be "lease" or "connection"; got boolean true',
    );
  });
});

describe('who may lead', () => {
  test('priority is a whole number', () => {
    assert.equal(settingsOf({ priority: -1000 }).priority, -1000);
    assert.equal(settingsOf({ priority: 1000 }).priority, 1000);
    const rule = 'option "priority" must be an integer from -1000 to 1000; got ';
    invalid({ priority: 1001 }, `${rule}number 1001`);
    invalid({ priority: 0.5 }, `${rule}number 0.5`);
    invalid({ priority: 'high' }, `${rule}string "high"`);
  });

  test('requests are accepted, unless it is said otherwise', () => {
    assert.equal(settingsOf({}).acceptRequests, true);
    assert.equal(settingsOf({ acceptRequests: false }).acceptRequests, false);
    invalid(
      { acceptRequests: 'yes' },
      'option "acceptRequests" must be true or false; got string "yes"',
    );
  });

  test('preempt and eligible are true or false', () => {
    assert.equal(settingsOf({ preempt: true }).preempt, true);
    assert.equal(settingsOf({ eligible: false }).eligible, false);
    invalid({ preempt: 1 }, 'option "preempt" must be true or false; got number 1');
    invalid({ eligible: 'no' }, 'option "eligible" must be true or false; got string "no"');
  });

  test('minInstances counts at least itself', () => {
    assert.equal(settingsOf({ minInstances: 10_000 }).minInstances, 10_000);
    const rule = 'option "minInstances" must be an integer from 1 to 10000; got number ';
    invalid({ minInstances: 0 }, `${rule}0`);
    invalid({ minInstances: 10_001 }, `${rule}10001`);
  });

  test('drainMs may be nothing, and is never for ever', () => {
    assert.equal(settingsOf({ drainMs: 0 }).drainMs, 0);
    assert.equal(settingsOf({ drainMs: 600_000 }).drainMs, 600_000);
    const rule = 'option "drainMs" must be an integer from 0 to 600000 (milliseconds); got number ';
    invalid({ drainMs: -1 }, `${rule}-1`);
    invalid({ drainMs: Infinity }, `${rule}Infinity`);
  });
});

describe('messageSecret', () => {
  const bytes = (...secrets: string[]) => secrets.map((secret) => [...Buffer.from(secret)]);

  test('a text, bytes, or a list of them', () => {
    const [one, other] = ['a secret of 16 b', 'é'.repeat(8)] as const;
    for (const [given, expected] of [
      [one, bytes(one)],
      [Buffer.from(one), bytes(one)],
      [new Uint8Array(Buffer.from(other)), bytes(other)],
      [[one, Buffer.from(other)], bytes(one, other)],
    ] as const) {
      assert.deepEqual(settingsOf({ messageSecret: given }).messageSecret, expected);
    }
  });

  test('one that is short, long, or of another type is refused, and never shown', () => {
    const shown = 'tell nobody';
    for (const [given, got] of [
      [shown, '11 bytes'],
      ['', 'empty string'],
      ['x'.repeat(1025), '1025 bytes'],
      [Buffer.from(shown), '11 bytes'],
      [`${shown}\ud800`, 'string'],
      [null, 'null'],
      [7, 'number'],
      [{ shown }, 'object'],
      [[], 'a list of 0'],
      [Array(5).fill('x'.repeat(16)), 'a list of 5'],
      [['x'.repeat(16), shown], '11 bytes'],
    ] as const) {
      assert.throws(
        () => resolveOptions({ messageSecret: given }),
        ({ code, message }: any) =>
          code === 'ERR_INVALID_OPTION' &&
          message.startsWith('option "messageSecret') &&
          message.endsWith(`; got ${got}`) &&
          !message.includes('tell'),
        String(got),
      );
    }
  });
});

describe('redis', () => {
  const plain = redisOf({});
  /** TLS, as it is without a word about it. */
  const trusting = { ca: [], rejectUnauthorized: true };
  const pem = '-----BEGIN CERTIFICATE-----';

  test('a URL is taken apart', () => {
    assert.deepEqual(redisOf('redis://host'), { ...plain, host: 'host' });
    assert.deepEqual(redisOf('rediss://me:p%40ss@[::1]:7000/3'), {
      ...plain,
      host: '::1',
      port: 7000,
      username: 'me',
      password: 'p@ss',
      db: 3,
      tls: trusting,
    });
  });

  test('a URL of a Unix socket is taken apart', () => {
    const { host: _host, port: _port, ...socket } = plain;
    for (const scheme of ['unix', 'UNIX', 'redis+unix']) {
      assert.deepEqual(redisOf(`${scheme}:///run/redis.sock`), {
        ...socket,
        path: '/run/redis.sock',
      });
    }
    assert.deepEqual(redisOf('unix:///a%20b?db=3&user=me&pass=p%40+s'), {
      ...socket,
      path: '/a b',
      db: 3,
      username: 'me',
      password: 'p@+s',
    });
    assert.deepEqual(redisOf({ path: '/run/redis.sock' }), { ...socket, path: '/run/redis.sock' });
    assert.deepEqual(redisOf({ path: 'redis.sock' }).path, path.resolve('redis.sock'));
    assert.deepEqual(redisOf({ url: 'unix:///a', path: '/b', host: 'c', db: 4 }), {
      ...socket,
      path: '/a',
      db: 4,
    });
    assert.equal(redisOf({ url: 'redis://a', path: '/b' }).path, undefined);
  });

  test('a URL beats the host and the port beside it; user, password and db fill up what it leaves open', () => {
    const beside = { host: 'b', port: 7, username: 'u', password: 'p', db: 4 };
    assert.deepEqual(redisOf({ url: 'redis://a', ...beside }), {
      ...plain,
      host: 'a',
      username: 'u',
      password: 'p',
      db: 4,
    });
    assert.deepEqual(redisOf({ url: 'redis://v:q@a:8/5', ...beside }), {
      ...plain,
      host: 'a',
      port: 8,
      username: 'v',
      password: 'q',
      db: 5,
    });
  });

  test('either way of asking for TLS is enough', () => {
    for (const redis of [
      'rediss://a',
      { url: 'rediss://a', tls: false },
      { url: 'redis://a', tls: true },
      { tls: true },
      { tls: {} },
    ]) {
      assert.deepEqual(redisOf(redis).tls, trusting);
    }
    assert.equal(redisOf({ tls: false }).tls, null);
    const tls = { servername: 'a', rejectUnauthorized: false };
    assert.deepEqual(redisOf({ url: 'rediss://a', tls }).tls, { ca: [], ...tls });
  });

  test('what holds PEM is a text, and any other text is a path', () => {
    const text = { text: pem };
    const file = { path: path.resolve('ca.pem') };
    assert.deepEqual(redisOf({ tls: { ca: pem } }).tls.ca, [text]);
    assert.deepEqual(redisOf({ tls: { ca: ['ca.pem', Buffer.from(pem)] } }).tls.ca, [file, text]);
    const { cert, key } = redisOf({ tls: { cert: 'ca.pem', key: pem } }).tls;
    assert.deepEqual({ cert, key }, { cert: file, key: text });
  });

  test('a field of tls that breaks its rule is named', () => {
    for (const value of ['', 'a\nb', Buffer.from('ca.pem'), 7, null, 'x'.repeat(4097)]) {
      invalid({ redis: { tls: { ca: value } } }, /^option "redis\.tls\.ca" must be PEM /);
      invalid({ redis: { tls: { ca: [pem, value] } } }, /^option "redis\.tls\.ca" must be PEM /);
    }
    const alone = /^option "redis\.tls\.(\w+)" must be given together with "redis\.tls\.\w+"/;
    invalid({ redis: { tls: { cert: pem } } }, alone);
    invalid({ redis: { tls: { key: pem } } }, alone);
    invalid({ redis: { tls: { rejectUnauthorized: 0 } } }, /rejectUnauthorized" must be true or /);
    invalid({ redis: { tls: { servername: 'a b' } } }, /servername" must be a host name/);
    invalid(
      { redis: { path: '/a', tls: true } },
      /^option "redis.tls" must be left out with a Unix/,
    );
    assert.deepEqual(warningsOf({ redis: { tls: { CA: pem } } }), [
      'unknown option "redis.tls.CA" is ignored; did you mean "redis.tls.ca"?',
    ]);
  });

  test('a prefix, a name of the client and a path keep to what Redis can take', () => {
    assert.equal(redisOf({ keyPrefix: '{team a}:' }).keyPrefix, '{team a}:');
    assert.equal(redisOf({ clientName: 'orders/1' }).clientName, 'orders/1');
    invalid(
      { redis: { keyPrefix: 'a{}{b}' } },
      /^option "redis.keyPrefix" must not hold an empty /,
    );
    refused({ redis: { keyPrefix: 'é'.repeat(129) } }, 'ERR_LIMIT_EXCEEDED', /got 258 bytes/);
    for (const clientName of ['', 'a b', 'é', 'a\n', 7]) {
      invalid({ redis: { clientName } }, /^option "redis.clientName" must be of visible ASCII/);
    }
    for (const path of ['', '\0', 7]) {
      invalid({ redis: { path } }, /^option "redis.path" must be the path of a Unix socket/);
    }
    invalid({ redis: { path: '/a', port: 1 } }, /^option "redis.path" must be left out with /);
  });

  test('a port may come from the environment, and an empty password counts as none', () => {
    assert.equal(redisOf({ port: '6380' }).port, 6380);
    assert.equal(redisOf({ password: '' }).password, undefined);
  });

  test('a field that breaks its rule is named', () => {
    invalid(
      { redis: null },
      /^option "redis" must be a redis:\/\/ or rediss:\/\/ URL, or an object; got null/,
    );
    invalid(
      { redis: { port: 0 } },
      'option "redis.port" must be an integer from 1 to 65535; got number 0',
    );
    invalid({ redis: { port: 'six' } }, /^option "redis.port" .* got string$/);
    invalid({ redis: { host: '' } }, /^option "redis.host" must be a host name or an IP address/);
    invalid({ redis: { db: -1 } }, /^option "redis.db" must be an integer from 0 /);
    invalid(
      { redis: { tls: 'yes' } },
      'option "redis.tls" must be true, false or an object; got string',
    );
    invalid({ redis: { username: 5 } }, 'option "redis.username" must be a string; got number');
  });

  test('a URL that cannot be used is refused', () => {
    invalid({ redis: '' }, /got empty string without a scheme$/);
    invalid({ redis: 'localhost:6379' }, /got string without a scheme$/);
    invalid({ redis: 'http://localhost' }, /got a URL with http:\/\/$/);
    invalid({ redis: { url: 5 } }, /^option "redis.url" must be a URL like .*; got number$/);
    invalid({ redis: 'redis://' }, /got a URL that cannot be parsed/);
    invalid(
      { redis: 'unix://run/redis.sock' },
      /got a URL of a Unix socket without the three slashes/,
    );
    invalid({ redis: 'unix:///' }, /got a URL of a Unix socket without the three slashes/);
    invalid({ redis: 'unix:///a?db=x' }, /got a URL with a db that is no database number$/);
    invalid({ redis: 'redis://host/one' }, /got a URL with a path that is no database number$/);
  });

  test('no error and no warning shows a password, wherever it was put', () => {
    const secret = 'hunter2';
    const everywhere = [
      `http://me:${secret}@host`,
      `redis://me:${secret}#@host`,
      `redis://me:${secret}%zz@host`,
      `redis://me:${secret}@host/db`,
      `redis://me:${secret}@host:0`,
      `redis://me:${secret}@host:99999`,
      `redis://me:${secret}@`,
      `me:${secret}@host:6379`,
      secret,
      { url: secret },
      { host: `redis://me:${secret}@host` },
      { password: [secret] },
      { password: `${secret}\ud800` },
      { username: `${secret}\ud800` },
      `unix://me:${secret}@/path`,
      `unix:///path?db=${secret}`,
      `unix:///path?pass=${secret}%zz`,
      { path: [secret] },
      { path: `/${secret}`, host: 'a' },
      { tls: { ca: `${secret}\n` } },
      { tls: { key: Buffer.from(secret), cert: pem } },
      { tls: { servername: `${secret} ` } },
      [secret],
    ];
    for (const redis of everywhere) {
      assert.throws(
        () => resolveOptions({ redis }),
        (error: Error) => !`${error.stack} ${error.cause}`.includes(secret),
      );
    }
    const ignored = {
      pasword: secret,
      redis: { url: `redis://h?password=${secret}`, passwort: secret },
    };
    const warnings = warningsOf(ignored);
    assert.equal(warnings.length, 3);
    assert.ok(
      !warningsOf({ redis: `unix:///a?password=${secret}#${secret}` })
        .join()
        .includes(secret),
    );
    assert.ok(!warnings.join().includes(secret));
  });
});

describe('unknown names', () => {
  test('a slip warns and names the option that was meant', () => {
    assert.deepEqual(warningsOf({ leasems: 900, reddis: 1, redis: { hosts: 'a' } }), [
      'unknown option "leasems" is ignored; did you mean "leaseMs"?',
      'unknown option "reddis" is ignored; did you mean "redis"?',
      'unknown option "redis.hosts" is ignored; did you mean "redis.host"?',
    ]);
  });

  test('what resembles none warns with all that are known', () => {
    assert.deepEqual(warningsOf({ heartbeatInterval: 5, constructor: 5 }), [
      `unknown option "heartbeatInterval" is ignored; known: ${Object.keys(OPTIONS).join(', ')}`,
      `unknown option "constructor" is ignored; known: ${Object.keys(OPTIONS).join(', ')}`,
    ]);
  });
});

describe('index.d.ts', () => {
  const typings = readFileSync(path.join(__dirname, '..', 'index.d.ts'), 'utf8');

  /** The members of an interface with the text of their comments. */
  function documented(name: string): Map<string, string> {
    const body = new RegExp(`interface ${name}\\b.*?\\{\\n(.*?)\\n\\}`, 's').exec(typings)![1]!;
    const members = body.matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\s*(\w+)\??:/gs);
    return new Map(
      [...members].map(([, comment, member]) => [
        member!,
        comment!.replace(/^\s*\* ?/gm, '').trim(),
      ]),
    );
  }

  function tag(comment: string, pattern: RegExp): string | undefined {
    return pattern.exec(comment)?.[1];
  }

  for (const [name, table] of [
    ['Options', OPTIONS],
    ['RedisOptions', REDIS_OPTIONS],
    ['TlsOptions', TLS_OPTIONS],
  ] as const) {
    const comments = documented(name);

    test(`${name} documents exactly the options there are`, () => {
      assert.deepEqual([...comments.keys()].sort(), Object.keys(table).sort());
    });

    for (const [option, row] of Object.entries<any>(table)) {
      test(`${name}.${option} is documented with the bounds and the default that hold`, () => {
        const comment = comments.get(option)!;
        const literal =
          typeof row.default === 'string' ? `'${row.default}'` : row.default?.toString();
        assert.equal(tag(comment, /^@default (.+)$/m), row.defaultText ?? literal);
        const minimum = row.minimumText ?? row.minimum?.toString();
        assert.equal(tag(comment, /^Minimum: (.+)\.$/m), minimum);
        const maximum = (row.maximum ?? row.maximumBytes)?.toString();
        assert.equal(tag(comment, /^Maximum: ([^ ]+?)(?: bytes.*)?\.$/m), maximum);
        if (row.unit) assert.match(comment, new RegExp(row.unit));
      });
    }
  }

  test('ErrorCode documents exactly the codes there are', () => {
    const union = typings.slice(typings.indexOf('export type ErrorCode ='));
    const codes = [...union.matchAll(/\/\*\*[^/]+\*\/\s*\| '(ERR_\w+)'/g)].map(([, code]) => code);
    assert.deepEqual(codes.sort(), [...ERROR_CODES].sort());
  });
});
