// Values of others, whatever they hold: no path from Redis to a listener sets a prototype, and a limit that a sender is held to is one that
// a receiver holds to as well.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { Candidate } from 'incumbent';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

/** Names that have been used to reach a prototype, as they stand and in escapes, among harmless ones. */
const name = fc.constantFrom(
  ...['"__proto__"', '"\\u005f_proto__"', '"__pro\\u0074o__"', '"__proto\\u005F\\u005f"'],
  ...['"constructor"', '"prototype"', '"toString"', '"length"', '"a"', '"__Proto__"', '""'],
);

/** Texts of JSON, which nobody has parsed and written anew. */
const jsonText = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(
      '1',
      'null',
      'true',
      '"__proto__"',
      '"\\u005f"',
      '{"__proto__":{"polluted":1}}',
    ),
    fc.array(tie('value'), { maxLength: 3 }).map((values) => `[${values}]`),
    fc
      .array(fc.tuple(name, tie('value')), { maxLength: 4 })
      .map((members) => `{${members.map(([key, value]) => `${key}:${value}`)}}`),
  ),
})).value;

/** What a receiver is to get: the value without any key `__proto__`. */
function harmless(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(harmless);
  const kept = Object.entries(value).filter(([key]) => key !== '__proto__');
  return Object.fromEntries(kept.map(([key, child]) => [key, harmless(child)]));
}

function assertHarmless(received: unknown, text: string) {
  // Compares prototypes as well.
  assert.deepStrictEqual(received, harmless(JSON.parse(text)), text);
  const { polluted } = {} as { polluted?: unknown };
  assert.equal(polluted, undefined, text);
}

async function pair(t: TestContext, kind: string) {
  const fleet = new Fleet(t, { redis: redis.url, kind });
  const [leader, follower] = await fleet.lead(1);
  const forger = await redis.client();
  t.after(() => forger.destroy());
  let seq = 0;
  const publish = (format: string, body: string | Buffer, count = 1) => {
    const from = 'stranger:0000000000000001';
    const envelope = { v: 1, from, term: 1, leads: false, seq: seq + 1, format };
    seq += count;
    const payload = Buffer.concat([
      Buffer.from(`${JSON.stringify(envelope)}\n`),
      Buffer.from(body),
    ]);
    return forger.publish(`incumbent:{${kind}}:0:all`, payload as never);
  };
  return { leader, follower: follower!, publish };
}

test('messages of every length and form', async (t) => {
  const { follower, publish } = await pair(t, 'messages');
  const heard = collect(follower, ['message', 'gap']);
  const long = 'x'.repeat(5000);
  const property = fc.asyncProperty(
    fc.array(jsonText, { minLength: 1, maxLength: 8 }),
    async (texts) => {
      heard.clear();
      // Those of more than 4 KiB take another way.
      const all = [...texts, ...texts.map((text) => `{"pad":"${long}","value":${text}}`), ...texts];
      for (const text of all.slice(0, -texts.length)) await publish('json', text);
      await publish('lines', texts.join('\n'), texts.length);
      await eventually(() => heard.events.length >= all.length);
      for (const [index, text] of all.entries()) {
        assertHarmless(heard.events[index]!.args[0].message, text);
      }
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test('meta, in every way in which it is shown, and what a leader leaves for the next', async (t) => {
  const { leader, follower } = await pair(t, 'metas');
  const property = fc.asyncProperty(jsonText, async (text) => {
    const value = JSON.parse(text);
    await leader.setMeta(value);
    await leader.setCheckpoint(value);
    const expected = JSON.stringify(value) === 'null' ? 'null' : text;
    assertHarmless((await follower.getLeader())?.meta, expected);
    const instances = await follower.getInstances();
    assertHarmless(instances.find(({ id }) => id === leader.id)?.meta, expected);
    assertHarmless(await follower.getCheckpoint(), expected);
  });
  await fc.assert(property, { numRuns: 60 });

  const text = '{"__proto__":{"polluted":1},"a":[{"\\u005f_proto__":2}]}';
  await leader.setCheckpoint(JSON.parse(text));
  const events = collect(follower, ['joined', 'left', 'elected']);
  const third = await new Fleet(t, {
    redis: redis.url,
    kind: 'metas',
    meta: JSON.parse(text),
  }).start();
  await third.stop();
  await leader.stop();
  for (const name of ['joined', 'left']) {
    const { args } = await events.first(name, ({ id }) => id === third.id);
    assertHarmless(args[0].meta, text);
  }
  const { args } = await events.first('elected');
  assertHarmless(args[0].checkpoint, text);
});

test('whoever is called like a part of a prototype is one like others', async (t) => {
  const { leader, follower, publish } = await pair(t, 'names');
  const heard = collect(follower, ['message']);
  for (const id of ['__proto__', 'constructor', 'hasOwnProperty']) {
    await leader.messageTo(id, id);
    await publish('json', `"${id}"`);
    await heard.first('message', ({ message }) => message === id);
  }
  const odd = new Fleet(t, { redis: redis.url, kind: '__proto__' });
  const [one, other] = await odd.lead(1);
  assert.equal((await other!.getLeader())?.id, one.id);
});

test('what a sender is refused, a receiver does not take, and the other way round', async (t) => {
  const { leader, follower, publish } = await pair(t, 'limits');
  const heard = collect(follower, ['message']);
  const mib = 1 << 20;
  const near = (limit: number) => fc.integer({ min: limit - 2, max: limit + 2 });
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const body = fc.oneof(
    near(mib).map((bytes) => ({ format: 'bytes', body: Buffer.alloc(bytes, 7) })),
    near(mib).map((bytes) => ({ format: 'json', body: `"${'x'.repeat(bytes - 2)}"` })),
    near(mib).map((bytes) => ({ format: 'json', body: `"${'é'.repeat(bytes / 2 - 1)}"` })),
    near(128).map((depth) => ({ format: 'json', body: nested(depth) })),
    near(128).map((depth) => ({ format: 'json', body: `{"a":${nested(depth - 1)}}` })),
  );
  const property = fc.asyncProperty(body, async ({ format, body }) => {
    const isSent = await accepted(leader, format === 'bytes' ? body : JSON.parse(String(body)));
    const malformed = follower.stats().malformed;
    heard.clear();
    await publish(format, body);
    await publish('json', '"end"');
    await heard.first('message', ({ message }) => message === 'end');
    const isTaken = heard.events.some(
      ({ args }) => args[0].from === 'stranger' && args[0].message !== 'end',
    );
    assert.equal(isTaken, isSent);
    await eventually(() => follower.stats().malformed === malformed + (isTaken ? 0 : 1));
  });
  await fc.assert(property, { numRuns: 40 });
});

/** Whether it may be sent. Waits until it has gone, since the receiver hears it as well. */
async function accepted(sender: Candidate, message: unknown): Promise<boolean> {
  try {
    await sender.messageLeader(message);
    return true;
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'ERR_LIMIT_EXCEEDED');
    return false;
  }
}

test('a meta over its limits is not shown, whoever wrote it', async (t) => {
  const { follower } = await pair(t, 'records');
  const key = (name: string) => `incumbent:{records}:${name}`;
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const metas = {
    large: `"${'x'.repeat(16 * 1024 - 2)}"`,
    'too-large': `"${'x'.repeat(16 * 1024 - 1)}"`,
    deep: nested(128),
    'too-deep': nested(129),
  };
  for (const [id, meta] of Object.entries(metas)) {
    const record = `{"v":1,"id":"${id}","holder":"${id}:0000000000000001","meta":${meta}}`;
    const [seconds] = await redis.cli('TIME');
    await redis.cli('HSET', key('instances'), id, record);
    await redis.cli('ZADD', key('seen'), Number(seconds) * 1000 + 60_000, id);
  }
  await eventually(async () => {
    const ids = (await follower.getInstances()).map(({ id }) => id);
    assert.deepEqual(ids.filter((id) => id in metas).sort(), ['deep', 'large']);
    return true;
  });
});
