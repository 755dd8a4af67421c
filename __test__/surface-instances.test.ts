// Instances, metadata and what needs a run, over a native side that the test plays.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { coded, newCandidate, newFollower, outcome } from './fake-native.ts';

describe('instances and metadata', () => {
  const other = { id: 'other', meta: 1, state: 'leader' };

  test('are asked of the native side', async () => {
    const { candidate, native } = await newFollower();
    const instances = candidate.getInstances();
    native.reply([other]);
    assert.deepEqual(await instances, [other]);
    const leader = candidate.getLeader();
    native.reply(other);
    assert.deepEqual(await leader, other);
    const none = candidate.getLeader();
    native.reply(null);
    assert.equal(await none, undefined);
    assert.deepEqual(
      native.requests.map(({ what }) => what),
      ['instances', 'leader', 'leader'],
    );
  });

  test('a failure rejects with the code that it names', async () => {
    const { candidate, native } = await newFollower();
    const instances = candidate.getInstances();
    native.deliver({ type: 'failure', request: 1, code: 'ERR_REDIS_FAILED', message: 'OOM' });
    await assert.rejects(instances, { code: 'ERR_REDIS_FAILED', message: 'OOM' });
  });

  test('setMeta() sends JSON, holds at once, and resolves when the others can see it', async () => {
    const { candidate, native } = await newFollower({ meta: 'old' });
    const meta = { zone: 'eu' };
    const set = candidate.setMeta(meta);
    assert.deepEqual(native.requests, [{ request: 1, what: 'setMeta', argument: '{"zone":"eu"}' }]);
    assert.equal(candidate.meta, meta);
    assert.equal(await outcome(set), 'pending');
    native.reply(null);
    assert.equal(await set, undefined);
  });

  test('setMeta() that the native side refuses changes nothing', async () => {
    const { candidate, native } = await newFollower({ meta: 'old' });
    native.throws.request = coded('ERR_STOPPED', 'the candidate is stopping');
    await assert.rejects(candidate.setMeta('new'), { code: 'ERR_STOPPED' });
    assert.equal(candidate.meta, 'old');
  });

  test('own keys `__proto__` are dropped from the metadata of others', async () => {
    const { candidate, native } = await newFollower();
    const joined = once(candidate, 'joined');
    const instance = '{"id":"b","state":"follower","meta":{"__proto__":{"polluted":1},"a":1}}';
    const asked = candidate.getInstances();
    native.deliverText(`[
      {"type":"joined","instance":${instance}},
      {"type":"reply","request":1,"value":[${instance}]}
    ]`);
    for (const [{ meta }] of [await joined, await asked]) {
      assert.equal(JSON.stringify(meta), '{"a":1}');
    }
  });

  test('setMeta() refuses what is no JSON value or too large', async () => {
    const { candidate, native } = await newFollower({ meta: 'old' });
    await assert.rejects(candidate.setMeta(1n), { code: 'ERR_INVALID_ARGUMENT' });
    await assert.rejects(
      candidate.setMeta(() => {}),
      { code: 'ERR_INVALID_ARGUMENT' },
    );
    await assert.rejects(candidate.setMeta('m'.repeat(16_383)), { code: 'ERR_LIMIT_EXCEEDED' });
    assert.equal(native.requests.length, 0);
    assert.equal(candidate.meta, 'old');
  });

  test('reelect() and stepdown() ask for an election', async () => {
    const { candidate, native } = await newFollower();
    const resigned = [candidate.reelect(), candidate.stepdown()];
    native.deliver(
      { type: 'reply', request: 1, value: null },
      { type: 'reply', request: 2, value: null },
    );
    assert.deepEqual(
      native.requests.map(({ what }) => what),
      ['reelect', 'reelect'],
    );
    assert.deepEqual(await Promise.all(resigned), [undefined, undefined]);
  });
});

describe('a candidate that does not run', () => {
  const methods = [
    'messageAll',
    'messageLeader',
    'messageFollowers',
    'getInstances',
    'getLeader',
    'setMeta',
    'waitForLeader',
  ] as const;

  async function refusesAll({ candidate, native }: ReturnType<typeof newCandidate>) {
    const calls = [
      ...methods.map((method) => (candidate as any)[method]()),
      candidate.messageTo('id', 1),
    ];
    assert.deepEqual(await Promise.all(calls.map(outcome)), Array(8).fill('ERR_NOT_STARTED'));
    assert.deepEqual(await outcome(candidate.reelect()), 'resolved');
    assert.deepEqual(await outcome(candidate.stepdown()), 'resolved');
    assert.ok(!native.calls.includes('send') && !native.calls.includes('request'));
  }

  test('refuses before the start', () => refusesAll(newCandidate()));

  test('refuses while it stops, and after', async () => {
    const made = await newFollower();
    void made.candidate.stop();
    await refusesAll(made);
    made.native.deliver({ type: 'stopped' });
    await refusesAll(made);
  });
});
