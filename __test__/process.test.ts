// The life of the process around a candidate: how it ends, what keeps it alive, and what listeners do to it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Candidate } from 'incumbent';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet, onEachMedium, theLeader } from './fixtures/fleet.ts';
import { freePort } from './fixtures/free-port.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import { Program } from './fixtures/program.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

/** The beginning of a program that has a `candidate` and may have a `peer`. */
const prelude = (kind: string, url = redis.url) => `
  const { Candidate } = require('incumbent');
  const options = ${JSON.stringify({ redis: url, kind })};
  const candidate = new Candidate(options);
  const peer = new Candidate(options);
`;

describe('process.exit()', () => {
  const moments: Record<string, string> = {
    'before a start': `process.exit(7)`,
    'just after start()': `candidate.start(); process.exit(7)`,
    'in a turn after start()': `candidate.start(); setImmediate(() => process.exit(7))`,
    'in the listener of elected': `candidate.on('elected', () => process.exit(7)); candidate.start()`,
    'while it leads': `candidate.start().then(() => process.exit(candidate.isLeader() ? 7 : 8))`,
    'just after stop()': `candidate.start().then(() => { candidate.stop(); process.exit(7) })`,
    'while it stops': `candidate.start().then(() => { candidate.stop(); setImmediate(() => process.exit(7)) })`,
    'after the end of stop()': `candidate.start().then(() => candidate.stop()).then(() => process.exit(7))`,
    'in the listener of a message': `
      candidate.on('message', () => process.exit(7));
      Promise.all([candidate.start(), peer.start()]).then(() => {
        for (let number = 0; number < 10_000; number++) peer.messageAll(number);
      })`,
    'with questions and messages under way': `
      Promise.all([candidate.start(), peer.start()]).then(() => {
        for (let number = 0; number < 1000; number++) {
          peer.messageAll(Buffer.alloc(1000));
          peer.getInstances();
        }
        setImmediate(() => process.exit(7));
      })`,
  };
  for (const [moment, source] of Object.entries(moments)) {
    test(moment, async (t) => {
      const runs = [1, 2, 3].map(
        (run) => new Program(t, prelude(`exit ${moment} ${run}`) + source),
      );
      for (const program of runs) {
        assert.equal(await program.ended, 7, program.output);
        assert.equal(program.output, '');
      }
    });
  }

  test('of a leader lets the next one come after the lease', async (t) => {
    const program = new Program(
      t,
      `${prelude('left')}
      candidate.start().then(() => console.log('leads'));
      process.stdin.resume().on('end', () => process.exit(7));`,
    );
    await eventually(() => program.output.includes('leads'));
    const follower = await new Fleet(t, { redis: redis.url, kind: 'left' }).start();
    assert.equal(follower.isLeader(), false);
    program.endInput();
    assert.equal(await program.ended, 7);
    await eventually(() => follower.isLeader());
  });
});

describe('an uncaught exception', () => {
  test('ends the process as ever, and the next leader comes', async (t) => {
    const program = new Program(
      t,
      `${prelude('thrown')}
      candidate.start().then(() => console.log('leads'));
      candidate.on('message', ({ message }) => { throw new Error(message) });`,
    );
    await eventually(() => program.output.includes('leads'));
    const follower = await new Fleet(t, { redis: redis.url, kind: 'thrown' }).start();
    await follower.messageLeader('on purpose');
    assert.equal(await program.ended, 1);
    assert.match(program.output, /Error: on purpose/);
    await eventually(() => follower.isLeader());
  });
});

describe('the event loop', () => {
  test('is not kept alive before a start', async (t) => {
    const program = new Program(t, prelude('idle'));
    assert.equal(await program.ended, 0, program.output);
  });

  test('is kept alive by a running candidate, and no longer once it has stopped', async (t) => {
    // No timer, no server, no stdin: nothing else would keep it.
    const program = new Program(
      t,
      `${prelude('alive')}
      candidate.on('message', () => candidate.stop());
      candidate.start();`,
    );
    const observer = await new Fleet(t, { redis: redis.url, kind: 'alive' }).start();
    const heard = collect(observer);
    // Listed for longer than the silence that is borne: it runs.
    await eventually(async () => (await observer.getInstances()).length === 2);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.ok(program.isRunning);
    assert.equal((await observer.getInstances()).length, 2);
    await observer.messageAll('stop');
    assert.equal(await program.ended, 0, program.output);
    await heard.first('left');
  });

  test('ends by itself after stop() with Redis away', async (t) => {
    const nowhere = `redis://127.0.0.1:${await freePort()}`;
    const program = new Program(
      t,
      `${prelude('away', nowhere)}
      candidate.on('error', () => candidate.stop());
      candidate.start().catch(() => {});`,
    );
    assert.equal(await program.ended, 0, program.output);
  });
});

describe('processes', () => {
  test('of a cluster, and forked ones, have ids of their own and one leader', async (t) => {
    const options = JSON.stringify({ redis: redis.url, kind: 'cluster' });
    const program = new Program(t, '__test__/fixtures/cluster.cjs', { args: [options] });
    const ids = () => [...program.output.matchAll(/^id (.+)$/gm)].map(([, id]) => id);
    await eventually(() => ids().length === 4);
    assert.equal(new Set(ids()).size, 4);
    const observer = await new Fleet(t, { redis: redis.url, kind: 'cluster' }).start();
    const instances = await observer.getInstances();
    assert.deepEqual(instances.map(({ id }) => id).sort(), [...ids(), observer.id].sort());
    assert.equal(instances.filter(({ state }) => state === 'leader').length, 1);
    program.endInput();
    await program.ended;
  });
});

onEachMedium((place) => {
  test('several candidates of a kind in one process are independent', async (t) => {
    const members = await new Fleet(t, place()).lead(4);
    let left: Candidate[] = members;
    while (left.length > 1) {
      const leader = await theLeader(left);
      await leader.stop();
      left = left.filter((one) => one !== leader);
      const next = await theLeader(left);
      assert.equal((await next.getInstances()).length, left.length);
      for (const one of left) {
        await eventually(async () => (await one.getLeader())?.id === next.id);
      }
    }
  });

  test('a listener that blocks for longer than the lease costs no leadership', async (t) => {
    const fleet = new Fleet(t, place());
    const leader = fleet.create();
    leader.on('elected', () => {
      const end = performance.now() + 1500;
      while (performance.now() < end);
    });
    const heard = collect(leader, ['elected', 'defeated']);
    await leader.start();
    assert.equal(leader.isLeader(), true);
    const follower = await fleet.start();
    assert.equal((await follower.getLeader())!.id, leader.id);
    assert.deepEqual(heard.names(), ['elected']);
  });

  test('200 rounds of start and stop', async (t) => {
    const fleet = new Fleet(t, place());
    const one = fleet.create();
    for (let round = 0; round < 200; round++) {
      await one.start();
      assert.equal(one.isLeader(), true);
      await one.stop();
    }
  });
});

test('start and stop leave no connection behind', async (t) => {
  const connections = async () => {
    const list = String(await redis.cli('CLIENT', 'LIST'));
    return list.split('\n').filter((line) => line.includes('name=incumbent')).length;
  };
  await eventually(async () => (await connections()) === 0);
  const fleet = new Fleet(t, { redis: redis.url });
  const members = [fleet.create(), fleet.create()];
  for (let round = 0; round < 100; round++) {
    await Promise.all(members.map((member) => member.start()));
    await Promise.all(members.map((member) => member.stop()));
  }
  await eventually(async () => (await connections()) === 0);
});

test('a listener that throws stops neither the other items nor the election', async (t) => {
  const program = new Program(
    t,
    `${prelude('throwing')}
    process.on('uncaughtException', ({ message }) => console.log('caught ' + message));
    for (const event of ['elected', 'statechange', 'leader', 'joined', 'message'])
      candidate.on(event, () => { throw new Error(event) });
    candidate.on('message:from:follower', ({ message }) => console.log('heard ' + message));
    Promise.all([candidate.start(), peer.start()]).then(() => {
      const [leader, follower] = candidate.isLeader() ? [candidate, peer] : [peer, candidate];
      if (leader !== candidate) leader.stop().then(() => leader.start());
      setInterval(() => peer.messageLeader('anything'), 10);
    });`,
  );
  await eventually(() => program.output.includes('heard anything'));
  for (const event of ['elected', 'statechange', 'leader', 'joined', 'message'])
    await eventually(() => program.output.includes(`caught ${event}`));
  assert.ok(program.isRunning);
});

test('a loop that is blocked past maxStallMs gives up the leadership while it is blocked, and stands again later', async (t) => {
  const options = { leaseMs: 800, maxStallMs: 1000 };
  const fleet = new ProcessFleet(t, { url: redis.url, kind: 'stalled', options });
  for (let number = 0; number < 3; number++) await fleet.start();
  const leader = await fleet.agreed();
  const blocked = leader.call('block', 4000);
  const next = await fleet.agreed(leader);
  // A busy machine makes pauses of its own.
  const pauseOfBlock = () => leader.pauses.find(({ ms }) => ms >= 3900);
  assert.equal(pauseOfBlock(), undefined, 'it was to be elected during the block');
  await blocked;
  const pause = await eventually(pauseOfBlock);
  assert.equal(pause.isLeader, false);
  await leader.event('defeated');
  assert.equal(await leader.call('state'), 'follower');
  assert.equal(await fleet.agreed(), next);

  for (const one of fleet.living) if (one !== leader) await one.call('stop');
  await eventually(async () => leader.call('isLeader'));
  fleet.assertKeptPromise();
});
