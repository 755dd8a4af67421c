// What the benchmark counts on a Redis server, and when it takes a crowd to be at rest.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { between } from '../bench/commands.ts';
import { comeToRest } from '../bench/rest.ts';
import { loadOf } from '../bench/server-load.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

describe('the load of a server', () => {
  let redis: RedisServer;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  test('has every publication of a script once for each subscriber, and its call alone as a command', async () => {
    const [publisher, ...subscribers] = await Promise.all([1, 2, 3, 4].map(() => redis.client()));
    for (const one of subscribers) await one.subscribe('news', () => {});
    const script = "redis.call('PUBLISH', 'news', 'x') redis.call('PUBLISH', 'nobody', 'x')";
    const publishing = setInterval(() => publisher!.eval(script).catch(() => {}), 20);
    const { commands, deliveries } = await loadOf(redis, 0.5);
    clearInterval(publishing);
    for (const one of [publisher!, ...subscribers]) one.destroy();
    assert.ok(commands > 0);
    assert.ok(Math.abs(deliveries - 3 * commands) < 1e-6, `${deliveries} for ${commands}`);
  });

  test('is nothing where no client sends anything', async () => {
    const { commands, deliveries } = await loadOf(redis, 0.1);
    assert.deepEqual([commands, deliveries], [0, 0]);
  });
});

describe('the window of MONITOR', () => {
  const marks = { begin: 'begin', end: 'end' };
  const line = (at: number, ...command: string[]) =>
    `${at.toFixed(6)} [0 127.0.0.1:5000] ${command.map((part) => `"${part}"`).join(' ')}`;
  const lines = [
    line(1700000000, 'GET', 'before'),
    line(1700000001, 'ECHO', 'begin'),
    line(1700000002, 'GET', 'within'),
    line(1700000003.5, 'ECHO', 'end'),
    line(1700000004, 'GET', 'after'),
  ];

  test('reaches from mark to mark, by the clock of the server', () => {
    assert.deepEqual(between(lines, marks), { lines: [lines[2]], seconds: 2.5 });
  });

  test('is not there before both marks have come', () => {
    assert.equal(between(lines.slice(0, 3), marks), undefined);
    assert.equal(between(lines.slice(2), marks), undefined);
  });
});

describe('a crowd', () => {
  /** A count that grows by these steps, and by the last one for ever. */
  function growing(...steps: number[]) {
    const state = { looks: 0, count: 0 };
    const count = async () => (state.count += steps[Math.min(state.looks++, steps.length - 1)]!);
    return { state, count };
  }

  test('is at rest as soon as two periods are alike', async () => {
    const { state, count } = growing(100);
    await comeToRest(count, { everyMs: 1 });
    assert.equal(state.looks, 13);
  });

  test('is not at rest while what followed its start is in one of the periods', async () => {
    const { state, count } = growing(0, 5000, 3000, 1000, 100);
    await comeToRest(count, { everyMs: 1 });
    assert.equal(state.looks, 4 + 12);
  });

  test('is at rest with what it does now and then', async () => {
    const { count } = growing(...Array.from({ length: 60 }, (_, look) => (look % 6 ? 0 : 500)));
    await comeToRest(count, { everyMs: 1, limitMs: 5000 });
  });

  test('that does more and more comes to no rest, and that is said with figures', async () => {
    let step = 100;
    let sum = 0;
    const count = async () => (sum += step *= 1.2);
    await assert.rejects(
      comeToRest(count, { everyMs: 1, limitMs: 200 }),
      /^Error: no rest within 0\.2 s: [\d.]+ commands in the last 0\.006 s, [\d.]+ in the 0\.006 s before$/,
    );
  });
});
