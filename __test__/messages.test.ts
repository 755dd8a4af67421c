// What a message may be, and what becomes of many of them, of lost ones, and of those that go over TLS.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Candidate, Options } from 'incumbent';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, onEachMedium } from './fixtures/fleet.ts';
import { Program } from './fixtures/program.ts';
import { ca, startRedis } from './fixtures/redis-server.ts';
import { startProxy } from './fixtures/tcp-proxy.ts';

/** Sends each value to all, and gives what the other one got. */
async function passed(from: Candidate, to: Candidate, values: unknown[]): Promise<any[]> {
  const heard = collect(to, ['message']);
  for (const value of values) await from.messageAll(value);
  await eventually(() => heard.events.length === values.length);
  heard.stop();
  return heard.of('message').map(([{ message }]) => message);
}

onEachMedium((place) => {
  test('bytes arrive as a Buffer, whichever they were', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const got = await passed(leader, follower!, [
      all,
      Buffer.alloc(0),
      new Uint8Array([1, 2, 3]).subarray(1),
      Buffer.from('{"__proto__":1}\nnot an envelope'),
      Buffer.from('\n'),
    ]);
    assert.ok(got.every((message) => Buffer.isBuffer(message)));
    assert.deepEqual(got, [
      all,
      Buffer.alloc(0),
      Buffer.from([2, 3]),
      Buffer.from('{"__proto__":1}\nnot an envelope'),
      Buffer.from('\n'),
    ]);
  });

  test('bytes that are changed after the call arrive as they were', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const heard = collect(follower!, ['message']);
    const bytes = Buffer.from('before');
    const sent = leader.messageAll(bytes);
    bytes.fill('x');
    await sent;
    const [{ message }] = (await heard.first('message')).args;
    assert.equal(String(message), 'before');
  });

  test('every text arrives as it was, lone surrogates included', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const texts: unknown[] = [
      'grüße, 世界, 🌍, \u{10ffff}',
      '\ud800',
      'a\udc00b\ud83d',
      '\0\u0001\u001f\u007f\u2028\u2029\ufeff',
      '"\\\n\r\t/',
      '\\u0000',
      '__proto__',
      { 'grüße\ud800': '世界', '': '' },
    ];
    // Short ones, and such as are handed over by themselves.
    texts.push(
      ...texts.filter((text) => typeof text === 'string').map((text) => text.repeat(5000)),
    );
    texts.push('x'.repeat(5000), { long: 'x'.repeat(5000) });
    assert.deepEqual(await passed(leader, follower!, texts), texts);
  });

  test('numbers, dates and what JSON makes of values', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const values = [
      ...[2 ** 53, Number.MIN_VALUE, Number.MAX_VALUE, -0, NaN, Infinity, 0.1 + 0.2],
      ...[new Date(0), new Map([[1, 2]]), { a: undefined, b: () => {}, c: 1 }, [undefined]],
      { toJSON: () => 'by toJSON' },
    ];
    const expected = values.map((value) => JSON.parse(JSON.stringify(value)));
    assert.deepEqual(await passed(leader, follower!, values), expected);
    const nothing = await passed(leader, follower!, [undefined, () => {}, Symbol('s')]);
    assert.deepEqual(nothing, [undefined, undefined, undefined]);
  });

  test('a key __proto__ is dropped, at any depth, and spoils nothing beside it', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const hostile = JSON.parse(
      '{"__proto__":{"polluted":1},"list":[{"__proto__":null,"kept":2}],"\\u005f_proto__":3,"ok":4}',
    );
    const got = await passed(leader, follower!, [hostile, { text: '__proto__' }]);
    assert.equal(JSON.stringify(got[0]), '{"list":[{"kept":2}],"ok":4}');
    assert.equal(Object.getPrototypeOf(got[0]), Object.prototype);
    assert.deepEqual(got[1], { text: '__proto__' });
    const [long] = await passed(leader, follower!, [{ ...hostile, long: 'x'.repeat(5000) }]);
    assert.deepEqual(Object.keys(long), ['list', 'ok', 'long']);

    await leader.setMeta(hostile);
    const { meta } = (await follower!.getLeader())!;
    assert.equal(JSON.stringify(meta), '{"list":[{"kept":2}],"ok":4}');
    assert.equal(({} as any).polluted, undefined);
  });

  test('messages of 1 MiB pass, as text and as bytes', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const values = ['x'.repeat((1 << 20) - 2), Buffer.alloc(1 << 20, 7)];
    assert.deepEqual(await passed(leader, follower!, values), values);
  });

  test('the order of each sender is kept, with 100 messages of all four kinds under way at any time', async (t) => {
    const [leader, ...followers] = await new Fleet(t, place()).lead(2);
    const candidates = [leader, ...followers];
    const heard = candidates.map((one) => collect(one, ['message', 'gap']));
    const perSender = 2000;
    const expected = candidates.map(() => 0);

    const send = async (sender: Candidate, number: number) => {
      const body = number % 7 ? number : Buffer.from(String(number));
      const receivers = candidates.filter((one) => one !== sender);
      const to = receivers[number % 2]!;
      const kind = number % 4;
      for (const [index, one] of candidates.entries()) {
        const gets =
          one !== sender &&
          [true, one === to, one === leader, one !== leader && one !== sender][kind];
        if (gets) expected[index]! += 1;
      }
      if (kind === 0) await sender.messageAll(body);
      else if (kind === 1) await sender.messageTo(to.id, body);
      else if (kind === 2) await sender.messageLeader(body);
      else await sender.messageFollowers(body);
    };
    await Promise.all(
      candidates.map(async (sender) => {
        const underWay = new Set<Promise<void>>();
        for (let number = 0; number < perSender; number++) {
          const one = send(sender, number).finally(() => underWay.delete(one));
          underWay.add(one);
          if (underWay.size >= 100) await Promise.race(underWay);
        }
        await Promise.all(underWay);
      }),
    );

    for (const [index, each] of heard.entries()) {
      await eventually(() => each.events.length >= expected[index]!);
      assert.deepEqual(each.names('gap'), []);
      assert.equal(each.events.length, expected[index]);
      for (const sender of candidates) {
        const numbers = each
          .of('message')
          .filter(([{ from }]) => from === sender.id)
          .map(([{ message }]) => Number(String(message)));
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
        );
      }
    }
  });
});

test('after a reconnect the next message is preceded by a gap that counts the lost ones, for each channel', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const fleet = new Fleet(t, { redis: redis.url });
  const proxy = await startProxy(redis.port);
  t.after(() => proxy.close());
  const sender = await fleet.start();
  const receiver = await fleet.start({ redis: proxy.url });
  receiver.on('error', () => {});
  const heard = collect(receiver, ['message', 'gap']);
  const sendEach = async (message: string) => {
    await sender.messageAll(message);
    await sender.messageFollowers(message);
    await sender.messageTo(receiver.id, message);
  };
  await sendEach('before');
  await eventually(() => heard.events.length === 3);

  proxy.cut();
  for (let lost = 0; lost < 4; lost++) await sendEach('lost');
  await sender.messageAll('lost');
  proxy.pass();
  const channels = await redis.client();
  t.after(() => channels.destroy());
  const subscribers = async (name: string) =>
    Number((await redis.cli('PUBSUB', 'NUMSUB', `incumbent:{orders}:0:${name}`))[1]);
  await eventually(async () => (await subscribers(`instance:${receiver.id}`)) === 1);
  await eventually(async () => (await subscribers('all')) === 2);
  await eventually(async () => (await subscribers('followers')) === 1);
  heard.clear();
  await sendEach('after');
  await eventually(() => heard.events.length === 6);
  const after = ['message', { message: 'after', from: sender.id }];
  assert.deepEqual(
    heard.events.map(({ name, args }) => [name, ...args]),
    [
      ['gap', { from: sender.id, channel: 'all', missed: 5 }],
      after,
      ['gap', { from: sender.id, channel: 'followers', missed: 4 }],
      after,
      ['gap', { from: sender.id, channel: 'instance', missed: 4 }],
      after,
    ],
  );
});

test('one that joins, or joins a role, misses nothing of what went before', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const fleet = new Fleet(t, { redis: redis.url });
  const [leader, follower] = await fleet.lead(1);
  for (let number = 0; number < 5; number++) {
    await leader.messageAll(number);
    await leader.messageFollowers(number);
    await follower!.messageLeader(number);
  }
  const joiner = await fleet.start();
  const heard = collect(joiner, ['gap', 'message']);
  await leader.messageAll('news');
  await leader.messageFollowers('news');
  await eventually(() => heard.names('message').length === 2);

  await leader.reelect();
  const next = await eventually(() => [joiner, follower!].find((one) => one.isLeader()));
  const atNext = collect(next, ['gap', 'message']);
  await leader.messageLeader('to the new leader');
  await atNext.first('message');
  assert.deepEqual([...heard.names('gap'), ...atNext.names('gap')], []);
});

test('over TLS all works, with a certificate that the system trusts', async (t) => {
  const redis = await startRedis({ tls: true });
  t.after(() => redis.stop());
  const localhost = redis.url.replace('127.0.0.1', 'localhost');
  for (const options of [
    { redis: redis.url },
    { redis: localhost },
    { redis: { host: 'localhost', port: redis.port, tls: true } },
  ]) {
    assert.equal(await oneMessage(t, options, { SSL_CERT_FILE: ca }), 'arrived');
  }
});

test('over TLS a certificate that nobody has vouched for is an error that says so', async (t) => {
  const redis = await startRedis({ tls: true });
  t.after(() => redis.stop());
  const told = await oneMessage(t, { redis: redis.url }, {});
  assert.match(told, /^ERR_REDIS_UNREACHABLE .*certificate.*not trusted/);
});

test('a server that speaks TLS alone, or no TLS, is told as unreachable to who expects the other', async (t) => {
  const plain = await startRedis();
  t.after(() => plain.stop());
  const secret = await startRedis({ tls: true });
  t.after(() => secret.stop());
  const overTls = await oneMessage(t, { redis: `rediss://127.0.0.1:${plain.port}` }, {});
  assert.match(overTls, /^ERR_REDIS_UNREACHABLE /);
  const inPlain = await oneMessage(t, { redis: `redis://127.0.0.1:${secret.port}` }, {});
  assert.match(inPlain, /^ERR_REDIS_UNREACHABLE /);
});

/**
 * Sends a message between two candidates of a process of its own, since the trusted certificates are read from its
 * environment. Gives the message, or the first error.
 */
async function oneMessage(t: TestContext, options: Options, env: Record<string, string>) {
  const program = `
    const { Candidate } = require('incumbent');
    const options = ${JSON.stringify(options)};
    const [a, b] = [new Candidate(options), new Candidate(options)];
    const end = (text) => {
      console.log(text);
      process.exit();
    };
    for (const one of [a, b]) one.on('error', ({ code, message }) => end(code + ' ' + message));
    b.on('message', ({ message }) => end(message));
    Promise.all([a.start(), b.start()]).then(() => a.messageAll('arrived'));
  `;
  const sender = new Program(t, program, { env });
  await sender.ended;
  return sender.output.trim();
}
