// start() and stop(): what is handed over, what is left behind, and that every promise settles in every order.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Candidate, Options } from 'incumbent';
import { secretOf } from './fixtures/canary.ts';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, errorCodes, onEachMedium } from './fixtures/fleet.ts';
import { freePort } from './fixtures/free-port.ts';
import { Program } from './fixtures/program.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

onEachMedium((place) => {
  test('stop() of the leader hands over at once, tells its end, and leaves no record', async (t) => {
    const [leader, follower] = await new Fleet(t, { ...place(), leaseMs: 2000 }).lead(1);
    const ending = collect(leader, ['defeated', 'statechange', 'elected']);
    const heard = collect(follower!);
    const askedAt = performance.now();
    const stopped = leader.stop();
    assert.equal(leader.isLeader(), false);
    assert.equal(leader.state, 'follower');
    const { at } = await heard.first('elected');
    assert.ok(at - askedAt < 1000, `${at - askedAt} ms`);
    await stopped;
    assert.deepEqual(
      ending.events.map(({ name, args }) => [name, ...args]),
      [
        ['defeated', undefined],
        ['statechange', 'follower'],
      ],
    );
    assert.equal(leader.state, 'follower');
    await heard.first('left', ({ id }) => id === leader.id);
    assert.equal((await follower!.getInstances()).length, 1);
  });

  test('stop() of a follower is told to the others and changes no leader', async (t) => {
    const [leader, follower] = await new Fleet(t, place()).lead(1);
    const heard = collect(leader);
    const ending = collect(follower!, ['defeated', 'statechange']);
    await follower!.stop();
    await heard.first('left', ({ id }) => id === follower!.id);
    assert.deepEqual(heard.names('defeated', 'statechange'), []);
    assert.deepEqual(ending.names(), []);
  });

  test('stop() before there is a leader ends the candidacy without a word', async (t) => {
    const fleet = new Fleet(t, { ...place(), leaseMs: 5000 });
    for (let round = 0; round < 5; round++) {
      // On an empty register nobody leads before the lease is over.
      const candidate = fleet.create({ kind: `early ${round}` });
      const started = candidate.start();
      const refused = assert.rejects(started, { code: 'ERR_STOPPED' });
      await eventually(async () => (await candidate.getInstances()).length === 1);
      await candidate.stop();
      await refused;
      assert.equal(candidate.state, 'follower');
    }
  });

  test('after stop and start, messages to the instance, to followers and to the leader arrive', async (t) => {
    const [one, two] = (await new Fleet(t, place()).lead(1)) as [Candidate, Candidate];
    for (let round = 0; round < 3; round++) {
      const [leader, follower] = one.isLeader() ? [one, two] : [two, one];
      await follower.stop();
      await follower.start();
      const heard = collect(follower, ['message']);
      await leader.messageTo(follower.id, 'to it');
      await leader.messageFollowers('to followers');
      await leader.messageAll('to all');
      await eventually(() => heard.events.length === 3);

      const elected = collect(follower, ['elected']);
      await leader.stop();
      await elected.first('elected');
      await leader.start();
      const atNewLeader = collect(follower, ['message']);
      await leader.messageLeader('up');
      await atNewLeader.first('message');
    }
  });

  test('every order of four calls of start() and stop() settles, and the last one decides', async (t) => {
    const fleet = new Fleet(t, { ...place(), leaseMs: 200 });
    for (let order = 0; order < 16; order++) await playOrder(fleet.create(), order);
  });
});

describe('with Redis away', () => {
  test('every order of four calls of start() and stop() settles, but for a start at the end', async (t) => {
    const fleet = new Fleet(t, await nowhere());
    for (let order = 0; order < 8; order++) {
      const candidate = fleet.create();
      errorCodes(candidate);
      await playOrder(candidate, order);
    }
  });

  test('stop() ends within a bounded time, twice at once and without a start', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const fleet = new Fleet(t, { redis: redis.url });
    const [leader, follower] = await fleet.lead(1);
    for (const one of [leader, follower!]) errorCodes(one);
    await redis.kill();
    const startedAt = performance.now();
    await Promise.all([leader.stop(), leader.stop(), follower!.stop(), fleet.create().stop()]);
    const ms = performance.now() - startedAt;
    assert.ok(ms < 5000, `${ms} ms`);
  });

  test('a send rejects, and so do questions; nothing of it arrives later', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const [leader, follower] = await new Fleet(t, { redis: redis.url }).lead(1);
    for (const one of [leader, follower!]) errorCodes(one);
    const heard = collect(follower!, ['message']);
    await redis.kill();
    const unreachable = { name: 'IncumbentError', code: 'ERR_REDIS_UNREACHABLE' };
    await assert.rejects(leader.messageAll('lost'), unreachable);
    await assert.rejects(leader.messageTo(follower!.id, 'lost'), unreachable);
    await assert.rejects(leader.messageFollowers('lost'), unreachable);
    await assert.rejects(follower!.messageLeader('lost'), unreachable);
    await assert.rejects(leader.getInstances(), unreachable);
    await assert.rejects(leader.getLeader(), unreachable);
    await assert.rejects(leader.setMeta('shown later'), unreachable);

    await redis.restart();
    const leaderNow = await eventually(() => [leader, follower!].find((one) => one.isLeader()));
    const other = leaderNow === leader ? follower! : leader;
    const later = collect(other, ['message']);
    await eventually(async () => {
      await leaderNow.messageAll('passes');
      return later.names().length > 0;
    });
    assert.ok(heard.of('message').every(([{ message }]) => message === 'passes'));
    // What was set meanwhile is shown now.
    await eventually(async () => {
      const shown = (await other.getInstances()).find(({ id }) => id === leader.id);
      return shown?.meta === 'shown later';
    });
  });
});

describe('a process without an error listener', () => {
  test('outlives a wrong password, with one warning that does not tell it', async (t) => {
    const redis = await startRedis({ password: secretOf('the right one') });
    t.after(() => redis.stop());
    const options = {
      redis: { host: '127.0.0.1', port: redis.port, password: secretOf('hunter2-wrong') },
    };
    const service = startService(t, options);
    await eventually(() => service.output.includes('ERR_REDIS_REFUSED'));
    assert.equal(await exitCodeOf(service), 0);
    assert.equal(service.output.split('IncumbentWarning').length - 1, 1);
    assert.doesNotMatch(service.output, /hunter2/);
  });

  test('outlives a missing password', async (t) => {
    const redis = await startRedis({ password: secretOf('the right one') });
    t.after(() => redis.stop());
    const service = startService(t, { redis: { host: '127.0.0.1', port: redis.port } });
    await eventually(() => service.output.includes('ERR_REDIS_REFUSED'));
    assert.equal(await exitCodeOf(service), 0);
  });

  test('outlives an outage with messages under way that nobody awaits; one warning for each outage', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const service = startService(t, { redis: redis.url });
    const warnings = () => service.output.split('IncumbentWarning').length - 1;
    for (let outage = 1; outage <= 3; outage++) {
      await untilItSends(redis);
      assert.equal(warnings(), outage - 1);
      await redis.kill();
      await eventually(() => warnings() === outage);
      await redis.restart();
    }
    await untilItSends(redis);
    assert.equal(warnings(), 3);
    assert.equal(await exitCodeOf(service), 0);
  });
});

/** Calls start() or stop() four times, as the bits of `order` say, each as soon as the one before was called. */
async function playOrder(candidate: Candidate, order: number): Promise<void> {
  const calls = [0, 1, 2, 3].map((place) =>
    (order >> place) & 1 ? candidate.start() : candidate.stop(),
  );
  const name = `order ${order.toString(2).padStart(4, '0')}`;
  for (const { status, ...result } of await Promise.allSettled(calls)) {
    if (status === 'rejected') assert.equal((result as any).reason.code, 'ERR_STOPPED', name);
  }
  const runs = Boolean(order & 8);
  const asked = candidate.getInstances().then(
    () => true,
    (error) => error.code !== 'ERR_NOT_STARTED',
  );
  assert.equal(await asked, runs, name);
  assert.equal(await candidate.stop(), undefined);
}

async function nowhere(): Promise<Options> {
  return { redis: { host: '127.0.0.1', port: await freePort() } };
}

/** Waits for so many messages of the service that it knows of the first one's success. */
async function untilItSends(redis: RedisServer): Promise<void> {
  const client = await redis.client();
  let messages = 0;
  await client.subscribe('incumbent:{service}:0:all', () => (messages += 1));
  await eventually(() => messages >= 50);
  client.destroy();
}

/** A service as a newcomer writes it: no listener for errors, no promise awaited. It stops when its stdin ends. */
function startService(t: TestContext, options: Options): Program {
  const program = `
    const { Candidate } = require('incumbent');
    const candidate = new Candidate(${JSON.stringify({ kind: 'service', ...options })});
    candidate.start();
    const sending = setInterval(() => candidate.messageAll('tick'), 1);
    process.stdin.resume().on('end', () => {
      clearInterval(sending);
      candidate.stop();
    });
  `;
  return new Program(t, program);
}

/** Asks it to end, and gives its exit code. */
async function exitCodeOf(service: Program): Promise<number | string> {
  assert.ok(service.isRunning, service.output);
  service.endInput();
  return service.ended;
}
