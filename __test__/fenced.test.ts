// fenced(), checkpoints and transferTo() over a native side that the test plays: what is asked of it, what is refused.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newCandidate, newFollower, outcome } from './fake-native.ts';

async function newLeader() {
  const made = await newFollower();
  made.native.elect(8);
  return made;
}

describe('fenced()', () => {
  test('hands over commands as strings and bytes, and gives back replies in order', async () => {
    const { candidate, native } = await newLeader();
    const replies = candidate.fenced([
      ['LPUSH', 'jobs', 'a', 1, -2.5, 10n, ''],
      ['SET', Buffer.from([0xff, 0]), new Uint8Array([1, 2, 3]).subarray(1)],
    ]);
    const [{ what, argument }] = native.requests as [any];
    assert.equal(what, 'fenced');
    assert.deepEqual(JSON.parse(argument), {
      commands: [
        ['LPUSH', 'jobs', 'a', '1', '-2.5', '10', ''],
        ['SET', { b: '/wA=' }, { b: 'AgM=' }],
      ],
      buffers: false,
    });
    native.reply([3, 'OK', null, [1, ['a', null]]]);
    assert.deepEqual(await replies, [3, 'OK', null, [1, ['a', null]]]);
  });

  test('gives bytes where they are asked for, at any depth', async () => {
    const { candidate, native } = await newLeader();
    const replies = candidate.fenced([['GET', 'a']], { buffers: true });
    assert.equal(JSON.parse(native.requests[0]!.argument!).buffers, true);
    native.reply([{ b: '/wA=' }, [{ b: '' }, 7, null]]);
    assert.deepEqual(await replies, [Buffer.from([0xff, 0]), [Buffer.alloc(0), 7, null]]);
  });

  test('sends its term and a checkpoint along', async () => {
    const { candidate, native } = await newLeader();
    const checkpoint = { at: 'ü', big: 2 ** 53 };
    void candidate.fenced([['INCR', 'a']], { term: 8, checkpoint });
    void candidate.fenced([], { checkpoint: null });
    assert.deepEqual(
      native.requests.map(({ argument }) => JSON.parse(argument!)),
      [
        { commands: [['INCR', 'a']], buffers: false, term: 8, checkpoint: { value: checkpoint } },
        { commands: [], buffers: false, checkpoint: { value: null } },
      ],
    );
  });

  test('rejects with what the native side answers', async () => {
    const { candidate, native } = await newLeader();
    const replies = candidate.fenced([['GET', 'a']]);
    const message = 'this instance does not lead in term 8';
    native.deliver({ type: 'failure', request: 1, code: 'ERR_NOT_LEADER', message });
    await assert.rejects(replies, { code: 'ERR_NOT_LEADER', message });
  });

  for (const [name, args, message] of [
    ['nothing', [], /takes a list of commands such as .*; got undefined/],
    ['no command', [[]], /takes a list of commands/],
    [
      'a command alone',
      [['SET', 'a', 'b']],
      /command 1 of fenced\(\) must be a list .*string "SET"/,
    ],
    ['an empty command', [[['GET', 'a'], []]], /command 2 of fenced\(\) must be a list/],
    ['a name in bytes', [[[Buffer.from('GET'), 'a']]], /command 1 .* must begin with its name/],
    ['null', [[['SET', 'a', null]]], /argument of command 1 .* got null/],
    ['undefined', [[['SET', 'a', undefined]]], /got undefined/],
    ['a boolean', [[['SET', 'a', true]]], /got boolean true/],
    ['an object', [[['SET', 'a', { password: 'secret' }]]], /got object$/],
    ['NaN', [[['SET', 'a', NaN]]], /got number NaN/],
    ['half a surrogate pair', [[['SET', 'a', '\ud800']]], /well-formed/],
    ['a term that is none', [[['GET', 'a']], { term: 0 }], /the term given to fenced\(\)/],
    ['options that are none', [[['GET', 'a']], 8], /the options of fenced\(\) must be an object/],
    ['buffers that is no boolean', [[['GET', 'a']], { buffers: 1 }], /buffers given to fenced\(\)/],
    ['a checkpoint without JSON', [[['GET', 'a']], { checkpoint: 1n }], /the checkpoint given to/],
  ] as [string, unknown[], RegExp][]) {
    test(`refuses ${name}, and asks for nothing`, async () => {
      const { candidate, native } = await newLeader();
      const refused = (candidate.fenced as (...args: unknown[]) => Promise<unknown>)(...args);
      await assert.rejects(refused, { code: 'ERR_INVALID_ARGUMENT', message });
      assert.deepEqual(native.requests, []);
    });
  }

  test('refuses what is over a limit, and takes what is just within', async () => {
    const { candidate, native } = await newLeader();
    const byte = Buffer.alloc(1);
    for (const [allowed, tooMuch] of [
      [Array(1000).fill(['PING']), Array(1001).fill(['PING'])],
      [[['DEL', ...Array(4095).fill('a')]], [['DEL', ...Array(4096).fill('a')]]],
      [[['SET', 'a', 'x'.repeat(2 ** 20 - 52)]], [['SET', 'a', 'ü'.repeat(2 ** 19 - 34), byte]]],
    ] as any[][]) {
      void candidate.fenced(allowed);
      await assert.rejects(candidate.fenced(tooMuch), { code: 'ERR_LIMIT_EXCEEDED' });
    }
    assert.equal(native.requests.length, 3);
  });

  test('needs a run', async () => {
    const { candidate } = newCandidate();
    for (const call of [
      candidate.fenced([['PING']]),
      candidate.setCheckpoint(1),
      candidate.getCheckpoint(),
      candidate.transferTo('other'),
    ]) {
      await assert.rejects(call, { code: 'ERR_NOT_STARTED' });
    }
  });
});

describe('a checkpoint', () => {
  test('is set as JSON, for a term if one is named', async () => {
    const { candidate, native } = await newLeader();
    const set = candidate.setCheckpoint({ at: 3 });
    assert.deepEqual(native.requests[0], {
      request: 1,
      what: 'setCheckpoint',
      argument: '{"value":{"at":3}}',
    });
    native.reply(null);
    assert.equal(await set, undefined);
    void candidate.setCheckpoint(null, { term: 8 });
    assert.equal(native.requests[1]!.argument, '{"value":null,"term":8}');
  });

  test('that is no JSON value or too large is refused', async () => {
    const { candidate, native } = await newLeader();
    for (const value of [undefined, () => {}, 1n]) {
      await assert.rejects(candidate.setCheckpoint(value), { code: 'ERR_INVALID_ARGUMENT' });
    }
    await assert.rejects(candidate.setCheckpoint(1, { term: 1.5 }), {
      code: 'ERR_INVALID_ARGUMENT',
    });
    void candidate.setCheckpoint('x'.repeat(65_534));
    await assert.rejects(candidate.setCheckpoint('x'.repeat(65_535)), {
      code: 'ERR_LIMIT_EXCEEDED',
      message:
        'the checkpoint given to setCheckpoint() must be at most 65536 bytes as JSON; got 65537 bytes',
    });
    assert.equal(native.requests.length, 1);
  });

  test('is read by anyone; without one it is undefined, and keys __proto__ are dropped', async () => {
    const { candidate, native } = await newFollower();
    const none = candidate.getCheckpoint();
    native.reply(null);
    assert.equal(await none, undefined);
    const nothing = candidate.getCheckpoint();
    native.reply({ term: 3, value: null });
    assert.equal(await nothing, null);
    const hostile = candidate.getCheckpoint();
    native.deliverText(
      '[{"type":"reply","request":3,"value":{"term":3,"value":{"__proto__":1,"a":2}}}]',
    );
    assert.equal(JSON.stringify(await hostile), '{"a":2}');
  });
});

describe('transferTo()', () => {
  test('asks for it, and resolves to the id of who leads then', async () => {
    const { candidate, native } = await newLeader();
    const done = candidate.transferTo('b');
    const { what, argument } = native.requests[0]!;
    assert.deepEqual([what, argument], ['transfer', 'b']);
    native.drain('transferred');
    native.depose('transferred');
    assert.equal(await outcome(done), 'pending');
    native.reply({ leader: 'c' });
    assert.equal(await done, 'c');
  });

  test('that is refused leaves the leadership and its signals as they are', async () => {
    const { candidate, native } = await newFollower();
    let signal: AbortSignal | undefined;
    candidate.on('elected', (reign) => (signal = reign.signal));
    native.elect(8);
    const done = candidate.transferTo('nobody');
    native.deliver({
      type: 'failure',
      request: 1,
      code: 'ERR_INVALID_ARGUMENT',
      message: 'no such',
    });
    await assert.rejects(done, { code: 'ERR_INVALID_ARGUMENT' });
    assert.deepEqual([signal!.aborted, candidate.isLeader()], [false, true]);
    native.state = 'follower';
    assert.equal(signal!.reason.why, 'expired', 'what ends it later is no transfer');
  });

  test('under way is the reason of a signal that is read before anything was told', async () => {
    const { candidate, native } = await newFollower();
    let signal: AbortSignal | undefined;
    candidate.on('elected', (reign) => (signal = reign.signal));
    native.elect(8);
    void candidate.transferTo('b');
    assert.equal(signal!.aborted, false);
    native.state = 'follower';
    assert.equal(signal!.reason.why, 'transferred');
  });

  test('under way is not the reason where the deadline came near', async () => {
    const { candidate, native } = await newFollower({ leaseMs: 1000 });
    let signal: AbortSignal | undefined;
    candidate.on('elected', (reign) => (signal = reign.signal));
    native.elect(8);
    void candidate.transferTo('b');
    native.leftMs = 50;
    assert.equal(signal!.reason.why, 'expired');
  });

  test('needs an id, and a stop() rejects it', async () => {
    const { candidate } = await newLeader();
    for (const id of [undefined, 7, null] as any[]) {
      await assert.rejects(candidate.transferTo(id), { message: /^transferTo\(\) needs the id/ });
    }
    await assert.rejects(candidate.transferTo('x'.repeat(129)), { code: 'ERR_LIMIT_EXCEEDED' });
    const done = candidate.transferTo('b');
    void candidate.stop();
    await assert.rejects(done, { code: 'ERR_STOPPED' });
  });
});
