// Option `migrate`: messages between instances of node-raft-redis, played by their rules, and those of Incumbent.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import type { Candidate } from 'incumbent';
import { eventually } from './fixtures/eventually.ts';
import { MixedFleet } from './fixtures/mixed-fleet.ts';
import { OldInstance } from './fixtures/old-instance.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

describe('messages', { concurrency: 3 }, () => {
  /** What an instance hears, each event as a line. */
  function hear(one: Candidate | OldInstance): string[] {
    const lines: string[] = [];
    for (const name of ['message', 'message:from:leader', 'message:from:follower']) {
      one.on(name as 'message', ({ message, from }: any) => {
        lines.push(`${name} ${JSON.stringify(message)} of ${from}`);
      });
    }
    return lines;
  }

  test('all four kinds pass both ways once, with the events of the roles', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const leader = await fleet.startNew();
    const follower = await fleet.startNew();
    const old = await fleet.startOld();
    const heard = { leader: hear(leader), follower: hear(follower), old: hear(old) };
    for (const [name, one] of Object.entries({ leader, follower, old })) {
      await one.messageAll(`${name} to all`);
      await one.messageLeader(`${name} to the leader`);
      await one.messageFollowers(`${name} to the followers`);
      for (const to of [leader, follower, old]) await one.messageTo(to.id, `${name} to one`);
    }
    const line = (text: string, from: { id: string }, role?: string) => {
      const plain = `message ${JSON.stringify(text)} of ${from.id}`;
      return role ? [plain, plain.replace('message', `message:from:${role}`)] : [plain];
    };
    const byLeader = [
      ...line('leader to all', leader, 'leader'),
      ...line('leader to the followers', leader, 'leader'),
      ...line('leader to one', leader, 'leader'),
    ];
    const byFollower = (name: string, from: { id: string }) => [
      ...line(`${name} to all`, from),
      ...line(`${name} to the followers`, from),
      ...line(`${name} to one`, from),
    ];
    const toLeader = (name: string, from: { id: string }) => [
      ...line(`${name} to all`, from),
      ...line(`${name} to the leader`, from, 'follower'),
      ...line(`${name} to one`, from, 'follower'),
    ];
    const expected = {
      leader: [...toLeader('follower', follower), ...toLeader('old', old)],
      follower: [...byLeader, ...byFollower('old', old)],
      old: [...byLeader, ...byFollower('follower', follower)],
    };
    await eventually(() => assert.deepEqual(heard, expected) ?? true);
    await sleep(100);
    assert.deepEqual(heard, expected, 'and nothing comes twice');
  });

  test('whatever JSON can say arrives, and bytes as their Buffer says of itself', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const [one, old] = [await fleet.startNew(), await fleet.startOld()];
    const received: { one: unknown[]; old: unknown[] } = { one: [], old: [] };
    one.on('message', ({ message }) => received.one.push(message));
    old.on('message', ({ message }) => received.old.push(message));
    const values = [null, '', 0, [1, [2]], { a: { b: null } }, undefined, 'ü "\n"'];
    for (const value of values) {
      await one.messageAll(value);
      await old.messageAll(value);
    }
    await one.messageAll(Buffer.from([0, 255]));
    await eventually(
      () => received.old.length === values.length + 1 && received.one.length === values.length,
    );
    assert.deepEqual(received.one, values);
    assert.deepEqual(received.old, [...values, { type: 'Buffer', data: [0, 255] }]);
  });

  test('the order of a sender is kept over all kinds of messages', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const [one, old] = [await fleet.startNew(), await fleet.startOld()];
    const received: Record<string, unknown[]> = { one: [], old: [] };
    one.on('message', ({ message }) => received.one!.push(message));
    old.on('message', ({ message }) => received.old!.push(message));
    const count = 2000;
    for (let number = 0; number < count; number++) {
      const turn = number % 3;
      if (turn === 0) one.messageAll(number);
      else if (turn === 1) one.messageTo(old.id, number);
      else one.messageFollowers(number);
      if (turn === 0) old.messageAll(number);
      else if (turn === 1) old.messageTo(one.id, number);
      else old.messageLeader(number);
    }
    const all = Array.from({ length: count }, (_, number) => number);
    await eventually(() => received.one!.length === count && received.old!.length === count);
    assert.deepEqual(received, { one: all, old: all });
  });

  test('an id that no old instance can have reaches nobody: no role, and no other kind', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const leader = await fleet.startOld();
    await eventually(() => leader.leads);
    const other = new OldInstance({ url: redis.url, kind: `${fleet.kind}:a` });
    t.after(() => other.stop());
    await other.start();
    await eventually(() => other.leads);
    const follower = await fleet.startOld();
    const one = await fleet.startNew({ eligible: false });
    const heard = [leader, follower, other].map(hear);
    const strange = ['leader', 'followers', 'a:leader', `a:${other.id}`];
    for (const id of strange) await one.messageTo(id, `to ${id}`);
    await one.messageAll('the last');
    await eventually(() => heard[0]!.length === 1 && heard[1]!.length === 1);
    const last = `message "the last" of ${one.id}`;
    assert.deepEqual(heard, [[last], [last], []]);
  });

  test('a megabyte of bytes reaches an old instance, and is nothing malformed to a new one', async (t) => {
    const fleet = new MixedFleet(t, redis.url);
    const [one, two] = [await fleet.startNew(), await fleet.startNew()];
    const old = await fleet.startOld();
    const bytes = randomBytes(1 << 20);
    const received: { two?: Buffer; old?: { data: number[] } } = {};
    two.on('message', ({ message }) => (received.two = message as Buffer));
    old.on('message', ({ message }) => (received.old = message));
    await one.messageAll(bytes);
    await eventually(() => received.two && received.old);
    assert.ok(bytes.equals(received.two!));
    assert.ok(bytes.equals(Buffer.from(received.old!.data)));
    // Behind it on the same channel, so that it has come in.
    await old.messageAll('after');
    await eventually(() => !Buffer.isBuffer(received.two));
    assert.deepEqual([one.stats().malformed, two.stats().malformed], [0, 0]);
  });
});
