// Messages: who gets them, with which events, which values pass, and in which order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Candidate } from 'incumbent';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, onEachMedium } from './fixtures/fleet.ts';

const MESSAGE_EVENTS = ['message', 'message:from:leader', 'message:from:follower'];

const LAST = 'the last one';

/** What each candidate hears of messages, as [event, message], until all that was sent before has arrived. */
function hearing(...candidates: Candidate[]) {
  const heard = candidates.map((candidate) => collect(candidate, MESSAGE_EVENTS));
  return async () => {
    // Nobody hears its own: with two senders, everybody hears a last message.
    for (const sender of candidates.slice(0, 2)) await sender.messageAll(LAST);
    for (const each of heard) await each.first('message', ({ message }) => message === LAST);
    return heard.map(({ events }) =>
      events
        .map(({ name, args }) => [name, args[0].message])
        .filter(([, message]) => message !== LAST),
    );
  };
}

onEachMedium((place) => {
  test('message carries { message, from }, and the role event follows it with the same', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const heard = collect(follower!, MESSAGE_EVENTS);
    await leader.messageAll({ job: 1 });
    await heard.first('message:from:leader');
    assert.deepEqual(heard.names(), ['message', 'message:from:leader']);
    for (const { args } of heard.events) {
      assert.deepEqual(args, [{ message: { job: 1 }, from: leader.id }]);
    }
  });

  test('a message to all reaches all but its sender; the role event tells of the leader alone', async (t) => {
    const [leader, one, two] = await new Fleet(t, place()).lead(2);
    const messages = hearing(leader, one!, two!);
    await leader.messageAll('from the leader');
    await one!.messageAll('from a follower');
    assert.deepEqual(await messages(), [
      [['message', 'from a follower']],
      [
        ['message', 'from the leader'],
        ['message:from:leader', 'from the leader'],
      ],
      [
        ['message', 'from the leader'],
        ['message:from:leader', 'from the leader'],
        ['message', 'from a follower'],
      ],
    ]);
  });

  test('a message to the followers reaches all of them but its sender, and not the leader', async (t) => {
    const [leader, one, two] = await new Fleet(t, place()).lead(2);
    const messages = hearing(leader, one!, two!);
    await leader.messageFollowers(1);
    await one!.messageFollowers(2);
    const fromLeader = [
      ['message', 1],
      ['message:from:leader', 1],
    ];
    assert.deepEqual(await messages(), [[], fromLeader, [...fromLeader, ['message', 2]]]);
  });

  test('a message to the leader reaches it alone, as from a follower; its own is not echoed', async (t) => {
    const [leader, one, two] = await new Fleet(t, place()).lead(2);
    const messages = hearing(leader, one!, two!);
    await one!.messageLeader('work');
    await leader.messageLeader('own');
    assert.deepEqual(await messages(), [
      [
        ['message', 'work'],
        ['message:from:follower', 'work'],
      ],
      [],
      [],
    ]);
  });

  test('a message to an id reaches that instance, with the event of its sender where one is due', async (t) => {
    const [leader, one, two] = await new Fleet(t, place()).lead(2);
    const messages = hearing(leader, one!, two!);
    await one!.messageTo(leader.id, 'to the leader');
    await leader.messageTo(one!.id, 'from the leader');
    await one!.messageTo(two!.id, 'between followers');
    await one!.messageTo(one!.id, 'to myself');
    assert.deepEqual(await messages(), [
      [
        ['message', 'to the leader'],
        ['message:from:follower', 'to the leader'],
      ],
      [
        ['message', 'from the leader'],
        ['message:from:leader', 'from the leader'],
      ],
      [['message', 'between followers']],
    ]);
  });

  test('any JSON value passes as it is, and undefined arrives as undefined', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const values = [
      null,
      '',
      'text',
      0,
      -1.5,
      1e300,
      true,
      false,
      [],
      [1, [2, [null]]],
      {},
      { deep: { er: ['x', { y: null }] } },
      undefined,
    ];
    const heard = collect(follower!, ['message']);
    for (const value of values) await leader.messageAll(value);
    await eventually(() => heard.events.length === values.length);
    assert.deepEqual(
      heard.of('message').map(([payload]) => payload),
      values.map((message) => ({ message, from: leader.id })),
    );
  });

  test('BigInt and circular values reject, by each of the four methods', async (t) => {
    const [leader] = await new Fleet(t, place()).lead(0);
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const wrong of [1n, { big: 1n }, circular]) {
      await assert.rejects(leader.messageAll(wrong));
      await assert.rejects(leader.messageLeader(wrong));
      await assert.rejects(leader.messageFollowers(wrong));
      await assert.rejects(leader.messageTo(leader.id, wrong));
    }
  });

  test('the order is kept over all four kinds of message', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const atFollower = collect(follower!, ['message']);
    const atLeader = collect(leader, ['message']);
    for (let round = 0; round < 25; round++) {
      // None is awaited: all are under way at once.
      void leader.messageAll(3 * round);
      void leader.messageFollowers(3 * round + 1);
      void leader.messageTo(follower!.id, 3 * round + 2);
      void follower!.messageAll(3 * round);
      void follower!.messageLeader(3 * round + 1);
      void follower!.messageTo(leader.id, 3 * round + 2);
    }
    const expected = Array.from({ length: 75 }, (_, number) => number);
    for (const heard of [atFollower, atLeader]) {
      await eventually(() => heard.events.length === expected.length);
      assert.deepEqual(
        heard.of('message').map(([{ message }]) => message),
        expected,
      );
    }
  });

  test('every method resolves to undefined, also for an unknown id, the own id and an empty one', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    for (const sender of [leader, follower!]) {
      assert.equal(await sender.messageAll(1), undefined);
      assert.equal(await sender.messageLeader(1), undefined);
      assert.equal(await sender.messageFollowers(1), undefined);
      for (const id of [leader.id, follower!.id, sender.id, 'nobody', '']) {
        assert.equal(await sender.messageTo(id, 1), undefined);
      }
    }
  });
});
