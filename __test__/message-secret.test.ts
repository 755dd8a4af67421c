// Messages under a shared secret. The forger has all rights in Redis, and all that was ever published, but not the secret. What members
// sign is also computed here, as PROTOCOL.md says it, by another implementation of HMAC.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import type { Candidate } from 'incumbent';
import { secretOf } from './fixtures/canary.ts';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, onEachMedium } from './fixtures/fleet.ts';
import { startRedis } from './fixtures/redis-server.ts';

const secret = secretOf('a secret of all instances');
const another = Buffer.from(secretOf('another secret'));

onEachMedium((place) => {
  test('members with the same secret hear all that each other sends', async (t) => {
    const fleet = new Fleet(t, { ...place(), kind: 'members', messageSecret: secret });
    const [leader, follower] = await fleet.lead(1);
    const heard = collect(follower!, ['message', 'message:from:leader']);
    const messages = ['text', { a: [1, null] }, Buffer.from([0, 255]), undefined, 'x'.repeat(1e6)];
    for (const message of messages) await leader.messageAll(message);
    await leader.messageTo(follower!.id, 'to one');
    await leader.messageFollowers('to followers');
    // Sent without a pause, so that they share an envelope.
    await Promise.all([1, 2, 3].map((number) => leader.messageAll(number)));
    await heard.first('message:from:leader', ({ message }) => message === 3);
    const received = heard.events.filter(({ name }) => name === 'message');
    assert.deepEqual(
      received.map(({ args }) => args[0].message),
      [...messages, 'to one', 'to followers', 1, 2, 3],
    );
    const toLeader = collect(leader, ['message:from:follower']);
    await follower!.messageLeader('to the leader');
    await toLeader.first('message:from:follower', ({ message }) => message === 'to the leader');
    assert.equal(follower!.stats().messages.unauthenticated, 0);
  });

  test('what a member without the secret sends is dropped, counted and told once; it hears the others', async (t) => {
    const kind = 'mixed';
    const fleet = new Fleet(t, { ...place(), kind });
    const warnings = warningsOf(t);
    const member = await fleet.start({ messageSecret: secret });
    const stranger = await fleet.start();
    const wrong = await fleet.start({ messageSecret: another });
    const heard = collect(member, ['message']);
    const overheard = collect(stranger, ['message']);
    for (const sender of [stranger, wrong, stranger]) await sender.messageAll('not genuine');
    await eventually(() => member.stats().messages.unauthenticated === 3);
    await member.messageAll('genuine');
    await overheard.first('message', ({ message }) => message === 'genuine');
    assert.deepEqual(heard.events, []);
    // The two that have a secret tell it once each, though three messages were dropped.
    const told = () => warnings.filter(({ code }) => code === 'WARN_MESSAGE_DROPPED');
    await eventually(() => told().length === 2);
    assert.ok(told().every(({ message }) => message.includes('without authentication')));
  });

  test('a secret is replaced one instance after the other, and no message is lost', async (t) => {
    const fleet = new Fleet(t, { ...place(), kind: 'replaced' });
    const stages = [[secret], [secret, another], [another, secret], [another]];
    for (const [index, older] of stages.slice(0, -1).entries()) {
      const newer = stages[index + 1]!;
      const [one, other] = await Promise.all(
        [older, newer].map((messageSecret) => fleet.start({ messageSecret })),
      );
      await exchange(one!, other!);
      await Promise.all([one!.stop(), other!.stop()]);
    }
  });
});

async function exchange(one: Candidate, other: Candidate) {
  for (const [sender, receiver] of [
    [one, other],
    [other, one],
  ]) {
    const heard = collect(receiver!, ['message']);
    await sender!.messageAll('over the change');
    await heard.first('message', ({ message }) => message === 'over the change');
  }
}

test('what a forger publishes is not heard: plain, changed, moved, repeated, ahead or too old', async (t) => {
  const { receiver, publish, recorded } = await stage(t);
  const heard = collect(receiver, ['message', 'gap']);
  const [genuine] = recorded;
  const [line, body] = split(genuine!);
  const envelope = JSON.parse(line);
  const { at, mac, ...plain } = envelope;
  const minute = 60_000_000;
  const forgeries = [
    `${JSON.stringify(plain)}\n${body}`,
    `${line}\n"other"`,
    `${line.replace('"seq":1', '"seq":2')}\n${body}`,
    `${line.replace('"leads":true', '"leads":false')}\n${body}`,
    `${line.replace(`"at":${at}`, `"at":${at + 1}`)}\n${body}`,
    `${line.replace(mac, mac.toUpperCase())}\n${body}`,
    `${line.slice(0, -1)},"mac":"${'0'.repeat(64)}"}\n${body}`,
    `${line} \n${body}`,
    genuine!,
    // By one who knows the secret, but not the time.
    signed({ ...plain, at: at - 2 * minute }, 'all', body),
    signed({ ...plain, at: at + 2 * minute }, 'all', body),
    signed({ ...plain, at: at + 1 }, 'leader', body),
  ];
  for (const forgery of forgeries) await publish('all', forgery);
  for (const channel of ['leader', 'followers', `instance:${receiver.id}`]) {
    await publish(channel, genuine!);
  }
  const dropped = forgeries.length + 2;
  await eventually(() => {
    const { unauthenticated } = receiver.stats().messages;
    assert.equal(unauthenticated, dropped);
    return true;
  });
  assert.deepEqual(heard.events, []);
});

test('who has the secret and follows PROTOCOL.md is heard', async (t) => {
  const { receiver, publish } = await stage(t);
  const heard = collect(receiver, ['message']);
  const from = `${'0'.repeat(24)}:0000000000000001`;
  const envelope = { v: 1, from, term: 1, leads: false, seq: 1, format: 'json' };
  await publish('all', signed({ ...envelope, at: Date.now() * 1000 }, 'all', '{"é":[1]}'));
  await heard.first('message', ({ message }) => message.é?.[0] === 1);
});

test('what was sent to the last run is not heard in the next', async (t) => {
  const { receiver, publish, recorded } = await stage(t);
  await receiver.stop();
  await receiver.start();
  const heard = collect(receiver, ['message']);
  for (const message of recorded) await publish('all', message);
  await eventually(() => receiver.stats().messages.unauthenticated === recorded.length);
  assert.deepEqual(heard.events, []);
});

/** A member that has heard messages of another, which were recorded on the way. */
async function stage(t: TestContext) {
  warningsOf(t);
  const redis = await startRedis();
  t.after(() => redis.stop());
  const forger = await redis.client();
  const tap = await redis.client();
  t.after(() => [forger, tap].forEach((client) => client.destroy()));
  const recorded: string[] = [];
  await tap.subscribe(channelOf('all'), (message) => recorded.push(message));
  const fleet = new Fleet(t, { redis: redis.url, kind: 'orders', messageSecret: secret });
  const [sender, receiver] = await fleet.lead(1);
  const heard = collect(receiver!, ['message']);
  for (const message of ['first', 'second']) {
    await sender.messageAll(message);
    await heard.first('message', ({ message: received }) => received === message);
  }
  await eventually(() => recorded.length === 2);
  const publish = (channel: string, payload: string) => forger.publish(channelOf(channel), payload);
  return { receiver: receiver!, publish, recorded: [...recorded] };
}

const channelOf = (name: string) => `incumbent:{orders}:0:${name}`;

function split(payload: string): [line: string, body: string] {
  const end = payload.indexOf('\n');
  return [payload.slice(0, end), payload.slice(end + 1)];
}

/** A message as PROTOCOL.md says. */
function signed(envelope: object, channel: string, body: string): string {
  const name = channelOf(channel);
  const head = JSON.stringify(envelope).slice(0, -1);
  const covered = `incumbent message ${name.length} ${name}\n${head}\n${body}`;
  const mac = createHmac('sha256', secret).update(covered).digest('hex');
  return `${head},"mac":"${mac}"}\n${body}`;
}

function warningsOf(t: TestContext): (Error & { code?: string })[] {
  const warnings: Error[] = [];
  const listener = (warning: Error) => warnings.push(warning);
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  return warnings;
}
