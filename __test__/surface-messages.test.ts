// Messages over a native side that the test plays.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import vm from 'node:vm';
import { coded, newFollower, outcome } from './fake-native.ts';

const MIB = 1024 * 1024;

describe('sending', () => {
  test('each method names its addressees', async () => {
    const { candidate, native } = await newFollower();
    void candidate.messageAll('a');
    void candidate.messageLeader('b');
    void candidate.messageFollowers('c');
    void candidate.messageTo('some-id', 'd');
    assert.deepEqual(native.sends, [
      { to: 0, id: '', format: 3, body: 'a' },
      { to: 1, id: '', format: 3, body: 'b' },
      { to: 2, id: '', format: 3, body: 'c' },
      { to: 3, id: 'some-id', format: 3, body: 'd' },
    ]);
  });

  test('a text that is not well-formed, or long if all of it is escaped, goes as JSON', async () => {
    const { candidate, native } = await newFollower();
    const long = 'x'.repeat(MIB / 6 + 1);
    for (const text of ['\ud800', long]) void candidate.messageAll(text);
    assert.deepEqual(
      native.sends.map(({ format, body }) => [format, body]),
      [
        [0, '"\\ud800"'],
        [0, `"${long}"`],
      ],
    );
  });

  test('what is sent without a pause is flushed once, at the end of it', async () => {
    const { candidate, native } = await newFollower();
    const flushes = () => native.calls.filter((call) => call === 'flush').length;
    for (const message of ['a', Buffer.from('b'), undefined]) void candidate.messageAll(message);
    assert.deepEqual([native.sends.length, flushes()], [3, 0]);
    await Promise.resolve();
    assert.equal(flushes(), 1);
    void candidate.messageAll('d');
    await Promise.resolve();
    assert.equal(flushes(), 2);
  });

  test('texts and bytes go as they are, all else as JSON, and undefined is marked', async () => {
    const { candidate, native } = await newFollower();
    const bytes = new Uint8Array([0, 1, 2, 3]).subarray(1, 3);
    const elsewhere = vm.runInNewContext('new Uint8Array([4])');
    const messages = [
      null,
      '',
      0,
      [],
      { a: 1 },
      undefined,
      () => {},
      Symbol('s'),
      bytes,
      elsewhere,
    ];
    for (const message of messages) void candidate.messageAll(message);
    assert.deepEqual(
      native.sends.map(({ format, body }) => [format, body]),
      [
        [0, 'null'],
        [3, ''],
        [0, '0'],
        [0, '[]'],
        [0, '{"a":1}'],
        [2, ''],
        [2, ''],
        [2, ''],
        [1, Buffer.from([1, 2])],
        [1, Buffer.from([4])],
      ],
    );
    assert.ok(native.sends.slice(-2).every(({ body }) => Buffer.isBuffer(body)));
  });

  test('what has no form in JSON is refused with its cause, and nothing is sent', async () => {
    const { candidate, native } = await newFollower();
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const hostile = {
      toJSON: () => {
        throw new RangeError('no');
      },
    };
    for (const message of [1n, circular, hostile]) {
      await assert.rejects(candidate.messageAll(message), (error: any) => {
        assert.equal(error.code, 'ERR_INVALID_MESSAGE');
        assert.ok(error.cause instanceof Error);
        return true;
      });
    }
    assert.equal(native.sends.length, 0);
  });

  test('other views of bytes are refused with a hint', async () => {
    const { candidate } = await newFollower();
    const others = [
      new ArrayBuffer(2),
      new SharedArrayBuffer(2),
      new Uint16Array(2),
      new DataView(new ArrayBuffer(2)),
    ];
    for (const message of others) {
      await assert.rejects(candidate.messageAll(message), {
        code: 'ERR_INVALID_MESSAGE',
        message: new RegExp(`got ${message.constructor.name}\\. Wrap it: Buffer\\.from`),
      });
    }
  });

  test('a message of 1 MiB passes, a larger one is over the limit', async () => {
    const { candidate, native } = await newFollower();
    for (const message of ['x'.repeat(MIB - 2), Buffer.alloc(MIB)])
      void candidate.messageAll(message);
    assert.equal(native.sends.length, 2);
    for (const message of ['x'.repeat(MIB - 1), 'é'.repeat(MIB / 2), Buffer.alloc(MIB + 1)]) {
      await assert.rejects(candidate.messageAll(message), { code: 'ERR_LIMIT_EXCEEDED' });
    }
    assert.equal(native.sends.length, 2);
  });

  test('an id must be a string of at most 128 bytes', async () => {
    const { candidate, native } = await newFollower();
    for (const id of [undefined, null, 7, {}] as any[]) {
      await assert.rejects(candidate.messageTo(id, 1), { code: 'ERR_INVALID_ARGUMENT' });
    }
    await assert.rejects(candidate.messageTo('é'.repeat(65), 1), { code: 'ERR_LIMIT_EXCEEDED' });
    void candidate.messageTo('', 1);
    void candidate.messageTo('é'.repeat(64), 1);
    assert.equal(native.sends.length, 2);
  });
});

describe('the fate of messages', () => {
  test('many resolve by one item, to undefined', async () => {
    const { candidate, native } = await newFollower();
    const sends = [1, 2, 3].map((message) => candidate.messageAll(message));
    native.deliver({ type: 'sent', upTo: 2 });
    assert.deepEqual(await Promise.all(sends.map(outcome)), ['resolved', 'resolved', 'pending']);
    native.deliver({ type: 'sent', upTo: 3 });
    assert.equal(await sends[2], undefined);
  });

  test('a failed range rejects, and those before and after it resolve later', async () => {
    const { candidate, native } = await newFollower();
    const sends = [1, 2, 3, 4].map((message) => candidate.messageAll(message));
    native.deliver({
      type: 'unsent',
      from: 2,
      upTo: 3,
      code: 'ERR_REDIS_UNREACHABLE',
      message: 'away',
    });
    const failed = 'ERR_REDIS_UNREACHABLE';
    assert.deepEqual(await Promise.all(sends.map(outcome)), ['pending', failed, failed, 'pending']);
    native.deliver({ type: 'sent', upTo: 4 });
    assert.deepEqual(await Promise.all(sends.map(outcome)), [
      'resolved',
      failed,
      failed,
      'resolved',
    ]);
  });

  test('a call that the native side refused has no number', async () => {
    const { candidate, native } = await newFollower();
    native.throws.send = coded('ERR_LIMIT_EXCEEDED', 'the queue is full');
    const refused = candidate.messageAll(1);
    const sent = candidate.messageAll(2);
    native.deliver({ type: 'sent', upTo: 1 });
    assert.deepEqual(
      [await outcome(refused), await outcome(sent)],
      ['ERR_LIMIT_EXCEEDED', 'resolved'],
    );
  });

  test('nobody has to handle the rejection of an outage', async () => {
    // An unhandled rejection would fail this test.
    const { candidate, native } = await newFollower();
    void candidate.messageAll(1);
    void candidate.setMeta('new');
    native.deliver(
      { type: 'unsent', from: 1, upTo: 1, code: 'ERR_REDIS_UNREACHABLE', message: 'away' },
      { type: 'failure', request: 1, code: 'ERR_REDIS_UNREACHABLE', message: 'away' },
    );
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('numbers begin anew with each run', async () => {
    const { candidate, native } = await newFollower();
    void candidate.messageAll(1);
    void candidate.stop();
    native.deliver({ type: 'sent', upTo: 1 }, { type: 'stopped' });
    const started = candidate.start();
    native.deliver({ type: 'started' });
    await started;
    const first = candidate.messageAll(1);
    native.deliver({ type: 'sent', upTo: 1 });
    await first;
  });

  test('every one of 100 000 messages settles as it was told, in steps of all sizes', async () => {
    const { candidate, native } = await newFollower();
    const fates: string[] = [];
    const expected: string[] = [];
    let told = 0;
    for (let number = 1; number <= 100_000; number++) {
      candidate.messageAll(number).then(
        () => (fates[number] = 'sent'),
        () => (fates[number] = 'unsent'),
      );
      // Now and then all are told: the latest three of a long step failed.
      if (number === 100_000 || (number * number) % 2503 < 5) {
        if (number - told > 10) {
          native.deliver({
            type: 'unsent',
            from: number - 2,
            upTo: number,
            code: 'ERR_INTERNAL',
            message: 'm',
          });
        }
        native.deliver({ type: 'sent', upTo: number });
        for (let one = told + 1; one <= number; one++) {
          expected[one] = number - told > 10 && one > number - 3 ? 'unsent' : 'sent';
        }
        told = number;
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(fates, expected);
  });
});

describe('receiving', () => {
  const item = { type: 'message', from: 'a' };
  const items = (...bodies: unknown[]) => ({ type: 'messages', from: 'a', bodies });

  /** The messages of one batch as a listener of 'message' gets them. */
  async function received(text: string, attachments: (Buffer | string)[] = []) {
    const { candidate, native } = await newFollower();
    const messages: any[] = [];
    candidate.on('message', ({ message }) => messages.push(message));
    native.deliverText(text, attachments);
    return messages;
  }

  test('JSON, bytes, undefined, and what is long arrive as they were sent', async () => {
    const batch = JSON.stringify([
      items(null, '', 0, [1], { a: 1 }),
      { ...item, attachment: 1 },
      { ...item, attachment: 0 },
      item,
      { ...item, attachment: 2 },
      { ...item, attachment: 2, isJson: true },
    ]);
    const attachments = [Buffer.from('zero'), Buffer.from('one'), '[2]'];
    assert.deepEqual(await received(batch, attachments), [
      null,
      '',
      0,
      [1],
      { a: 1 },
      Buffer.from('one'),
      Buffer.from('zero'),
      undefined,
      '[2]',
      [2],
    ]);
  });

  test('messages in JSON of one sender come as one item, and are told one by one', async () => {
    const { candidate, native } = await newFollower();
    const heard: unknown[] = [];
    for (const event of ['message', 'message:from:leader', 'message:from:follower'] as const) {
      candidate.on(event, ({ message, from }) => heard.push([event, from, message]));
    }
    native.deliver(
      { type: 'messages', from: 'a', role: 'leader', bodies: [1, null] },
      { type: 'messages', from: 'b', bodies: [[2]] },
    );
    assert.deepEqual(heard, [
      ['message', 'a', 1],
      ['message:from:leader', 'a', 1],
      ['message', 'a', null],
      ['message:from:leader', 'a', null],
      ['message', 'b', [2]],
    ]);
  });

  test('the role events follow `message` with the same payload', async () => {
    const { candidate, native } = await newFollower();
    const heard: [string, unknown][] = [];
    for (const event of ['message', 'message:from:leader', 'message:from:follower'] as const) {
      candidate.on(event, (payload) => heard.push([event, payload]));
    }
    const events = () => heard.splice(0).map(([event]) => event);

    native.deliver({ ...items(1), role: 'leader' });
    assert.equal(heard[0]![1], heard[1]![1]);
    assert.deepEqual(heard[0]![1], { message: 1, from: 'a' });
    assert.deepEqual(events(), ['message', 'message:from:leader']);

    native.deliver({ ...item, role: 'follower' }, item);
    assert.deepEqual(events(), ['message', 'message:from:follower', 'message']);
  });

  test('own keys `__proto__` are dropped at any depth of a message that is marked', async () => {
    const body = '{"a":[{"__proto__":{"polluted":1},"b":{"__proto__":null,"c":2}}],"__proto__":[]}';
    const got = await received(
      `[{"type":"messages","from":"a","proto":true,"bodies":[${body}]},
        {"type":"message","from":"a","attachment":0,"isJson":true,"namesProto":true}]`,
      [body],
    );
    assert.equal(got.length, 2);
    for (const message of got) {
      assert.equal(JSON.stringify(message), '{"a":[{"b":{"c":2}}]}');
      assert.equal(Object.getPrototypeOf(message), Object.prototype);
    }
  });

  test('own keys `__proto__` are dropped from every message of an item that is marked', async () => {
    const got = await received(
      '[{"type":"messages","from":"a","bodies":[{"b":1},{"__proto__":2,"c":3}],"proto":true}]',
    );
    assert.deepEqual(
      got.map((message) => JSON.stringify(message)),
      ['{"b":1}', '{"c":3}'],
    );
  });

  test('a marked message may be as deep as its sender likes', async () => {
    const depth = 200_000;
    const body = `${'['.repeat(depth)}{"__proto__":1}${']'.repeat(depth)}`;
    const batch = `[{"type":"messages","from":"a","proto":true,"bodies":[${body}]}]`;
    let [inner] = await received(batch);
    while (Array.isArray(inner)) [inner] = inner;
    assert.deepEqual(Object.keys(inner), []);
  });
});
