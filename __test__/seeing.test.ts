// stats(), health(), explain(), the event stall and diagnostics channels, over a native side that the test plays.

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, test, type TestContext } from 'node:test';
import { newCandidate, newFollower } from './fake-native.ts';

test('stats() are those of the native side, and null where it knows nothing', async () => {
  const { candidate, native } = await newFollower();
  native.counts = { takeovers: 3, silentMs: undefined };
  assert.deepEqual(candidate.stats(), {
    state: 'follower',
    term: 0,
    leader: null,
    validForMs: 0,
    instances: 1,
    connected: true,
    subscribed: true,
    silentMs: null,
    roundTripMs: { p50: null, p99: null },
    takeovers: 3,
  });
  native.counts = { holder: 'b', roundTrip: { p50: 0.25, p99: 1.5 }, silentMs: 7 };
  const { leader, roundTripMs, silentMs } = candidate.stats();
  assert.deepEqual([leader, roundTripMs, silentMs], ['b', { p50: 0.25, p99: 1.5 }, 7]);
});

test('stall tells how long the loop was blocked', async () => {
  const { candidate, native } = await newFollower();
  const heard: unknown[] = [];
  candidate.on('stall', (stall) => heard.push(stall));
  native.deliver({ type: 'stall', ms: 12_345 });
  assert.deepEqual(heard, [{ ms: 12_345 }]);
});

describe('health()', () => {
  test('of a follower and of a leader is up', async () => {
    const { candidate, native } = await newFollower();
    const { since, ...health } = candidate.health();
    assert.deepEqual(health, {
      status: 'up',
      role: 'follower',
      leader: 'other',
      term: 0,
      connected: true,
      subscribed: true,
    });
    assert.ok(since <= Date.now() && since > Date.now() - 60_000);
    native.elect(8);
    const leading = candidate.health();
    assert.deepEqual(
      [leading.status, leading.role, leading.leader, leading.term],
      ['up', 'leader', native.id, 8],
    );
    assert.ok(leading.since >= since);
  });

  for (const [situation, counts, status] of [
    ['the connection is being made again', { connected: false, silentMs: 100 }, 'degraded'],
    ['the subscriptions are missing', { subscribed: false }, 'degraded'],
    ['Redis was silent for longer than leaseMs', { connected: false, silentMs: 801 }, 'down'],
    ['Redis never answered', { connected: false, silentMs: undefined }, 'down'],
    ['all stands, and nothing was to be asked', { silentMs: 5000 }, 'up'],
  ] as const) {
    test(`is ${status} while ${situation}`, async () => {
      const { candidate, native } = await newFollower();
      native.counts = counts;
      assert.equal(candidate.health().status, status);
    });
  }

  test('is degraded while no leader is known, its own leadership that has run out included', async () => {
    const { candidate, native } = await newFollower();
    native.elect(8);
    native.state = 'follower';
    assert.deepEqual(
      [candidate.health().status, candidate.health().leader],
      ['degraded', undefined],
    );
    native.deliver({ type: 'leader', term: 8 });
    assert.equal(candidate.health().status, 'degraded');
  });

  test('is down before the start, from stop() on, and afterwards', async () => {
    const { candidate, native } = newCandidate();
    assert.equal(candidate.health().status, 'down');
    void candidate.start();
    native.deliver({ type: 'leader', id: 'other', term: 7 }, { type: 'started' });
    assert.equal(candidate.health().status, 'up');
    void candidate.stop();
    assert.equal(candidate.health().status, 'down');
    native.deliver({ type: 'stopped' });
    assert.equal(candidate.health().status, 'down');
  });
});

describe('explain()', () => {
  test('says where it stands, from the start to the end', async () => {
    const { candidate, native } = newCandidate({ leaseMs: 1000 });
    const says = (pattern: RegExp) => assert.match(candidate.explain(), pattern);
    says(/^Not started: /);
    void candidate.start();
    says(
      /^Does not lead, and knows of no leader\. It takes over .* silent for 1000 ms, or is vacant\.$/,
    );
    native.deliver({ type: 'leader', id: 'other', term: 7 }, { type: 'started' });
    native.currentTerm = 7;
    says(/^Follows other, which leads in term 7\. It takes over/);
    native.elect(8);
    says(/^Leads in term 8; without another renewal, for 600 ms more\.$/);
    let finish = () => {};
    candidate.lead(() => new Promise<void>((resolve) => (finish = resolve)));
    await new Promise((resolve) => setImmediate(resolve));
    native.drain('stalled');
    says(/^Hands its leadership over and waits for one function given to lead\(\) to end\.$/);
    finish();
    native.depose('stalled');
    says(/Last it was deposed: the leadership of term 8 has ended: the event loop was blocked/);
    void candidate.stop();
    says(/^stop\(\) was called\.$/);
    native.deliver({ type: 'stopped' });
    says(/^Not started/);
  });

  test('while the old instances of a fleet that is moved do not follow yet, says that it holds the record', () => {
    const { candidate, native } = newCandidate({ migrate: 'node-raft-redis' });
    void candidate.start();
    native.counts = { awaitsAdmission: true, legacyInstances: 2 };
    assert.match(
      candidate.explain(),
      /^Holds the leader's record, and leads once .* node-raft-redis follow, or were waited for\.$/,
    );
    assert.ok(!('awaitsAdmission' in candidate.stats()));
    native.elect(8);
    native.counts = {};
    assert.match(candidate.explain(), /^Leads in term 8;/);
  });

  test('names what keeps it from leading', async () => {
    const notEligible = await newFollower({ eligible: false });
    assert.match(
      notEligible.candidate.explain(),
      /Follows other.*It never leads.* eligible is false/,
    );
    const tooFew = await newFollower({ minInstances: 3 });
    tooFew.native.deliver({ type: 'leader', term: 7 });
    assert.match(
      tooFew.candidate.explain(),
      /knows 1 of the 3 instances that minInstances asks for/,
    );
    const cutOff = await newFollower();
    cutOff.candidate.on('error', () => {});
    cutOff.native.counts = { connected: false };
    cutOff.native.deliver({ type: 'error', code: 'ERR_REDIS_UNREACHABLE', message: 'refused' });
    assert.match(
      cutOff.candidate.explain(),
      /no connection to Redis \(refused\); it goes on trying/,
    );
  });
});

describe('diagnostics channels', () => {
  function heardOn(t: TestContext, names: string[]) {
    const heard: any[] = [];
    for (const name of names) {
      const listener = (message: any) => heard.push([name, message]);
      subscribe(`incumbent:${name}`, listener);
      t.after(() => unsubscribe(`incumbent:${name}`, listener));
    }
    return heard;
  }

  test('tell of every transition, with the candidate and its kind', async (t) => {
    const { candidate, native } = await newFollower({ kind: 'orders' });
    const told: [string, object][] = [
      ['elected', { term: 8 }],
      ['state', { state: 'leader' }],
      ['leader', { leader: native.id, term: 8 }],
      ['joined', { instance: { id: 'b', meta: 1, state: 'follower' } }],
      ['left', { instance: { id: 'b', meta: 1, state: 'follower' } }],
      ['gap', { from: 'b', channel: 'all', missed: 3 }],
      ['stall', { ms: 11_000 }],
      ['reconnect', {}],
      ['legacyGone', {}],
      ['draining', { term: 8, reason: 'stalled' }],
      ['overrun', { term: 8, afterMs: 5000 }],
    ];
    const heard = heardOn(t, [...told.map(([name]) => name), 'defeated', 'error']);
    candidate.on('error', () => {});
    native.elect(8);
    for (const [name, fields] of told.slice(3)) {
      const type = name === 'reconnect' ? 'reconnected' : name.toLowerCase();
      native.deliver({ type, ...fields } as any);
    }
    native.deliver({ type: 'defeated', term: 8, leader: 'b', reason: 'stalled' });
    const common = { candidate, id: native.id, kind: 'orders' };
    const overrunError = heard.findIndex(([name]) => name === 'error');
    const [[, { error }]] = heard.splice(overrunError, 1);
    assert.equal(error.code, 'ERR_DRAIN_TIMEOUT');
    assert.deepEqual(heard, [
      ...told.map(([name, fields]) => [name, { ...common, ...fields }]),
      ['defeated', { ...common, leader: 'b', reason: 'stalled', term: 8 }],
    ]);
  });

  test('a subscriber that throws disturbs nothing', async (t) => {
    const { candidate, native } = await newFollower();
    const thrown: unknown[] = [];
    t.mock.method(process, 'nextTick', (task: () => void) => thrown.push(task));
    const listener = () => {
      throw new Error('from a subscriber');
    };
    subscribe('incumbent:elected', listener);
    t.after(() => unsubscribe('incumbent:elected', listener));
    const heard: unknown[] = [];
    candidate.on('statechange', (state) => heard.push(state));
    native.elect(8);
    assert.deepEqual([heard, thrown.length], [['leader'], 1]);
  });
});
