// What the dashboard makes of what an observer tells: who leads, since when, and for how long nobody did.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from './fixtures/eventually.ts';
import { StagedObserver } from './fixtures/staged-observer.ts';

const T = 1_790_000_000_000;
const two = [{ id: 'anna' }, { id: 'bert' }];

describe('a kind that is led', () => {
  test('shows its leader, since when, and its instances', async (t) => {
    const { observer, row, detail } = await staged(t);
    observer.look('orders', T, { leader: 'anna', since: T - 5000, instances: two });
    const { state, leader, since, instances, last } = row(T);
    assert.deepEqual(
      { state, leader, since, instances, last },
      { state: 'led', leader: 'anna', since: T - 5000, instances: 2, last: null },
    );
    assert.deepEqual(
      detail().instances.list.map(({ id, isLeader }: any) => [id, isLeader]),
      [
        ['anna', true],
        ['bert', false],
      ],
    );
  });

  test('has no leader for a moment when one hands over: the gap is counted', async (t) => {
    const { observer, row, detail } = await staged(t);
    observer.look('orders', T, { leader: 'anna', instances: two });
    observer.tell('orders', { type: 'vacant', at: T + 1000, id: 'anna', term: 1, heir: 'bert' });
    assert.equal(row(T + 1001).state, 'vacant');
    assert.equal(row(T + 1001).since, T + 1000);
    observer.elected('orders', T + 1003, 'bert', { after: 'handover', ms: 3, from: 'anna' });
    assert.equal(row(T + 1003).leader, 'bert');
    assert.deepEqual(times(detail()), [
      ['anna', T, T + 1000],
      ['bert', T + 1003, null],
    ]);
    assert.deepEqual(row(T + 2000).hour, { count: 1, longest: 3, without: 3 });
  });

  test('is silent when its leader is killed: the term ended with the last beat', async (t) => {
    const { observer, row, detail } = await staged(t);
    observer.look('orders', T, { leader: 'anna', instances: two });
    observer.tell('orders', {
      type: 'silent',
      at: T + 1800,
      id: 'anna',
      term: 1,
      lastBeatAt: T + 1000,
    });
    assert.deepEqual([row(T).state, row(T).since], ['silent', T + 1000]);
    observer.elected('orders', T + 1810, 'bert', { after: 'silence', ms: 810, from: 'anna' });
    assert.equal(row(T).state, 'led');
    assert.deepEqual(times(detail())[0], ['anna', T, T + 1000]);
    assert.equal(row(T + 2000).last.ms, 810);
  });

  test('is led again where the silent leader beats again', async (t) => {
    const { observer, row } = await staged(t);
    observer.look('orders', T, { leader: 'anna', instances: two });
    observer.tell('orders', {
      type: 'silent',
      at: T + 900,
      id: 'anna',
      term: 1,
      lastBeatAt: T + 100,
    });
    observer.traffic('orders', T + 1000, 0, 1);
    assert.equal(row(T + 1000).state, 'led');
  });

  test('is not running when its last instance has gone, and nobody is missed', async (t) => {
    const { observer, row } = await staged(t);
    observer.look('orders', T, { leader: 'anna', instances: [{ id: 'anna' }] });
    observer.tell('orders', { type: 'vacant', at: T + 10, id: 'anna', term: 1, heir: null });
    observer.left('orders', T + 11, { id: 'anna' });
    assert.equal(row(T + 5000).state, 'idle');
    assert.equal(row(T + 5000).hour.without, 0);
  });
});

test('instances that were killed all at once are missed, though nobody tells that they left', async (t) => {
  const { observer, board, row, detail } = await staged(t);
  const now = Date.now();
  observer.look('orders', now - 10_000, { leader: 'anna', instances: two });
  const silent = { id: 'anna', term: 1, lastBeatAt: now - 9000 };
  observer.tell('orders', { type: 'silent', at: now, ...silent });
  assert.equal(row(now).state, 'silent');
  observer.living.set('orders', []);
  await eventually(() => row(board.now()).state === 'idle');
  assert.equal(row(now).since, now - 9000);
  assert.equal(detail().instances.total, 0);
});

test('where nobody was there in between, only the time since somebody came counts', async (t) => {
  const { observer, row, detail } = await staged(t);
  observer.look('orders', T, { leader: 'anna', instances: [{ id: 'anna' }] });
  observer.tell('orders', { type: 'vacant', at: T + 10, id: 'anna', term: 1, heir: null });
  observer.left('orders', T + 11, { id: 'anna' });
  observer.joined('orders', T + 50_000, { id: 'bert' });
  assert.deepEqual([row(T + 50_001).state, row(T + 50_001).since], ['vacant', T + 50_000]);
  observer.elected('orders', T + 50_004, 'bert', { after: 'handover', ms: 49_994, from: 'anna' });
  assert.deepEqual(row(T + 50_004).hour, { count: 1, longest: 4, without: 4 });
  assert.equal(detail().history.reigns[1].awaitedSince, T + 50_000);
});

describe('where Redis was out of reach', () => {
  test('the leader that went on leading led all the time', async (t) => {
    const { observer, row, detail } = await staged(t);
    const look = { leader: 'anna', since: T - 1, term: 7, instances: two };
    observer.look('orders', T, look);
    observer.tell('orders', {
      type: 'blind',
      at: T + 100,
      reason: 'the connection broke',
      code: 'X',
    });
    assert.equal(row(T + 200).blindSince, T + 100);
    observer.look('orders', T + 900, look);
    assert.equal(row(T + 900).blindSince, null);
    assert.deepEqual(times(detail()), [['anna', T - 1, null]]);
    assert.deepEqual(detail().history.blind, [{ from: T + 100, to: T + 900 }]);
  });

  test('a takeover that nobody saw is told without a length', async (t) => {
    const { observer, row, detail } = await staged(t);
    observer.look('orders', T, { leader: 'anna', since: T - 1, instances: two });
    observer.tell('orders', {
      type: 'blind',
      at: T + 100,
      reason: 'the connection broke',
      code: 'X',
    });
    observer.look('orders', T + 900, { leader: 'bert', since: T + 500, instances: two });
    assert.deepEqual(times(detail()), [
      ['anna', T - 1, T + 100],
      ['bert', T + 500, null],
    ]);
    const { from, to, ms } = row(T + 900).last;
    assert.deepEqual({ from, to, ms }, { from: 'anna', to: 'bert', ms: null });
    assert.equal(row(T + 900).hour.longest, 0);
  });

  test('the server counts as lost since the first kind was, and as seen again at once', async (t) => {
    const { observer, board } = await staged(t, 'a', 'b');
    observer.look('a', T, { leader: 'anna' });
    observer.look('b', T, { leader: 'bert' });
    observer.tell('a', { type: 'blind', at: T + 5, reason: 'the connection broke', code: 'X' });
    assert.equal(board.connection().state, 'live');
    observer.tell('b', { type: 'blind', at: T + 9, reason: 'the connection broke', code: 'X' });
    const lost = { state: 'blind', since: T + 5, reason: 'the connection broke' };
    assert.deepEqual(board.connection(), lost);
    observer.look('a', T + 50, { leader: 'anna' });
    assert.equal(board.connection().state, 'live');
  });
});

test('messages in a second are counted over all addressees, and kept for five minutes', async (t) => {
  const { observer, row, detail } = await staged(t);
  observer.look('orders', T, { leader: 'anna', instances: two });
  for (let second = 0; second < 400; second++)
    observer.traffic('orders', T + second * 1000, second);
  assert.equal(row(T).rate, 399);
  const { rates } = detail().pulse;
  assert.equal(rates.length, 300);
  assert.deepEqual([rates[0], rates.at(-1)], [100, 399]);
});

test('a kind that changes its leader all the time does not fill the memory', async (t) => {
  const { observer, row, detail } = await staged(t);
  observer.look('orders', T, { leader: 'anna', instances: two });
  for (let n = 1; n <= 2000; n++) {
    observer.elected('orders', T + n * 10, n % 2 ? 'bert' : 'anna', {
      after: 'handover',
      ms: 1,
      from: null,
    });
  }
  assert.equal(detail().history.reigns.length, 500);
  assert.equal(detail().history.takeovers.length, 500);
  assert.equal(row(T + 20_000).leader, 'anna');
});

test('what happened more than a day ago is forgotten', async (t) => {
  const { observer, detail } = await staged(t);
  const day = 86_400_000;
  observer.look('orders', T, { leader: 'anna', instances: two });
  observer.elected('orders', T + 10, 'bert', { after: 'handover', ms: 1, from: 'anna' });
  observer.elected('orders', T + day + 20, 'anna', { after: 'handover', ms: 1, from: 'bert' });
  assert.deepEqual(
    detail().history.reigns.map(({ id }: any) => id),
    ['bert', 'anna'],
  );
  assert.equal(detail().history.takeovers.length, 1);
});

test('a large meta is cut, and a large fleet as well: both say so', async (t) => {
  const { observer, detail } = await staged(t);
  const many = Array.from({ length: 700 }, (_, index) => ({
    id: `i${String(index).padStart(3, '0')}`,
  }));
  observer.look('orders', T, {
    leader: 'i699',
    instances: [...many.slice(0, 699), { id: 'i699', meta: 'x'.repeat(10_000) }],
  });
  const { list, total } = detail().instances;
  assert.deepEqual([list.length, total], [500, 700]);
  assert.deepEqual(
    [list[0].id, list[0].metaText.length, list[0].metaLength],
    ['i699', 2048, 10_002],
  );
});

/** A board that knows the kinds `names`, and nothing of them yet. */
async function staged(t: { after(fn: () => void): void }, ...names: string[]) {
  const kinds = names.length ? names : ['orders'];
  const observer = new StagedObserver();
  for (const kind of kinds) observer.tell(kind, { type: 'limited', at: T, reason: '', code: '' });
  const board = await observer.board();
  t.after(() => board.close());
  const view = () => board.kind(kinds[0]);
  return { observer, board, row: (now: number) => view().row(now), detail: () => view().detail(0) };
}

const times = ({ history }: any) => history.reigns.map(({ id, from, to }: any) => [id, from, to]);
