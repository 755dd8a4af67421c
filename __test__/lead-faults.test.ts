// Functions given to lead() in real processes on a real Redis, under faults: what they write adds up exactly, and none
// of them runs on behind its signal.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventually } from './fixtures/eventually.ts';
import { Program } from './fixtures/program.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { startProxy, type TcpProxy } from './fixtures/tcp-proxy.ts';

const leaseMs = 400;
const list = 'incumbent-test:numbers';
// With so short a lease, work goes on slowly while the machine is busy.
const patience = { within: 180_000 };

interface Line {
  leads?: number;
  ended?: number;
  why?: string;
  /** From the abort of its signal to the end of the function: turns of the event loop, and ms. */
  turns?: number;
  afterMs?: number;
  finished?: number;
  disagreed?: number;
  failed?: string;
  stall?: number;
}

/** Processes with one candidate each, each behind a proxy of its own. */
class Workers {
  readonly all: Worker[] = [];
  readonly #t: TestContext;
  readonly #redis: RedisServer;
  readonly #total: number;

  constructor(t: TestContext, redis: RedisServer, total: number) {
    this.#t = t;
    this.#redis = redis;
    this.#total = total;
  }

  async join(options: object = {}): Promise<Worker> {
    const proxy = await startProxy(this.#redis.port);
    this.#t.after(() => proxy.close());
    const worker = new Worker(this.#t, proxy, {
      options: { redis: proxy.url, kind: 'numbers', leaseMs, maxStallMs: 2000, ...options },
      list,
      total: this.#total,
      pauseMs: 2,
      blockMs: 3000,
    });
    this.all.push(worker);
    return worker;
  }

  /** The one that began to lead last, if that was after `term`. */
  leaderAfter(term: number): Promise<Worker> {
    return eventually(() => {
      const latest = this.all.toSorted((a, b) => b.latestTerm - a.latestTerm)[0]!;
      return latest.latestTerm > term && latest;
    }, patience);
  }
}

class Worker extends Program {
  readonly proxy: TcpProxy;

  constructor(t: TestContext, proxy: TcpProxy, task: object) {
    super(t, '__test__/fixtures/lead-process.cjs', { args: [JSON.stringify(task)] });
    this.proxy = proxy;
  }

  get lines(): Line[] {
    const complete = this.output.split('\n').slice(0, -1);
    return complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  }

  get latestTerm(): number {
    return Math.max(0, ...this.lines.map(({ leads = 0 }) => leads));
  }
}

const numbersOf = async (redis: RedisServer): Promise<number[]> =>
  (await redis.cli('LRANGE', list, 0, -1)).map(Number);

interface Struck {
  leader: Worker;
  redis: RedisServer;
  /** Waits until another one leads. */
  isReplaced(): Promise<unknown>;
}

/** What strikes a leader; each waits until the fault has taken effect. */
const faults: Record<string, (struck: Struck) => Promise<void>> = {
  'its process is killed': async ({ leader }) => {
    leader.kill('SIGKILL');
    assert.equal(await leader.ended, 'SIGKILL');
  },
  'its process stops until another one leads': async ({ leader, isReplaced }) => {
    leader.kill('SIGSTOP');
    await isReplaced();
    leader.kill('SIGCONT');
  },
  'its loop is blocked beyond maxStallMs': async ({ leader }) => {
    leader.kill('SIGUSR2');
    await eventually(() => leader.lines.some(({ stall }) => stall! >= 2000), patience);
  },
  'it is told to stop': async ({ leader }) => {
    leader.kill('SIGTERM');
    assert.equal(await leader.ended, 0, leader.output);
  },
  'its connections are half open until another one leads': async ({ leader, isReplaced }) => {
    leader.proxy.blackhole('replies');
    await isReplaced();
    assert.ok(leader.proxy.counts.lostBytes > 0);
    leader.proxy.pass();
  },
  'Redis is restarted': async ({ redis }) => {
    await redis.restart();
  },
};

test('1000 steps by changing leaders are each done once, in order, under every fault', async (t) => {
  const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  t.after(() => redis.stop());
  const workers = new Workers(t, redis, 1000);
  for (let number = 0; number < 3; number++) await workers.join();

  let term = 0;
  for (const [name, strike] of Object.entries(faults)) {
    const leader = await workers.leaderAfter(term);
    const before = (await numbersOf(redis)).length;
    await eventually(async () => (await numbersOf(redis)).length >= before + 30, patience);
    term = leader.latestTerm;
    await strike({ leader, redis, isReplaced: () => workers.leaderAfter(term) });
    t.diagnostic(`${name}: at ${before} of 1000`);
    if (!leader.isRunning) await workers.join();
    // Redis was away for so short a time that the leader may have stayed.
    if (name === 'Redis is restarted') term = 0;
  }
  const isFinished = () =>
    workers.all.some(({ lines }) => lines.some(({ finished }) => finished !== undefined));
  await eventually(isFinished, patience);

  const numbers = await numbersOf(redis);
  assert.deepEqual(
    numbers,
    Array.from({ length: 1000 }, (_, index) => index + 1),
  );
  const lines = workers.all.flatMap((worker) => worker.lines);
  assert.deepEqual(
    lines.filter(({ disagreed, failed }) => disagreed ?? failed),
    [],
  );
  const ends = lines.filter(({ ended, why }) => ended !== undefined && why !== undefined);
  assert.ok(ends.length >= 4, `${ends.length}`);
  // It listens to its signal, so it ends in the turn in which it hears of it, whatever the machine does.
  assert.deepEqual(
    ends.filter(({ turns }) => turns! > 1),
    [],
  );
  const latest = Math.max(...ends.map(({ afterMs = 0 }) => afterMs));
  t.diagnostic(`ms from the signal to the end of its function, at most: ${latest.toFixed(1)}`);
});
