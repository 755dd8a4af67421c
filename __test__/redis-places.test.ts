// Option `redis` where it names sentinels or the nodes of a cluster, without a candidate.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canary, secretOf } from './fixtures/canary.ts';

const { resolveOptions } = require('../lib/options.js');

const resolved = (redis: unknown) => resolveOptions({ redis }).settings.redis;

function refused(redis: unknown, message: string | RegExp): void {
  assert.throws(
    () => resolveOptions({ redis }),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_INVALID_OPTION');
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    },
  );
}

test('sentinels have a name for the master, and a login of their own', () => {
  const { sentinel, password } = resolved({
    sentinels: [{ host: 'a' }, { host: '::1', port: '26380' }],
    name: 'main',
    sentinelUsername: 'watcher',
    sentinelPassword: 'one',
    password: 'other',
  });
  assert.deepEqual(sentinel, {
    sentinels: [
      { host: 'a', port: 26379 },
      { host: '::1', port: 26380 },
    ],
    name: 'main',
    username: 'watcher',
    password: 'one',
    tls: null,
  });
  assert.equal(password, 'other');
});

test('TLS is spoken with the sentinels as with the master, unless it is said otherwise', () => {
  const place = { sentinels: [{ host: 'a' }], name: 'main' };
  const spoken = { ca: [], rejectUnauthorized: true };
  assert.deepEqual(resolved({ ...place, tls: true }).sentinel.tls, spoken);
  assert.equal(resolved({ ...place, tls: true, sentinelTls: false }).sentinel.tls, null);
  assert.deepEqual(resolved({ ...place, sentinelTls: true }).sentinel.tls, spoken);
  assert.equal(resolved({ ...place, sentinelTls: true }).tls, null);
});

test('a cluster is named by some of its nodes', () => {
  const { cluster } = resolved({ cluster: [{ host: 'a' }, { host: 'b', port: 7001 }] });
  assert.deepEqual(cluster, [
    { host: 'a', port: 6379 },
    { host: 'b', port: 7001 },
  ]);
});

test('what does not go together is refused', () => {
  const sentinels = [{ host: 'a' }];
  const cluster = [{ host: 'b' }];
  refused({ sentinels }, 'redis.sentinels needs redis.name: what the sentinels call the master');
  refused(
    { sentinels, name: 'main', host: 'c' },
    'give either redis.sentinels or redis.host, not both',
  );
  refused({ cluster, url: 'redis://c' }, 'give either redis.cluster or redis.url, not both');
  refused(
    { sentinels, name: 'main', cluster },
    'give either redis.sentinels or redis.cluster, not both',
  );
  refused({ cluster, db: 3 }, 'a cluster has database 0 alone; redis.db is 3');
  refused({ host: 'a', name: 'main' }, 'redis.name needs redis.sentinels');
  refused({ sentinelPassword: 'x' }, 'redis.sentinelPassword needs redis.sentinels');
});

test('a list that cannot be used is refused, and shows no secret', () => {
  const name = 'main';
  refused(
    { sentinels: [], name },
    'option "redis.sentinels" must be a list of servers such as [{ host: "redis-1", port: 26379 }]; got an empty list',
  );
  refused(
    { sentinels: 'a:26379', name },
    /^option "redis\.sentinels" must be a list .* got string$/,
  );
  refused(
    { cluster: [{ host: 'a' }, `redis://:${secretOf('one')}@b`] },
    'option "redis.cluster[1]" must be an object such as { host: "redis-1", port: 6379 }; got string',
  );
  refused({ cluster: [{ port: 6379 }] }, /^option "redis\.cluster\[0\]\.host" must be a host name/);
  refused({ cluster: [{ host: 'a', port: 0 }] }, /^option "redis\.cluster\[0\]\.port" must be an/);
  const { warnings } = resolveOptions({
    redis: { cluster: [{ host: 'a', pasword: secretOf('one') }] },
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /^unknown option "redis\.cluster\[0\]\.pasword" is ignored/);
  assert.ok(!warnings[0].includes(canary));
});

test('so many replicas, and no half ones', () => {
  assert.equal(resolveOptions({ waitReplicas: 2 }).settings.waitReplicas, 2);
  for (const waitReplicas of [-1, 1.5, 101, '1', true]) {
    assert.throws(
      () => resolveOptions({ waitReplicas }),
      /^IncumbentError: option "waitReplicas" must be an integer from 0 to 100/,
    );
  }
});
