// start() and stop() in every order, over a native side that the test plays.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { coded, newCandidate, newFollower, outcome } from './fake-native.ts';

const STARTED = { type: 'started' };
const STOPPED = { type: 'stopped' };

describe('start()', () => {
  test('resolves when the native side has joined, to undefined', async () => {
    const { candidate, native } = newCandidate();
    const started = candidate.start();
    assert.deepEqual(native.calls, ['start']);
    native.deliver({ type: 'leader', id: 'other', term: 1 });
    assert.equal(await outcome(started), 'pending');
    native.deliver(STARTED);
    assert.equal(await started, undefined);
  });

  test('twice shares one start, and on a started candidate it resolves at once', async () => {
    const { candidate, native } = newCandidate();
    const both = [candidate.start(), candidate.start()];
    native.deliver(STARTED);
    await Promise.all(both);
    await candidate.start();
    assert.deepEqual(native.calls, ['start']);
  });

  test('rejects when a stop() comes first, whether or not anybody looks', async () => {
    const { candidate, native } = newCandidate();
    const started = candidate.start();
    void candidate.start();
    void candidate.stop();
    await assert.rejects(started, { code: 'ERR_STOPPED' });
    native.deliver(STARTED, STOPPED);
    assert.equal(await outcome(candidate.stop()), 'resolved');
  });

  test('during a stop() waits for its end', async () => {
    const { candidate, native } = await newFollower();
    const stopped = candidate.stop();
    const started = candidate.start();
    native.deliver({ type: 'leader', id: 'late', term: 1 }, STARTED);
    assert.equal(await outcome(started), 'pending');
    assert.deepEqual(native.calls, ['start', 'stop']);
    native.deliver(STOPPED);
    assert.deepEqual(native.calls, ['start', 'stop', 'start']);
    await stopped;
    native.deliver(STARTED);
    await started;
  });

  test('during a stop() is undone by a second stop()', async () => {
    const { candidate, native } = await newFollower();
    const stops = [candidate.stop()];
    const started = candidate.start();
    stops.push(candidate.stop());
    await assert.rejects(started, { code: 'ERR_STOPPED' });
    native.deliver(STOPPED);
    await Promise.all(stops);
    assert.deepEqual(native.calls, ['start', 'stop']);
  });

  test('rejects when the native side refuses, and can be tried again', async () => {
    const { candidate, native } = newCandidate();
    native.throws.start = coded('ERR_INTERNAL', 'no threads');
    const started = candidate.start();
    await assert.rejects(started, { code: 'ERR_INTERNAL', message: 'no threads' });
    await candidate.stop();
    const again = candidate.start();
    native.deliver(STARTED);
    await again;
  });

  test('rejects for an argument that it does not know, and throws nothing', async () => {
    const { candidate, native } = newCandidate();
    for (const wrong of [
      7,
      null,
      { signal: 'abort' },
      { signal: new AbortController() },
    ] as any[]) {
      await assert.rejects(candidate.start(wrong), { code: 'ERR_INVALID_ARGUMENT' });
      await assert.rejects(candidate.waitForLeader(wrong), { code: 'ERR_INVALID_ARGUMENT' });
    }
    assert.deepEqual(native.calls, []);
  });
});

describe('start({ signal })', () => {
  const reason = new Error('changed my mind');

  test('aborted beforehand starts nothing, and stops nothing', async () => {
    const { candidate, native } = newCandidate();
    await assert.rejects(candidate.start({ signal: AbortSignal.abort(reason) }), reason);
    assert.deepEqual(native.calls, []);
    const started = candidate.start();
    await assert.rejects(candidate.start({ signal: AbortSignal.abort(reason) }), reason);
    native.deliver(STARTED);
    await started;
  });

  test('aborted meanwhile stops and rejects with the reason', async () => {
    const { candidate, native } = newCandidate();
    const controller = new AbortController();
    const started = candidate.start({ signal: controller.signal });
    const shared = candidate.start();
    controller.abort(reason);
    await assert.rejects(started, reason);
    await assert.rejects(shared, { code: 'ERR_STOPPED' });
    assert.deepEqual(native.calls, ['start', 'stop']);
    native.deliver(STOPPED);
  });

  test('aborted while it waits for a stop() never starts', async () => {
    const { candidate, native } = await newFollower();
    void candidate.stop();
    const controller = new AbortController();
    const started = candidate.start({ signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(started, reason);
    native.deliver(STOPPED);
    assert.deepEqual(native.calls, ['start', 'stop']);
  });

  test('aborted afterwards has no effect', async () => {
    const { candidate, native } = newCandidate();
    const controller = new AbortController();
    const started = candidate.start({ signal: controller.signal });
    native.deliver(STARTED);
    await started;
    void candidate.start({ signal: controller.signal });
    controller.abort(reason);
    assert.deepEqual(native.calls, ['start']);
    await candidate.start();
  });
});

describe('stop()', () => {
  test('before any start() resolves', async () => {
    const { candidate, native } = newCandidate();
    assert.equal(await candidate.stop(), undefined);
    assert.deepEqual(native.calls, []);
  });

  test('resolves when the native side has stopped, and calls at once share that', async () => {
    const { candidate, native } = await newFollower();
    const stops = [candidate.stop(), candidate.stop(), candidate[Symbol.asyncDispose]()];
    assert.deepEqual(await Promise.all(stops.map(outcome)), Array(3).fill('pending'));
    native.deliver(STOPPED);
    await Promise.all(stops);
    assert.deepEqual(native.calls, ['start', 'stop']);
    await candidate.stop();
  });

  test('lets the events of the end out first', async () => {
    const { candidate, native } = await newFollower();
    const events: unknown[] = [];
    candidate.on('defeated', (leader) => events.push(['defeated', leader]));
    candidate.on('statechange', (state) => events.push(['statechange', state]));
    const stopped = candidate.stop().then(() => events.push('stopped'));
    native.deliver(
      { type: 'defeated', reason: 'stopped' },
      { type: 'statechange', state: 'follower' },
      STOPPED,
    );
    await stopped;
    assert.deepEqual(events, [['defeated', undefined], ['statechange', 'follower'], 'stopped']);
  });

  test('settles what waits: questions at once, messages by the end', async () => {
    const { candidate, native } = newCandidate();
    void candidate.start();
    const questions = [
      candidate.getInstances(),
      candidate.setMeta('new'),
      candidate.waitForLeader(),
    ];
    const reelected = candidate.reelect();
    const messages = [candidate.messageAll('sent'), candidate.messageAll('left over')];
    void candidate.stop();
    assert.deepEqual(await Promise.all(questions.map(outcome)), Array(3).fill('ERR_STOPPED'));
    assert.equal(await outcome(reelected), 'resolved');
    assert.equal(await outcome(messages[0]!), 'pending');
    native.deliver({ type: 'sent', upTo: 1 }, { type: 'reply', request: 2, value: null }, STOPPED);
    assert.deepEqual(await Promise.all(messages.map(outcome)), ['resolved', 'ERR_STOPPED']);
  });

  test('resolves even when the native side fails, and the failure is an error event', async () => {
    const { candidate, native } = await newFollower();
    const errors: unknown[] = [];
    candidate.on('error', ({ code }) => errors.push(code));
    native.throws.stop = new Error('panicked');
    await candidate.stop();
    assert.deepEqual(errors, ['ERR_INTERNAL']);
  });
});

describe('waitForLeader()', () => {
  test('resolves at once when a leader is known', async () => {
    const { candidate } = await newFollower();
    assert.equal(await candidate.waitForLeader(), 'other');
  });

  test('waits from the call of start() on, also behind a stop()', async () => {
    const { candidate, native } = await newFollower();
    void candidate.stop();
    void candidate.start();
    const leader = candidate.waitForLeader();
    native.deliver({ type: 'leader', id: 'late', term: 1 }, STOPPED);
    assert.equal(await outcome(leader), 'pending');
    native.deliver({ type: 'leader', id: 'new', term: 2 });
    assert.equal(await leader, 'new');
  });

  test('waits when the leader was lost, and when its own leadership has run out', async () => {
    const { candidate, native } = await newFollower();
    native.deliver({ type: 'leader', term: 7 });
    const first = candidate.waitForLeader();
    assert.equal(await outcome(first), 'pending');
    native.state = 'leader';
    native.deliver({ type: 'leader', id: native.id, term: 8 });
    assert.equal(await first, native.id);
    assert.equal(await candidate.waitForLeader(), native.id);
    native.state = 'follower';
    const second = candidate.waitForLeader();
    assert.equal(await outcome(second), 'pending');
    native.deliver({ type: 'leader', id: 'other', term: 9 });
    assert.equal(await second, 'other');
  });

  test('rejects with the reason of its signal, and the candidate runs on', async () => {
    const { candidate, native } = newCandidate();
    void candidate.start();
    const controller = new AbortController();
    const leader = candidate.waitForLeader({ signal: controller.signal });
    const reason = new Error('too long');
    controller.abort(reason);
    await assert.rejects(leader, reason);
    await assert.rejects(candidate.waitForLeader({ signal: controller.signal }), reason);
    assert.deepEqual(native.calls, ['start']);
  });
});

test('every order of four calls of start() and stop() settles all of them, and the last one decides', async () => {
  for (let order = 0; order < 16; order++) {
    for (const answers of ['late', 'early']) {
      const { candidate, native } = newCandidate();
      const play = () => {
        // Each call of the native side is answered, the calls that an answer causes included.
        for (let call; (call = native.calls.shift());)
          native.deliver(call === 'start' ? STARTED : STOPPED);
      };
      const calls = [0, 1, 2, 3].map((place) => {
        const promise = (order >> place) & 1 ? candidate.start() : candidate.stop();
        if (answers === 'early') play();
        return promise;
      });
      play();
      const outcomes = await Promise.all(calls.map(outcome));
      const name = `order ${order.toString(2).padStart(4, '0')}, answers ${answers}: ${outcomes}`;
      assert.ok(!outcomes.includes('pending'), name);
      const runs = (await outcome(candidate.waitForLeader())) !== 'ERR_NOT_STARTED';
      assert.equal(runs, Boolean(order & 8), name);
    }
  }
});
