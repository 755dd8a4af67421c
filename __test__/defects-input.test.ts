// Hostile and odd input: junk on every channel and key, forged terms, kinds and ids that look like something else.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Candidate } from 'incumbent';
import { candidateEvents } from './fixtures/candidate-events.cjs';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, onEachMedium, theLeader } from './fixtures/fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { readRegister, registerKey, renewals } from './fixtures/register.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const limit = 2 ** 53;
const deep = '['.repeat(100_000);
const envelope = (fields: object) =>
  JSON.stringify({
    ...{ v: 1, from: 'stranger:0000000000000001', term: 1, leads: false, seq: 1, format: 'json' },
    ...fields,
  });

const junk: (string | Buffer)[] = [
  '',
  'not JSON',
  'null',
  '[]',
  '{}',
  '"text"',
  '\0',
  Buffer.from([0xff, 0xfe, 0x80]),
  deep,
  `{"a":${deep}`,
  'x'.repeat(3 << 20),
  '{"__proto__":{"polluted":true}}',
  JSON.stringify({ v: 2, type: 'heartbeat', holder: 'x:1', term: 1, beat: 1, stamp: 's' }),
  JSON.stringify({ v: 1, type: 'heartbeat', holder: 7, term: 'many', beat: null, stamp: {} }),
  JSON.stringify({ v: 1, type: 'heartbeat', holder: 'no colon', term: 1, beat: 1, stamp: 's' }),
  JSON.stringify({ v: 1, revision: -1, left: 'x' }),
  JSON.stringify({ v: 1, revision: 1, enrolled: { id: 7 } }),
  JSON.stringify({ v: 1, revision: 1, left: {} }),
  `${envelope({})}\nnot JSON`,
  `${envelope({})}\n${deep}`,
  `${envelope({ v: 2 })}\n1`,
  `${envelope({ from: '' })}\n1`,
  `${envelope({ seq: -1 })}\n1`,
  `${envelope({ format: 'yaml' })}\n1`,
  `${envelope({ format: 'undefined' })}\n1`,
  envelope({}),
];

async function channelsOf(kind: string): Promise<string[]> {
  const channels: string[] = await redis.cli('PUBSUB', 'CHANNELS', `incumbent:{${kind}}*`);
  // Election, registry, all, leader, followers, requests, and one for each of two instances.
  assert.equal(channels.length, 8);
  return channels;
}

/** All is well with a leader and a follower: they know each other, and messages pass both ways. */
async function assertWell(leader: Candidate, follower: Candidate) {
  assert.equal(leader.isLeader(), true);
  for (const one of [leader, follower]) {
    await eventually(async () => (await one.getInstances()).length === 2);
    assert.equal((await one.getLeader())!.id, leader.id);
  }
  const atLeader = collect(leader, ['message']);
  const atFollower = collect(follower, ['message']);
  await leader.messageFollowers('down');
  await follower.messageLeader('up');
  assert.deepEqual((await atLeader.first('message')).args, [{ message: 'up', from: follower.id }]);
  assert.deepEqual((await atFollower.first('message')).args, [
    { message: 'down', from: leader.id },
  ]);
}

test('junk on every channel is ignored', async (t) => {
  const [leader, follower] = await new Fleet(t, { redis: redis.url }).lead(1);
  await follower!.getInstances();
  const heard = [leader, follower!].map((one) => collect(one, [...candidateEvents, 'error']));
  const client = await redis.client();
  t.after(() => client.destroy());
  for (const channel of await channelsOf('orders')) {
    for (const payload of junk) await client.sendCommand(['PUBLISH', channel, payload]);
  }
  await renewals(redis, 'orders', 6);
  assert.deepEqual(
    heard.flatMap((collection) => collection.names()),
    [],
  );
  await assertWell(leader, follower!);
  assert.equal(({} as any).polluted, undefined);
});

test('junk in the place of every key gives way', async (t) => {
  const [leader, follower] = await new Fleet(t, { redis: redis.url }).lead(1);
  const elections = [leader, follower!].map((one) => collect(one, ['elected', 'defeated']));
  const key = (name: string) => `incumbent:{orders}:${name}`;
  const writes = [
    ...['register', 'instances', 'seen', 'revision'].flatMap((name) => [
      ['SET', key(name), 'text'],
      ['DEL', key(name)],
      ['RPUSH', key(name), 'a list'],
      ['DEL', key(name)],
      ['HSET', key(name), 'stranger', '{"id":7}', 'other', deep.slice(0, 1000)],
      ['EXPIRE', key(name), '1000'],
      ['DEL', key(name)],
      ['ZADD', key(name), '1', 'stranger'],
    ]),
    ['HSET', key('instances'), 'stranger', 'not JSON', '', '{}'],
  ];
  for (const write of writes) {
    await redis.cli(...write).catch(() => {});
    if (write[0] !== 'DEL') await renewals(redis, 'orders', 1);
  }
  await assertWell(leader, follower!);
  assert.deepEqual(
    elections.flatMap((collection) => collection.names()),
    [],
  );
});

test('forged announcements cost nobody the leadership, and end no election', async (t) => {
  const [leader, follower] = await new Fleet(t, { redis: redis.url }).lead(1);
  const elections = [leader, follower!].map((one) => collect(one, ['elected', 'defeated']));
  const election = (await channelsOf('orders')).find((name) => name.endsWith('election'))!;
  const { holder, term, beat, stamp } = await readRegister(redis, 'orders');
  const forged = [
    ...[term, term + 1, 2 ** 52 - 1, 2 ** 52, limit - 1, limit, 1e300].flatMap((forgedTerm) => [
      { type: 'heartbeat', holder: 'stranger:1', term: forgedTerm, beat: 1, stamp: 'f' },
      { type: 'heartbeat', holder, term: forgedTerm, beat: limit, stamp: 'f' },
      { type: 'vacancy', term: forgedTerm, stamp: 'f', heir: '' },
      { type: 'vacancy', term: forgedTerm, stamp, heir: follower!.id },
    ]),
    { type: 'heartbeat', holder, term, beat: beat + 1000, stamp: 'f' },
  ];
  for (const body of forged)
    await redis.cli('PUBLISH', election, JSON.stringify({ v: 1, ...body }));
  await renewals(redis, 'orders', 7);
  assert.deepEqual(
    elections.flatMap((collection) => collection.names()),
    [],
  );
  assert.equal(follower!.currentTerm, term);

  await leader.stop();
  await eventually(() => follower!.isLeader());
  assert.ok(follower!.currentTerm > term && follower!.currentTerm < 2 ** 52);
});

test('a forged term in the register ends no election', async (t) => {
  const fleet = new Fleet(t, { kind: 'poisoned', redis: redis.url });
  const members = await fleet.lead(1);
  for (const term of [
    limit,
    limit - 1,
    2 ** 52 - 1,
    '9'.repeat(30),
    '-1',
    'many',
    '1e400',
    '2.5',
    '',
  ]) {
    const leader = await theLeader(members);
    await redis.cli('HSET', registerKey('poisoned'), 'term', term);
    await renewals(redis, 'poisoned', 2);
    const next = await theLeader(members);
    assert.equal(next, leader, `term ${term}`);
    assert.ok(next.currentTerm < 2 ** 52 - 1, `term ${term}`);
  }
  await members[0].reelect();
  await theLeader(members);
});

const kinds = [
  ...['svc', 'svc:a', 'svc*', 'svcother', 'svc?', 'svcx', '[s]vc', 'svc:leader', 'svc:followers'],
  ...['', '%', '%25', ' ', '{svc}', '}', 'svc}', 'SVC', 's\0vc', 's vc', 's%20vc', 'é', 'e\u0301'],
  ...['leader', '0:all', 'svc}:0:all', 'x'.repeat(128)],
];

onEachMedium((place) => {
  test('kinds that look alike, started together, have each a leader of their own and hear nothing of each other', async (t) => {
    const fleet = new Fleet(t, place());
    const all = await Promise.all(kinds.map((kind) => fleet.start({ kind })));
    const heard = all.map((one) => collect(one, ['message']));
    for (const one of all) {
      assert.equal(one.isLeader(), true);
      assert.deepEqual(await one.getInstances(), [{ id: one.id, meta: '', state: 'leader' }]);
    }
    for (const one of all) {
      await one.messageAll('to all');
      await one.messageFollowers('to the followers');
      await one.messageLeader('to the leader');
      for (const id of ['leader', 'followers', 'all', '*', ':', '']) await one.messageTo(id, id);
      for (const other of all) if (other !== one) await one.messageTo(other.id, 'by its id');
    }
    // What was to arrive has arrived when the message of a second member does.
    for (const [index, kind] of kinds.entries()) {
      const second = await fleet.start({ kind });
      await second.messageAll(kind);
      await heard[index]!.first('message');
      assert.deepEqual(heard[index]!.of('message'), [[{ message: kind, from: second.id }]]);
    }
  });

  test('a message to the id "leader" or "followers" hits no role', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const heard = [leader, follower!].map((one) => collect(one, ['message']));
    for (const id of ['leader', 'followers', 'all', 'election', 'registry', '%', '*']) {
      await leader.messageTo(id, id);
      await follower!.messageTo(id, id);
    }
    await leader.messageAll('last');
    await follower!.messageAll('last');
    for (const each of heard) {
      await each.first('message');
      assert.deepEqual(
        each.of('message').map(([{ message }]) => message),
        ['last'],
      );
    }
  });
});
