// `incumbent status` and `kinds`: what there is, from outside.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { secretOf } from './fixtures/canary.ts';
import { incumbent } from './fixtures/command.ts';
import { Fleet } from './fixtures/fleet.ts';
import { OldInstance } from './fixtures/old-instance.ts';
import { startCluster } from './fixtures/redis-cluster.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { start } from './fixtures/running-command.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const at = () => ['--redis', redis.url];
const json = async (...args: string[]) => JSON.parse((await incumbent([...args, '--json'])).stdout);
describe('status', () => {
  test('of a kind that nobody has heard of: nobody leads, exit code 3, and nothing is written', async () => {
    const { code, stdout } = await incumbent(['status', '--kind', 'unheard-of', ...at()]);
    assert.equal(code, 3);
    assert.match(stdout, /^leader +nobody$/m);
    assert.match(stdout, /^register: there is none$/m);
    assert.deepEqual(await redis.cli('KEYS', '*unheard-of*'), []);
  });

  test('shows leader, term, since when, instances with meta and age, and the register', async (t) => {
    const fleet = new Fleet(t, { redis: redis.url, kind: 'status' });
    const leader = await fleet.start({ meta: { host: 'a' } });
    const follower = await fleet.start({ meta: 'b', priority: 3, eligible: false });
    const { code, stdout } = await incumbent(['status', '--kind', 'status', ...at()]);
    assert.equal(code, 0);
    assert.match(
      stdout,
      new RegExp(`^leader +${leader.id} \\(lease 800 ms, crash detection by lease\\)$`, 'm'),
    );
    assert.match(stdout, new RegExp(`^term +${leader.currentTerm}, since \\d{4}-`, 'm'));
    assert.match(
      stdout,
      new RegExp(`^${leader.id} +leader +[\\d.]+ m?s ago +[\\d.]+ m?s +0 +\\{"host":"a"\\}$`, 'm'),
    );
    assert.match(stdout, new RegExp(`^${follower.id} +follower .* none +"b"$`, 'm'));
    assert.match(stdout, new RegExp(`^  term +${leader.currentTerm}$`, 'm'));
    const status = await json('status', '--kind', 'status', ...at());
    assert.equal(status.leader.id, leader.id);
    assert.deepEqual(status.leader.meta, { host: 'a' });
    assert.equal(status.since, Math.floor(leader.currentTerm / 1000));
    assert.ok(status.instances.every((one: any) => Math.abs(status.at - one.joinedAt) < 60_000));
  });

  test('while a kind is moved, the old instances are shown, until none is left', async (t) => {
    const kind = 'moved';
    const old = new OldInstance({ url: redis.url, kind, meta: { host: 'old' } });
    t.after(() => old.stop());
    await old.start();
    const fleet = new Fleet(t, { redis: redis.url, kind });
    const stranger = await fleet.start({ eligible: false });
    const text = async () => (await incumbent(['status', '--kind', kind, ...at()])).stdout;
    assert.doesNotMatch(await text(), /node-raft-redis/i, 'nobody moves it');

    await fleet.start({ migrate: 'node-raft-redis' });
    const { legacy } = await json('status', '--kind', kind, ...at());
    assert.deepEqual(
      legacy.instances.map(({ id, meta, state }: any) => ({ id, meta, state })),
      [{ id: old.id, meta: { host: 'old' }, state: 'follower' }],
    );
    assert.match(
      await text(),
      new RegExp(`^${old.id} +follower +[\\d.]+ m?s (ago|ahead) +{"host":"old"}$`, 'm'),
    );

    await old.stop();
    const shown = await json('status', '--kind', kind, ...at());
    assert.deepEqual(shown.legacy, { instances: [], silent: 1, leftBehind: 0 }, 'it has just gone');
    const past = JSON.stringify({ ts: Date.now() - 2 * 24 * 3_600_000, meta: '', state: 'leader' });
    await redis.cli('SET', `consensus-nodes:${kind}:${'0'.repeat(22)}`, past);
    const lines = await text();
    assert.match(
      lines,
      /^node-raft-redis: no instance is left; the option migrate may be left out$/m,
    );
    assert.match(lines, /^records that nobody has written for 2 s: 1$/m);
    assert.match(lines, /^left behind for more than a day, to be deleted: 1$/m);
    assert.equal(stranger.isLeader(), false);
  });

  test('an old instance whose clock is wrong by an hour is shown as living', async (t) => {
    const kind = 'moved-at-another-time';
    const old = new OldInstance({ url: redis.url, kind, skewMs: -3_600_000 });
    t.after(() => old.stop());
    await new Fleet(t, { redis: redis.url, kind }).start({ migrate: 'node-raft-redis' });
    await old.start();
    const { legacy } = await json('status', '--kind', kind, ...at());
    assert.deepEqual(
      legacy.instances.map(({ id }: any) => id),
      [old.id],
    );
    const { seenMs } = legacy.instances[0];
    assert.ok(seenMs > 3_590_000 && seenMs < 3_660_000, `${seenMs}`);
  });

  test('a register that was tampered with is told of, not trusted', async () => {
    await redis.cli('HSET', 'incumbent:{broken}:register', 'holder', 'x:1', 'term', 'many');
    const status = await json('status', '--kind', 'broken', ...at());
    assert.equal(status.leader, null);
    assert.match(status.problem, /malformed/);
    await redis.cli('SET', 'incumbent:{wrong}:register', 'text');
    assert.match((await json('status', '--kind', 'wrong', ...at())).problem, /wrong type/);
    await redis.cli('DEL', 'incumbent:{wrong}:register', 'incumbent:{broken}:register');
  });

  test('what others have named cannot steer the terminal', async (t) => {
    const kind = 'evil\u001b[2J\u202e';
    await new Fleet(t, { redis: redis.url, kind }).start({ meta: '\u001b]0;title\u0007' });
    const { stdout } = await incumbent(['status', '--kind', kind, ...at()]);
    assert.doesNotMatch(stdout, /[\u001b\u0007\u202e]/);
    assert.match(stdout, /evil\\u001b\[2J/);
  });

  test('a server that is not there is one clear line: exit code 1', async () => {
    const { code, stdout, stderr } = await incumbent(['status', '--redis', 'redis://127.0.0.1:1']);
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(stderr, 'error: cannot reach Redis at 127.0.0.1:1: connection refused\n');
  });

  test('an option that is wrong: exit code 2', async () => {
    for (const args of [
      ['--redis', 'http://x'],
      ['--kidn', 'x'],
      ['--kind', 'x'.repeat(129)],
    ]) {
      const { code, stderr } = await incumbent(['status', ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /^error: /);
    }
  });
});

describe('the server', () => {
  test('is named by INCUMBENT_REDIS, and where that is missing by REDIS_URL', async () => {
    const env = { INCUMBENT_REDIS: redis.url, REDIS_URL: 'redis://127.0.0.1:1' };
    assert.equal((await incumbent(['kinds'], env)).code, 0);
    assert.equal((await incumbent(['kinds'], { REDIS_URL: redis.url })).code, 0);
    assert.equal((await incumbent(['kinds', '--redis', 'redis://127.0.0.1:1'], env)).code, 1);
  });
});

describe('kinds', () => {
  test('lists each with its leader, also names that need to be encoded, and those of other prefixes not', async (t) => {
    const lone = await startRedis();
    t.after(() => lone.stop());
    const leaseMs = 3000;
    const theirKinds = ['', 'a b/ü', 'plain'];
    await Promise.all(
      theirKinds.map((kind) => new Fleet(t, { redis: lone.url, kind, leaseMs }).start()),
    );
    const other = { host: '127.0.0.1', port: lone.port, keyPrefix: 'team*:' };
    await new Fleet(t, { redis: other, kind: 'theirs' }).start();
    // A walk of several steps.
    await lone.cli('EVAL', "for i = 1, 5000 do redis.call('SET', 'other:' .. i, 1) end", 0);
    await lone.cli('CONFIG', 'RESETSTAT');
    const kinds = await json('kinds', '--redis', lone.url);
    assert.deepEqual(
      kinds.map((one: any) => one.kind),
      ['', 'a b/ü', 'plain'],
    );
    assert.ok(kinds.every((one: any) => one.leader && one.instances === 1));
    const theirs = await json('kinds', '--redis', JSON.stringify(other));
    assert.deepEqual(
      theirs.map((one: any) => one.kind),
      ['theirs'],
    );
    const { stdout } = await incumbent(['kinds', '--redis', lone.url]);
    assert.match(stdout, /^"a b\/ü" /m);
    const commands: string = await lone.cli('INFO', 'commandstats');
    assert.match(commands, /cmdstat_scan:calls=1\d,/);
    assert.doesNotMatch(commands, /cmdstat_keys/);
  });

  test('finds those of every node of a cluster', async (t) => {
    const cluster = await startCluster({ replicas: 0 });
    t.after(() => cluster.stop());
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const kind of names) await new Fleet(t, { redis: cluster.redis, kind }).start();
    const kinds = await json('kinds', '--redis', JSON.stringify(cluster.redis));
    assert.deepEqual(
      kinds.map((one: any) => one.kind),
      names,
    );
    const watch = start(t, [
      'watch',
      '--kind',
      'c',
      '--json',
      '--redis',
      JSON.stringify(cluster.redis),
    ]);
    await watch.printed(/"type":"traffic"/);
  });

  test('without the right to SCAN, the right is named', async () => {
    const password = secretOf('a-password');
    await redis.cli(
      'ACL',
      'SETUSER',
      'blind',
      'reset',
      'on',
      `>${password}`,
      '+@all',
      '-scan',
      '~*',
      '&*',
    );
    const login = JSON.stringify({
      host: '127.0.0.1',
      port: redis.port,
      username: 'blind',
      password,
    });
    const { code, stderr } = await incumbent(['kinds', '--redis', login]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: Redis at .* refused a right that Incumbent needs .*scan/);
  });
});
