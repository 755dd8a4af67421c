// The events of the election, and the order in which they come.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collect } from './fixtures/eventually.ts';
import { Fleet, onEachMedium } from './fixtures/fleet.ts';

const ROLE_EVENTS = ['statechange', 'elected', 'defeated'];

onEachMedium((place) => {
  test('a winner tells candidate, elected, leader; one that leads at once may leave out the first', async (t) => {
    const fleet = new Fleet(t, place());
    const winner = fleet.create();
    const heard = collect(winner, ROLE_EVENTS);
    await winner.start();
    const events = heard.events.map(({ name, args }) => [name, ...args]);
    if (events.length === 3) assert.deepEqual(events.shift(), ['statechange', 'candidate']);
    assert.deepEqual(events, [
      ['elected', { term: winner.currentTerm }],
      ['statechange', 'leader'],
    ]);
  });

  test('inside the listener of elected, the state is leader already', async (t) => {
    const winner = new Fleet(t, place()).create();
    const inside: unknown[] = [];
    winner.on('elected', () => inside.push(winner.state, winner.isLeader()));
    await winner.start();
    assert.deepEqual(inside, ['leader', true]);
  });

  test('an instance that joins under a standing leader tells neither defeated nor statechange', async (t) => {
    const fleet = new Fleet(t, place());
    const [leader] = await fleet.lead(0);
    const joiner = fleet.create();
    const heard = collect(joiner);
    await joiner.start();
    assert.deepEqual(heard.names(...ROLE_EVENTS), []);
    assert.deepEqual(heard.of('leader'), [[leader.id, leader.currentTerm]]);
    assert.equal(joiner.state, 'follower');
  });

  test('a leader that calls reelect() and loses tells defeated with the id of the winner, then follower', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const heard = collect(leader, ROLE_EVENTS);
    await leader.reelect();
    await heard.first('statechange', (state) => state === 'follower');
    assert.deepEqual(
      heard.events.map(({ name, args }) => [name, ...args]),
      [
        ['statechange', 'candidate'],
        ['defeated', follower!.id],
        ['statechange', 'follower'],
      ],
    );
    assert.equal(follower!.state, 'leader');
  });

  test('inside the listener of defeated, the state is follower already', async (t) => {
    const [leader] = await new Fleet(t, place()).lead(1);
    const inside: unknown[] = [];
    leader.on('defeated', () => inside.push(leader.state, leader.isLeader()));
    const heard = collect(leader, ['statechange']);
    await leader.reelect();
    await heard.first('statechange', (state) => state === 'follower');
    assert.deepEqual(inside, ['follower', false]);
  });

  test('a leader that calls reelect() and wins again tells elected again, in a higher term', async (t) => {
    const [leader] = await new Fleet(t, place()).lead(0);
    const before = leader.currentTerm;
    const heard = collect(leader, ROLE_EVENTS);
    await leader.reelect();
    const { args } = await heard.first('elected');
    assert.ok(args[0].term > before);
    assert.equal(leader.currentTerm, args[0].term);
    await heard.first('statechange', (state) => state === 'leader');
    assert.deepEqual(heard.names('defeated'), []);
  });

  test('stepdown() is reelect()', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const heard = collect(follower!);
    await leader.stepdown();
    assert.equal(leader.isLeader(), false);
    await heard.first('elected');
  });

  test('reelect() on a follower, before a start and after a stop resolves without effect', async (t) => {
    const fleet = new Fleet(t, place());
    const [leader, follower] = await fleet.lead(1);
    const heard = [collect(leader, ROLE_EVENTS), collect(follower!, ROLE_EVENTS)];
    assert.equal(await follower!.reelect(), undefined);
    const idle = fleet.create();
    assert.equal(await idle.reelect(), undefined);
    const stopped = await fleet.start();
    await stopped.stop();
    assert.equal(await stopped.reelect(), undefined);
    // A round trip to whoever would have to act on it.
    await follower!.getInstances();
    assert.deepEqual(
      heard.flatMap((collection) => collection.names()),
      [],
    );
    assert.equal(leader.isLeader(), true);
  });

  test('the others hear of a new instance and of one that stops', async (t) => {
    const fleet = new Fleet(t, place());
    const [leader] = await fleet.lead(0);
    const heard = collect(leader);
    const joiner = await fleet.start({ meta: { region: 'north' } });
    const instance = { id: joiner.id, meta: { region: 'north' }, state: 'follower' };
    assert.deepEqual((await heard.first('joined')).args, [instance]);
    await joiner.stop();
    assert.deepEqual((await heard.first('left')).args, [instance]);
  });
});
