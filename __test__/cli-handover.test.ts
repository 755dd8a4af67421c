// `incumbent reelect` and `incumbent transfer`: somebody outside asks the leader to go.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Options } from 'incumbent';
import { secretOf } from './fixtures/canary.ts';
import { fileWith, incumbent } from './fixtures/command.ts';
import { collect } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { startCluster } from './fixtures/redis-cluster.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { readRegister } from './fixtures/register.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const messageSecret = secretOf('a-secret-of-many-bytes');
let kinds = 0;

/** A leader and two followers of a kind of their own, and a file with their options. */
async function scene(t: TestContext, options: Options) {
  const all = { redis: redis.url, kind: `handover-${++kinds}`, ...options };
  const members = await new Fleet(t, all).lead(2);
  return { kind: all.kind, members, file: fileWith(t, all) };
}

describe('a leader that takes requests', () => {
  test('gives up when it is asked to, and its work ends first', async (t) => {
    const { members, file } = await scene(t, { messageSecret });
    const [leader] = members;
    let hasEnded = false;
    leader.lead(async ({ signal }) => {
      await new Promise((resolve) =>
        signal.addEventListener('abort', () => setTimeout(resolve, 50)),
      );
      hasEnded = true;
    });
    const heard = collect(leader);
    const { code, stdout, stderr } = await incumbent(['reelect', '--options', file, '--json']);
    assert.equal(code, 0, stderr);
    const { from, to, term } = JSON.parse(stdout);
    assert.ok(hasEnded);
    assert.equal(from, leader.id);
    const next = members.find(({ id }) => id === to)!;
    assert.notEqual(next, leader);
    assert.equal(next.currentTerm, term);
    await heard.first('defeated');
  });

  test('hands over to the one that is named', async (t) => {
    const { kind, members, file } = await scene(t, { messageSecret });
    const heir = members[2]!;
    const { code, stdout, stderr } = await incumbent([
      'transfer',
      '--to',
      heir.id,
      '--options',
      file,
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^${heir.id} leads in term \\d+, [\\d.]+ m?s later$`, 'm'));
    assert.equal((await readRegister(redis, kind)).holder.split(':')[0], heir.id);
  });

  test('does so without a secret, too', async (t) => {
    const { file } = await scene(t, {});
    assert.equal((await incumbent(['reelect', '--options', file])).code, 0);
  });

  test('does so in a cluster', async (t) => {
    const cluster = await startCluster({ replicas: 0 });
    t.after(() => cluster.stop());
    const { file } = await scene(t, { redis: cluster.redis, messageSecret });
    const { code, stderr } = await incumbent(['reelect', '--options', file]);
    assert.equal(code, 0, stderr);
  });

  test('heeds nobody who does not know the secret, and nothing that cannot be read', async (t) => {
    const { kind, members, file } = await scene(t, { messageSecret });
    const { term } = await readRegister(redis, kind);
    const forged = ['reelect', '--kind', kind, '--redis', redis.url, '--timeout', '700'];
    const { code, stderr } = await incumbent(forged);
    assert.equal(code, 1);
    assert.match(stderr, /^error: nobody else was elected within 700 ms: .*messageSecret/);
    const channel = `incumbent:{${kind}}:0:requests`;
    const envelope = '{"v":1,"from":"x:1","term":0,"leads":false,"seq":1,"format":"json"}\n';
    for (const body of ['{"request":"reelect"}', '{"request":"abdicate"}', '[]', 'junk', '']) {
      await redis.cli('PUBLISH', channel, envelope + body);
    }
    await redis.cli('PUBLISH', channel, '\u0000');
    assert.ok(members[0].isLeader());
    // It still hears: what was sent before this has been read.
    assert.equal(
      (await incumbent(['transfer', '--to', members[1]!.id, '--options', file])).code,
      0,
    );
    assert.ok((await readRegister(redis, kind)).term > term);
    assert.ok(members[0].stats().messages.unauthenticated >= 1);
  });
});

describe('it is told', () => {
  test('that nobody takes requests', async (t) => {
    const { members, file } = await scene(t, { acceptRequests: false });
    const { code, stderr } = await incumbent(['reelect', '--options', file]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: no instance takes requests: their option acceptRequests is off/);
    assert.ok(members[0].isLeader());
  });

  test('that nobody leads: exit code 3', async () => {
    const { code, stderr } = await incumbent(['reelect', '--kind', 'nobody', '--redis', redis.url]);
    assert.deepEqual([code, stderr], [3, 'error: nobody leads\n']);
  });

  test('that an heir is not there, may not lead, or leads already', async (t) => {
    const { members, file } = await scene(t, {});
    const kind = `handover-${kinds}`;
    const never = await new Fleet(t, { redis: redis.url, kind }).start({ eligible: false });
    const to = async (id: string) =>
      (await incumbent(['transfer', '--to', id, '--options', file])).stderr;
    assert.equal(await to('stranger'), 'error: there is no living instance stranger\n');
    assert.match(await to(never.id), /is not eligible/);
    assert.match(await to(members[0].id), /leads already/);
    assert.ok(members[0].isLeader());
  });
});
