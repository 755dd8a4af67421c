// The class over a native side that the test plays: what it makes of items, and how it guards them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { EventEmitter, errorMonitor, on, once } from 'node:events';
import path from 'node:path';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { CandidateEvents } from 'incumbent';
import { coded, newCandidate, newFollower, outcome, warningsOf } from './fake-native.ts';
import { secretOf } from './fixtures/canary.ts';

const EVENTS: (keyof CandidateEvents)[] = [
  'elected',
  'defeated',
  'statechange',
  'leader',
  'joined',
  'left',
  'message',
  'message:from:leader',
  'message:from:follower',
  'gap',
  'stall',
  'error',
];

/** Every event from here on, as [name, ...arguments]. */
function recorded(candidate: ReturnType<typeof newCandidate>['candidate']): unknown[][] {
  const events: unknown[][] = [];
  for (const event of EVENTS)
    candidate.on(event, (...args: unknown[]) => events.push([event, ...args]));
  return events;
}

describe('a new candidate', () => {
  test('passes checked options on, and what it says comes from the native side', () => {
    const { candidate, native } = newCandidate({
      kind: 'orders',
      meta: { v: 1 },
      maxStallMs: Infinity,
    });
    assert.deepEqual(native.options, {
      redis: {
        host: 'localhost',
        port: 6379,
        db: 0,
        tls: null,
        keyPrefix: '',
        clientName: 'incumbent',
      },
      medium: 'redis',
      kind: 'orders',
      meta: { v: 1 },
      leaseMs: 800,
      renewMs: null,
      waitReplicas: 0,
      migrate: null,
      maxStallMs: null,
      crashDetection: 'lease',
      priority: 0,
      preempt: false,
      eligible: true,
      minInstances: 1,
      messageSecret: null,
      acceptRequests: true,
      drainMs: 5000,
      debug: false,
    });
    assert.equal(candidate.id, native.id);
    assert.equal(candidate.state, 'follower');
    assert.equal(candidate.currentTerm, 0);
    assert.equal(candidate.isLeader(), false);
    native.state = 'leader';
    native.currentTerm = 9;
    assert.equal(candidate.state, 'leader');
    assert.equal(candidate.currentTerm, 9);
    assert.equal(candidate.isLeader(), true);
  });

  test('gives back the meta that it was given, and an empty string for a falsy one', () => {
    const meta = { v: 1 };
    assert.equal(newCandidate({ meta }).candidate.meta, meta);
    assert.equal(newCandidate({ meta }).candidate.getMeta(), meta);
    for (const falsy of [undefined, null, 0, false]) {
      assert.equal(newCandidate({ meta: falsy }).candidate.meta, '');
    }
  });

  test('lets nobody assign to its getters', () => {
    const { candidate } = newCandidate();
    for (const name of ['id', 'state', 'currentTerm', 'meta']) {
      assert.throws(() => ((candidate as any)[name] = 'x'), TypeError);
    }
  });

  test('warns of an option that it does not know', async () => {
    const warnings = await warningsOf(() => newCandidate({ leasems: 900 } as object));
    assert.deepEqual(
      warnings.map(({ name, message }) => [name, message]),
      [['IncumbentWarning', 'unknown option "leasems" is ignored; did you mean "leaseMs"?']],
    );
  });

  test('shows itself without a password', () => {
    const redis = `redis://:${secretOf('hunter2')}@localhost`;
    const { candidate } = newCandidate({ kind: 'orders', redis });
    assert.equal(
      inspect(candidate),
      "Candidate {\n  id: '0123456789abcdef01234567',\n  kind: 'orders',\n  state: 'follower',\n  currentTerm: 0\n}",
    );
    assert.ok(!inspect(candidate, { depth: null, showHidden: true }).includes('hunter2'));
    assert.ok(!JSON.stringify(candidate).includes('hunter2'));
  });
});

describe('events', () => {
  test('come in the order of the items, over batches', async () => {
    const { candidate, native } = newCandidate();
    const events = recorded(candidate);
    void candidate.start();
    const b = { id: 'b', meta: 1, state: 'follower' };
    native.deliver({ type: 'statechange', state: 'candidate' }, { type: 'elected', term: 5 });
    native.deliver(
      { type: 'statechange', state: 'leader' },
      { type: 'leader', id: native.id, term: 5 },
      { type: 'started' },
      { type: 'joined', instance: b },
      { type: 'left', instance: b },
      { type: 'gap', from: 'b', channel: 'all', missed: 3 },
      { type: 'defeated', reason: 'expired' },
      { type: 'statechange', state: 'follower' },
      { type: 'leader', term: 5 },
      { type: 'defeated', leader: 'b', reason: 'lost' },
    );
    assert.deepEqual(events, [
      ['statechange', 'candidate'],
      ['elected', { term: 5 }],
      ['statechange', 'leader'],
      ['leader', native.id, 5],
      ['joined', b],
      ['left', b],
      ['gap', { from: 'b', channel: 'all', missed: 3 }],
      ['defeated', undefined],
      ['statechange', 'follower'],
      ['leader', undefined, 5],
      ['defeated', 'b'],
    ]);
  });

  test('items of a kind that is not known are passed over', async () => {
    const { candidate, native } = await newFollower();
    const events = recorded(candidate);
    native.deliver(
      { type: 'of the future' },
      { type: 'debug', text: 'ignored' },
      { type: 'elected', term: 1 },
    );
    assert.deepEqual(events, [['elected', { term: 1 }]]);
  });

  test('a listener that throws stops no other item, and its error is thrown later', async (t) => {
    const { candidate, native } = await newFollower();
    const later: (() => void)[] = [];
    t.mock.method(globalThis, 'queueMicrotask', (task: () => void) => later.push(task));
    candidate.on('message', () => {
      throw new Error('from a listener');
    });
    const heard: string[] = [];
    candidate.on('message:from:leader', () => heard.push('message:from:leader'));
    candidate.on('elected', () => heard.push('elected'));
    native.deliver(
      { type: 'messages', from: 'a', role: 'leader', bodies: [1] },
      { type: 'elected', term: 8 },
    );
    assert.deepEqual(heard, ['message:from:leader', 'elected']);
    assert.equal(later.length, 1);
    assert.throws(() => later[0]!(), { message: 'from a listener' });
  });

  test('once() and on() of node:events work', async () => {
    const { candidate, native } = await newFollower();
    const elected = once(candidate, 'elected');
    const messages = on(candidate, 'message');
    native.deliver(
      { type: 'elected', term: 8 },
      { type: 'messages', from: 'a', bodies: ['one', 'two'] },
    );
    assert.deepEqual(await elected, [{ term: 8 }]);
    assert.deepEqual((await messages.next()).value, [{ message: 'one', from: 'a' }]);
    assert.deepEqual((await messages.next()).value, [{ message: 'two', from: 'a' }]);
  });
});

describe('errors of Redis', () => {
  const unreachable = {
    type: 'error',
    code: 'ERR_REDIS_UNREACHABLE',
    message: 'connection refused',
  };

  test('reach a listener, each of them', async () => {
    const { candidate, native } = await newFollower();
    const events = recorded(candidate);
    const warnings = await warningsOf(() => native.deliver(unreachable, unreachable));
    assert.equal(events.length, 2);
    assert.equal(warnings.length, 0);
    const [, error] = events[0] as [string, Error & { code: string }];
    assert.equal(`${error}`, 'IncumbentError: connection refused');
    assert.equal(error.code, 'ERR_REDIS_UNREACHABLE');
  });

  for (const [sign, item] of Object.entries({
    'a leader': { type: 'leader', id: 'other', term: 8 },
    'a sent message': { type: 'sent', upTo: 1 },
    'an election': { type: 'elected', term: 8 },
  })) {
    test(`without a listener warn once for each outage, which ${sign} ends`, async () => {
      const { candidate, native } = await newFollower();
      const monitored: unknown[] = [];
      (candidate as EventEmitter).on(errorMonitor, (error) => monitored.push(error));
      const warnings = await warningsOf(() => {
        native.deliver(unreachable, unreachable, { type: 'leader', term: 7 }, unreachable);
        native.deliver(item, unreachable, unreachable);
      });
      assert.deepEqual(
        warnings.map(({ name, code }) => [name, code]),
        Array(2).fill(['IncumbentWarning', 'ERR_REDIS_UNREACHABLE']),
      );
      assert.match(warnings[0]!.message, /^connection refused \(the candidate goes on trying/);
      assert.equal(monitored.length, 5);
    });
  }

  test('warnings become process warnings', async () => {
    const { native } = await newFollower();
    const item = { type: 'warning', code: 'LEASE_DIFFERS', message: 'b has another leaseMs' };
    const [warning] = await warningsOf(() => native.deliver(item));
    assert.deepEqual([warning!.code, warning!.message], ['LEASE_DIFFERS', 'b has another leaseMs']);
  });
});

describe('defects of the native side', () => {
  test('a code of ours stays, anything else becomes ERR_INTERNAL with its cause', async () => {
    const { candidate, native } = await newFollower();
    native.throws.send = coded('ERR_LIMIT_EXCEEDED', 'the queue is full');
    await assert.rejects(candidate.messageAll(1), {
      name: 'IncumbentError',
      code: 'ERR_LIMIT_EXCEEDED',
      message: 'the queue is full',
    });
    const panic = coded('GenericFailure', 'panicked');
    native.throws.request = panic;
    await assert.rejects(candidate.getLeader(), {
      code: 'ERR_INTERNAL',
      message: 'the native addon failed: panicked',
      cause: panic,
    });
  });

  test('a batch that is not JSON is an error, and the next one is read', async () => {
    const { candidate, native } = await newFollower();
    const events = recorded(candidate);
    native.deliverText('[{');
    native.deliver({ type: 'elected', term: 8 });
    assert.equal((events[0]![1] as { code: string }).code, 'ERR_INTERNAL');
    assert.deepEqual(events[1], ['elected', { term: 8 }]);
  });

  test('a run that ends by itself settles all that waits, and another can be started', async () => {
    const { candidate, native } = newCandidate();
    const waiting = [
      candidate.start(),
      candidate.waitForLeader(),
      candidate.getInstances(),
      candidate.messageAll(1),
    ];
    native.deliver({ type: 'stopped' });
    assert.deepEqual(await Promise.all(waiting.map(outcome)), Array(4).fill('ERR_STOPPED'));
    const again = candidate.start();
    native.deliver({ type: 'started' });
    await again;
  });
});

test('NODE_DEBUG=incumbent prints events, without the bodies of messages', () => {
  const program = `
    const { createCandidateClass } = require(${JSON.stringify(path.join(__dirname, '../lib/candidate.js'))});
    const Candidate = createCandidateClass(class {
      id = 'some-id';
      constructor(options) { console.log(JSON.parse(options).debug); }
      start(deliver) { this.deliver = deliver; deliver(JSON.stringify([
        { type: 'debug', text: 'a renewal was granted' },
        { type: 'elected', term: 5 },
        { type: 'messages', from: 'b', bodies: ['private'] },
      ])); }
    });
    new Candidate().start();
  `;
  const env = { ...process.env, NODE_DEBUG: 'incumbent' };
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
    env,
    encoding: 'utf8',
  });
  assert.equal(stdout, 'true\n');
  assert.match(stderr, /INCUMBENT \d+: some-id a renewal was granted/);
  assert.match(stderr, /some-id emits elected \[ \{ term: 5 \} \]/);
  assert.match(stderr, /some-id emits message from b/);
  assert.ok(!stderr.includes('private'));
});
