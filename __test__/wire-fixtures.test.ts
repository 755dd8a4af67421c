// An observer beside the real addon: what it writes to Redis has the form that PROTOCOL.md documents, and what is
// written by hand in that form is understood. The examples in fixtures/wire are those that the Rust tests read.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Candidate, type Options } from 'incumbent';
import { secretOf } from './fixtures/canary.ts';
import { collect, eventually } from './fixtures/eventually.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

const root = path.join(__dirname, '..');
const text = (file: string) => readFileSync(path.join(root, file), 'utf8');
const fixture = (name: string) => JSON.parse(text(`fixtures/wire/${name}.json`));

/** A body: a text, or a list of texts, of bytes and of repetitions. */
type Body = string | { hex: string } | { repeat: string; times: number } | Body[];

function bytes(body: Body): Buffer {
  if (typeof body === 'string') return Buffer.from(body);
  if (Array.isArray(body)) return Buffer.concat(body.map(bytes));
  if ('hex' in body) return Buffer.from(body.hex, 'hex');
  return Buffer.from(body.repeat.repeat(body.times));
}

interface Case {
  situation: string;
  written?: boolean;
  body: Body;
  means: any;
}

/** The case of a situation, as the addon writes it. */
function written(name: string, situation: string): Case & { body: string } {
  return fixture(name).accepted.find((one: Case) => one.situation === situation && one.written);
}

/** Keys in their order, with the types of their values. */
function shape(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return typeof value;
  return Object.entries(value).map(([key, member]) => [key, shape(member)]);
}

/** Asserts that a text has the keys and types of an example, in its order, with nothing between them. */
function sameForm(actual: string, example: string) {
  assert.deepEqual(shape(JSON.parse(actual)), shape(JSON.parse(example)));
  assert.equal(JSON.stringify(JSON.parse(actual)), actual);
}

async function redis(t: TestContext): Promise<RedisServer> {
  const server = await startRedis();
  const candidates: Candidate[] = [];
  running.set(server, candidates);
  t.after(async () => {
    await Promise.all(candidates.map((candidate) => candidate.stop()));
    await server.stop();
  });
  return server;
}

/** The candidates on each server: they stop before it does, and so have nothing to warn of. */
const running = new WeakMap<RedisServer, Candidate[]>();

function candidateOn(server: RedisServer, options: Options = {}): Candidate {
  const candidate = new Candidate({ redis: server.url, leaseMs: 200, ...options });
  running.get(server)!.push(candidate);
  return candidate;
}

async function started(server: RedisServer, options: Options = {}) {
  const candidate = candidateOn(server, options);
  await candidate.start();
  return candidate;
}

/** A connection of the observer's, ended with the test. */
async function client(t: TestContext, server: RedisServer) {
  const connection = await server.client();
  t.after(() => connection.destroy());
  return connection;
}

/** All that is published on a channel from now on. */
async function listen(t: TestContext, server: RedisServer, channel: string) {
  const heard: Buffer[] = [];
  await (await client(t, server)).subscribe(channel, (body) => void heard.push(body), true);
  return heard;
}

/** The names of the default kind. */
const names = fixture('names').kinds.find(({ kind }: { kind: string }) => kind === '');

async function hash(server: RedisServer, key: string, db = 0): Promise<Record<string, string>> {
  const observer = await server.client();
  try {
    await observer.select(db);
    return { ...(await observer.hGetAll(key)) };
  } finally {
    observer.destroy();
  }
}

async function identity(server: RedisServer): Promise<string> {
  return /master_replid:(\w+)/.exec(await server.cli('INFO', 'replication'))![1]!;
}

describe('what the addon writes', () => {
  for (const { situation, kind, db, keys, channels, instance } of fixture('names').kinds) {
    test(`names: ${situation}`, async (t) => {
      const server = await redis(t);
      const candidate = await started(server, { kind, redis: `${server.url}/${db}` });
      const observer = await client(t, server);
      await observer.select(db);
      assert.deepEqual((await observer.keys('*')).sort(), Object.values<string>(keys).sort());

      const own = channels.instance.replace(instance, candidate.id);
      const { election, registry, all, leader, followers, requests } = channels;
      const listened = () => observer.pubSubChannels();
      await eventually(async () => {
        // Whoever leads heeds no announcement.
        assert.deepEqual((await listened()).sort(), [all, own, leader, registry, requests].sort());
        return true;
      });
      const follower = await started(server, { kind, redis: `${server.url}/${db}` });
      assert.ok((await listened()).includes(election));
      assert.ok((await listened()).includes(followers));
      assert.ok((await listened()).includes(channels.instance.replace(instance, follower.id)));
    });
  }

  test('the register: a hash of texts, without expiry', async (t) => {
    const server = await redis(t);
    const candidate = await started(server);
    const register = await hash(server, names.keys.register);
    const { fields } = fixture('registers').accepted[0];
    assert.deepEqual(Object.keys(register).sort(), [...Object.keys(fields), 'presence'].sort());
    assert.match(register.holder!, new RegExp(`^${candidate.id}:[0-9a-f]{16}$`));
    assert.equal(register.term, String(candidate.currentTerm));
    assert.match(register.beat!, /^\d+$/);
    assert.match(register.stamp!, /^[0-9a-f]{16}$/);
    assert.equal(register.server, await identity(server));
    assert.equal(register.lease, '200');
    assert.equal(register.heir, '');
    assert.equal(register.presence, '');
    assert.equal(await server.cli('PTTL', names.keys.register), -1);

    const later = await eventually(async () => {
      const now = await hash(server, names.keys.register);
      return now.beat !== register.beat && now;
    });
    assert.ok(Number(later.beat) > Number(register.beat));
    assert.notEqual(later.stamp, register.stamp);
    assert.equal(later.holder, register.holder);
    assert.equal(later.term, register.term);
  });

  test('the registry: a record, the time it was last heard of, and a revision', async (t) => {
    const server = await redis(t);
    const candidate = await started(server, { meta: 'blue' });
    const { instances, seen, revision, register } = names.keys;
    const records = await hash(server, instances);
    assert.deepEqual(Object.keys(records), [candidate.id]);
    const record = records[candidate.id]!;
    sameForm(record, written('instances', 'since: when the run began').body);
    const { holder } = await hash(server, register);
    const { since, ...others } = JSON.parse(record);
    assert.deepEqual(others, { v: 1, id: candidate.id, holder, meta: 'blue' });
    assert.ok(Math.abs(Date.now() - since) < 60_000, `${since}`);

    const [id, score] = await server.cli('ZRANGE', seen, 0, -1, 'WITHSCORES');
    assert.equal(id, candidate.id);
    const [seconds] = await server.cli('TIME');
    assert.ok(Math.abs(Number(score) - Number(seconds) * 1000) < 10_000, score);
    assert.match(await server.cli('GET', revision), /^\d{16}$/);
    for (const key of [instances, seen, revision]) assert.equal(await server.cli('PTTL', key), -1);

    await candidate.stop();
    assert.deepEqual(await server.cli('KEYS', '*'), [register]);
  });

  test('announcements of the election', async (t) => {
    const server = await redis(t);
    const heard = await listen(t, server, names.channels.election);
    const candidate = await started(server);
    await eventually(() => heard.length >= 3);
    const beats = heard.map(String);
    for (const body of beats) sameForm(body, written('announcements', 'a renewal').body);
    const parsed = beats.map((body) => JSON.parse(body));
    assert.deepEqual(
      parsed.map(({ beat }) => beat),
      parsed.map((_, index) => index),
      'the take is beat 0',
    );
    assert.equal(new Set(parsed.map(({ stamp }) => stamp)).size, parsed.length);
    assert.ok(parsed.every(({ term }) => term === candidate.currentTerm));

    const term = candidate.currentTerm;
    await candidate.stop();
    await eventually(() => String(heard.at(-1)).includes('vacancy'));
    const vacancy = String(heard.at(-1));
    sameForm(vacancy, written('announcements', 'a vacancy without an heir').body);
    const { stamp } = await hash(server, names.keys.register);
    assert.deepEqual(JSON.parse(vacancy), { v: 1, type: 'vacancy', term, stamp, heir: '' });
  });

  test('announcements of the registry', async (t) => {
    const server = await redis(t);
    const heard = await listen(t, server, names.channels.registry);
    const candidate = await started(server, { meta: 'blue' });
    const [entered] = heard.map(String);
    sameForm(
      entered!,
      written('registry-changes', 'an instance enters, and says when its run began').body,
    );
    const { revision, enrolled } = JSON.parse(entered!);
    assert.equal(String(revision), await server.cli('GET', names.keys.revision));
    assert.equal(
      JSON.stringify(enrolled),
      (await hash(server, names.keys.instances))[candidate.id],
    );

    await candidate.stop();
    await eventually(() => heard.length === 2);
    sameForm(
      String(heard[1]),
      written('registry-changes', 'an instance leaves, or was swept').body,
    );
    assert.deepEqual(JSON.parse(String(heard[1])), {
      v: 1,
      revision: revision + 1,
      left: candidate.id,
    });
  });

  test('messages, byte for byte', async (t) => {
    const server = await redis(t);
    const candidate = await started(server);
    const { holder } = await hash(server, names.keys.register);
    const heard = await listen(t, server, names.channels.all);
    const expected: Buffer[] = [];
    for (const { body, means } of fixture('messages').accepted.filter(isSendable)) {
      await candidate.messageAll(valueOf(means));
      const example = bytes(body).toString('latin1');
      const envelope = example
        .replace(means.from, holder!)
        .replace(`"term":${means.term}`, `"term":${candidate.currentTerm}`)
        .replace(`"leads":${means.leads}`, '"leads":true')
        .replace(`"seq":${means.seq}`, `"seq":${expected.length + 1}`);
      expected.push(Buffer.from(envelope, 'latin1'));
    }
    await eventually(() => heard.length === expected.length);
    assert.ok(expected.length >= 10);
    heard.forEach((body, index) =>
      assert.ok(body.equals(expected[index]!), String(expected[index])),
    );
  });

  test('messages in JSON that are sent without a pause share an envelope', async (t) => {
    const server = await redis(t);
    const candidate = await started(server);
    const { holder } = await hash(server, names.keys.register);
    const heard = await listen(t, server, names.channels.all);
    const [{ body, means }] = fixture('messages').several;
    const messages: string[] = means.messages;
    await Promise.all(messages.map((message) => candidate.messageAll(JSON.parse(message))));
    await eventually(() => heard.length === 1);
    const expected = (body as string)
      .replace(means.from, holder!)
      .replace(`"term":${means.term}`, `"term":${candidate.currentTerm}`)
      .replace(`"seq":${means.seq}`, '"seq":1');
    assert.equal(String(heard[0]), expected);
    await candidate.messageAll('next');
    await eventually(() => heard.length === 2);
    assert.equal(JSON.parse(String(heard[1]).split('\n')[0]!).seq, messages.length + 1);
  });

  test('each addressee has a channel, and each channel a count of its own', async (t) => {
    const server = await redis(t);
    const candidate = await started(server);
    const { all, leader, followers, instance } = names.channels;
    const channels: string[] = [all, leader, followers, instance];
    const heard = await Promise.all(channels.map((channel) => listen(t, server, channel)));
    for (const message of ['a', 'b']) {
      await candidate.messageAll(message);
      await candidate.messageLeader(message);
      await candidate.messageFollowers(message);
      await candidate.messageTo(names.instance, message);
    }
    for (const bodies of heard) {
      await eventually(() => bodies.length === 2);
      const envelopes = bodies.map((body) => JSON.parse(String(body).split('\n')[0]!));
      assert.deepEqual(
        envelopes.map(({ seq }) => seq),
        [1, 2],
      );
    }
  });
});

describe('what is written by hand', () => {
  test('messages arrive, and what is malformed does not', async (t) => {
    const server = await redis(t);
    const candidate = await started(server);
    const events = collect(candidate, ['message']);
    const observer = await client(t, server);
    const { accepted, several, refused } = fixture('messages');
    for (const { body } of [...refused, ...accepted, ...several])
      await observer.publish(names.channels.all, bytes(body) as unknown as string);
    const expected = [...accepted, ...several].flatMap(({ means }: Case) =>
      valuesOf(means).map((message) => ({
        message: withoutProto(message),
        from: means.from.split(':')[0],
      })),
    );
    await eventually(() => events.events.length >= expected.length);
    const messages = events.of('message').map(([payload]) => payload);
    assert.deepEqual(messages, expected);
  });

  test('a message reaches one instance under its name', async (t) => {
    const server = await redis(t);
    const candidate = await started(server);
    const events = collect(candidate);
    const [{ body }] = fixture('messages').accepted;
    await server.cli(
      'PUBLISH',
      names.channels.instance.replace(names.instance, candidate.id),
      body,
    );
    const { args } = await events.first('message');
    assert.deepEqual(args, [{ message: { hello: 'world' }, from: names.instance }]);
  });

  test('changes of the registry are told, and what is malformed is not', async (t) => {
    const server = await redis(t);
    const candidate = await started(server);
    const events = collect(candidate, ['joined', 'left']);
    const { registry } = names.channels;
    for (const { body } of fixture('registry-changes').refused as Case[])
      await server.cli('PUBLISH', registry, bytes(body).toString());

    const present = Number(await server.cli('GET', names.keys.revision));
    const announce = (situation: string, revision: number) => {
      const { body, means } = written('registry-changes', situation);
      const dated = body.replace(`"revision":${means.revision}`, `"revision":${revision}`);
      return server.cli('PUBLISH', registry, dated);
    };
    const stranger = { id: names.instance, meta: 'blue', state: 'follower' };
    await announce('an instance enters, or replaces its record', present + 1);
    assert.deepEqual((await events.first('joined')).args, [stranger]);
    await announce('an instance leaves, or was swept', present + 2);
    assert.deepEqual((await events.first('left')).args, [stranger]);
    assert.deepEqual(events.names(), ['joined', 'left']);
  });

  test('malformed announcements change nothing', async (t) => {
    const server = await redis(t);
    const [leader, follower] = [await started(server), await started(server)];
    const term = leader.currentTerm;
    const events = [leader, follower].map((candidate) =>
      collect(candidate, ['statechange', 'elected', 'defeated', 'leader']),
    );
    const observer = await client(t, server);
    for (const { body } of fixture('announcements').refused as Case[])
      await observer.publish(names.channels.election, bytes(body) as unknown as string);
    const { beat } = await hash(server, names.keys.register);
    await eventually(async () => {
      const register = await hash(server, names.keys.register);
      return Number(register.beat) > Number(beat) + 5;
    });
    assert.ok(leader.isLeader());
    assert.equal(follower.currentTerm, term);
    for (const { events: heard } of events) assert.deepEqual(heard, []);
  });

  test('a register by hand has a leader, whose vacancy is taken', async (t) => {
    const server = await redis(t);
    const observer = await client(t, server);
    const { fields } = fixture('registers').accepted[0];
    const vacancy = written('announcements', 'a vacancy without an heir');
    const { register } = names.keys;
    // The holder is silent, so it is given time.
    await observer.hSet(register, {
      ...fields,
      stamp: '0123456789abcdef',
      server: await identity(server),
      lease: '600000',
    });
    const candidate = await started(server, { leaseMs: 600_000 });
    assert.equal(await candidate.waitForLeader(), names.instance);
    assert.equal(candidate.currentTerm, Number(fields.term));

    const events = collect(candidate);
    await observer.hSet(register, { holder: '', stamp: vacancy.means.stamp });
    await observer.publish(names.channels.election, vacancy.body);
    const { args } = await events.first('elected');
    assert.ok(args[0].term > Number(fields.term));
    assert.equal((await hash(server, register)).term, String(args[0].term));
  });
});

describe('the scripts', () => {
  const peek = ['server', 'prologue', 'register', 'record', 'peek']
    .map((name) => text(`src/medium/redis/lua/${name}.lua`))
    .join('\n');
  const { register } = names.keys;
  const stamp = '0011223344556677';

  /** What the script answers, part by part. */
  async function peeked(server: RedisServer) {
    const answer: string[] = await server.cli(
      'EVAL',
      peek,
      1,
      register,
      stamp,
      names.channels.election,
    );
    const parts =
      'granted missing identity holder term beat stamp server lease heir presence stands'.split(
        ' ',
      );
    assert.equal(answer.length, parts.length);
    return Object.fromEntries(parts.map((part, index) => [part, answer[index]]));
  }

  async function plant(server: RedisServer, fields: Record<string, Body>) {
    await server.cli('DEL', register);
    const words = Object.entries(fields).flatMap(([name, value]) => [name, String(bytes(value))]);
    await server.cli('HSET', register, ...words);
  }

  test('read a register as it is documented, and leave what they do not know', async (t) => {
    const server = await redis(t);
    for (const { situation, fields } of fixture('registers').accepted) {
      await plant(server, fields);
      const { region, presence: tagged = '', ...known } = fields;
      const presence = tagged.split(':').at(-1);
      // Nobody has subscribed its channel.
      const stands = presence && '0';
      assert.deepEqual(
        await peeked(server),
        {
          granted: '0',
          missing: '0',
          identity: await identity(server),
          ...known,
          presence,
          stands,
        },
        situation,
      );
      assert.deepEqual(await hash(server, register), fields, situation);
    }
  });

  test('put a placeholder where the register is missing, malformed or of another type', async (t) => {
    const server = await redis(t);
    const present = await identity(server);
    const placeholder = fixture('registers').accepted.find(
      (one: Case) => one.situation === 'a placeholder',
    ).fields;
    const check = async (situation: string) => {
      const { granted, missing, identity: under, stands, ...shown } = await peeked(server);
      assert.equal(stands, '', situation);
      assert.deepEqual([granted, missing, under], ['0', '1', present], situation);
      assert.match(shown.stamp!, new RegExp(`^${stamp}-\\d{16}$`), situation);
      assert.deepEqual(shown, { ...placeholder, stamp: shown.stamp, presence: '' }, situation);
      assert.deepEqual(await hash(server, register), shown, situation);
    };
    await check('missing');
    await server.cli('SET', register, 'of another type');
    await check('of another type');
    for (const { situation, fields } of fixture('registers').refused) {
      await plant(server, fields);
      await check(situation);
    }
  });

  test('take away an expiry that somebody set', async (t) => {
    const server = await redis(t);
    await peeked(server);
    await server.cli('PEXPIRE', register, 60_000);
    await peeked(server);
    assert.equal(await server.cli('PTTL', register), -1);
  });
});

test('the rights that PROTOCOL.md lists are enough, and are confined to one kind', async (t) => {
  const server = await redis(t);
  const [, rule] = /```text\n(on >PASSWORD [^`]*)```/.exec(text('PROTOCOL.md'))!;
  const words = rule!
    .replace('PASSWORD', secretOf('service'))
    .replaceAll('KIND', 'orders')
    .trim()
    .split(/\s+/);
  await server.cli('ACL', 'SETUSER', 'service', ...words);
  const login = {
    host: '127.0.0.1',
    port: server.port,
    username: 'service',
    password: secretOf('service'),
  };
  const join = (kind: string) => candidateOn(server, { redis: login, kind });
  const [a, b] = [join('orders'), join('orders')];
  const errors: unknown[] = [];
  for (const candidate of [a, b]) {
    candidate.on('error', (error) => errors.push(error));
    await candidate.start();
  }
  const events = collect(b);
  await a.messageAll('hello');
  await events.first('message');
  assert.equal((await b.getInstances()).length, 2);
  await a.reelect();
  await events.first('elected');
  await a.stop();
  await events.first('left');
  assert.deepEqual(errors, []);
  assert.deepEqual(await server.cli('ACL', 'LOG'), []);

  const stranger = join('payments');
  const refusals = collect(stranger, ['error']);
  stranger.start().catch(() => {});
  const { args } = await refusals.first('error');
  assert.equal(args[0].code, 'ERR_REDIS_REFUSED');
});

/** What a message is in JavaScript. */
function valueOf({ format, message }: { format: string; message: Body }): unknown {
  if (format === 'undefined') return undefined;
  return format === 'bytes' ? bytes(message) : JSON.parse(String(bytes(message)));
}

/** What is told of a case: one message, or several. */
function valuesOf(means: any): unknown[] {
  if (means.format !== 'lines') return [valueOf(means)];
  return means.messages.map((message: string) => JSON.parse(message));
}

/** Whether JavaScript can say this message in these very bytes. */
function isSendable({ written: isWritten, means }: Case): boolean {
  if (!isWritten || means.format !== 'json') return Boolean(isWritten);
  return JSON.stringify(valueOf(means)) === String(bytes(means.message));
}

function withoutProto(value: any): unknown {
  if (value !== null && typeof value === 'object') delete value['__proto__'];
  return value;
}
