// crashDetection: "connection": the others see at once that a leader's connection is gone.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Candidate } from '../index.js';
import { eventually } from './fixtures/eventually.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import { msBetween, now } from './fixtures/processes.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { startProxy } from './fixtures/tcp-proxy.ts';

/** So long that nobody who waits for it passes a test. */
const leaseMs = 60_000;
const options = { leaseMs, crashDetection: 'connection' };

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

/** A kind that has had a leader, so that the first of a test need not wait for a lease. */
async function vacant(kind: string): Promise<string> {
  const first = new Candidate({ redis: redis.url, kind, leaseMs: 100 });
  await first.start();
  await first.stop();
  return kind;
}

test('a killed leader is replaced long before its lease is over, ten times', async (t) => {
  const fleet = new ProcessFleet(t, { url: redis.url, kind: await vacant('killed'), options });
  for (let number = 0; number < 3; number++) await fleet.start();
  const tookMs: number[] = [];
  for (let round = 1; round <= 10; round++) {
    const leader = await fleet.agreed();
    const elections = fleet.elections();
    const killedAt = await leader.kill();
    const next = await fleet.agreed();
    const { at } = await next.event('elected', ({ at }) => at > killedAt);
    tookMs.push(Math.round(msBetween(killedAt, at)));
    assert.equal(fleet.elections(), elections + 1);
    await fleet.start();
  }
  t.diagnostic(`ms from the kill to the next elected: ${tookMs.sort((a, b) => a - b).join(' ')}`);
  fleet.assertKeptPromise();
});

test('a leader whose connection Redis closes leads no more, and one leads again', async (t) => {
  const fleet = new ProcessFleet(t, { url: redis.url, kind: await vacant('closed'), options });
  for (let number = 0; number < 3; number++) await fleet.start();
  for (let round = 1; round <= 5; round++) {
    const leader = await fleet.agreed();
    const closedAt = now();
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
    await leader.event('defeated', ({ at }) => at > closedAt);
    await eventually(async () => (await fleet.agreed()) && fleet.elections() > round);
  }
  fleet.assertKeptPromise();
});

test('through a proxy the leader goes on over a new connection, and its process is warned once', async (t) => {
  const proxy = await startProxy(redis.port);
  t.after(() => proxy.close());
  const fleet = new ProcessFleet(t, { url: redis.url, kind: await vacant('proxied'), options });
  const leader = await fleet.start({ url: `redis://127.0.0.1:${proxy.port}` });
  await fleet.agreed();
  await fleet.start();
  const warnings: { code: string; message: string }[] = await leader.call('warnings');
  const advice = warnings.filter(({ code }) => code === 'WARN_REDIS');
  assert.equal(advice.length, 1);
  assert.match(advice[0]!.message, /crashDetection.*proxy/);
  proxy.reset();
  await leader.event('error');
  assert.equal(await fleet.agreed(), leader);
  assert.equal(leader.of('defeated').length, 0);
  fleet.assertKeptPromise();
});

test('signals that a process handles while it asks, as a profiler sends them, end no leadership', async (t) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'incumbent-profile-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const program = `
    const { Candidate } = require(${JSON.stringify(path.join(__dirname, '..'))});
    const candidate = new Candidate(${JSON.stringify({ ...options, redis: redis.url, kind: await vacant('profiled') })});
    candidate.start().then(() => {
      const until = performance.now() + 1000;
      let asked = 0, denied = 0;
      while (performance.now() < until) {
        asked += 1;
        if (!candidate.isLeader()) denied += 1;
      }
      console.log(JSON.stringify({ asked, denied }));
      return candidate.stop();
    });`;
  const profiler = ['--cpu-prof', '--cpu-prof-dir', dir, '--cpu-prof-interval', '100'];
  const { stdout } = await promisify(execFile)(process.execPath, [...profiler, '-e', program]);
  const { asked, denied } = JSON.parse(stdout);
  assert.ok(asked > 100);
  assert.equal(denied, 0);
});

test('an instance with the default beside it follows, and waits for the lease', async (t) => {
  const fleet = new ProcessFleet(t, { url: redis.url, kind: await vacant('mixed'), options });
  const first = await fleet.start();
  const plain = await fleet.start({ options: { leaseMs } });
  const second = await fleet.start();
  assert.equal(await fleet.agreed(), first);
  const killedAt = await first.kill();
  assert.equal(await fleet.agreed(), second);
  assert.equal(
    plain.events.filter(({ name, at }) => name === 'elected' && at > killedAt).length,
    0,
  );
  fleet.assertKeptPromise();
});
