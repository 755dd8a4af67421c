// Rows 27 and 29: very many candidates, and candidates in all the places where Node runs code.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Crowd } from '../../__test__/fixtures/crowd.ts';
import { guard } from '../../__test__/fixtures/guard.ts';
import { Records } from '../../__test__/fixtures/oracle.ts';
import { now } from '../../__test__/fixtures/processes.ts';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import { waitsForCore } from '../proofs.ts';
import type { Run } from '../run.ts';

const crowdLeaseMs = 800;
const leaseMs = 400;

export const crowds: Fault[] = [
  {
    row: 27,
    title: '1000 candidates, started at once on an empty server',
    leaseMs: crowdLeaseMs,
    // The first start on an empty server waits L.
    boundMs: 2 * crowdLeaseMs,
    measures: 'from the call to the first elected',
    shortRuns: 1,
    longRuns: 100,
    alone: true,
    limitMs: 90_000,
    setUp: (bench) => startedAtOnce(bench, 1000),
  },
  {
    row: 27,
    title: '500 instances lose their leader',
    leaseMs: crowdLeaseMs,
    boundMs: 2 * crowdLeaseMs,
    measures: 'from the kill to the next elected',
    shortRuns: 1,
    longRuns: 100,
    alone: true,
    limitMs: 90_000,
    setUp: (bench) => loseTheirLeader(bench, 500),
  },
  {
    row: 29,
    title: 'candidates in worker threads: the process of the leader is killed',
    leaseMs,
    boundMs: leaseMs + 20,
    measures: 'from the kill to the next elected',
    shortRuns: 1,
    longRuns: 67,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url, thread: true });
      return async (run) => {
        const { leader } = await group.steady();
        const ids = new Set(group.living.map(({ id }) => id));
        const killedAt = await run.strike(`SIGKILL to ${group.label(leader)}`, () =>
          group.kill(leader),
        );
        await run.prove('three threads had an id each', () => ids.size === 3);
        const { event } = await group.elected(run, killedAt);
        run.recovered(killedAt, event.at);
        await run.becomes('all name the new leader', () => group.agreed());
        run.expect(group.electedSince(killedAt).length === 1, 'one election');
      };
    },
  },
  {
    row: 29,
    title: 'a cluster of a primary and three workers is killed',
    leaseMs,
    boundMs: leaseMs + 100,
    measures: 'from the kill to the next elected, in a process beside it',
    shortRuns: 1,
    longRuns: 67,
    setUp: clusterKilled,
  },
  {
    row: 29,
    title: 'five candidates in one process: each in turn leads and stops',
    leaseMs,
    boundMs: 50,
    measures: 'from a stop() to the next elected, the longest of four',
    shortRuns: 1,
    longRuns: 67,
    setUp: inTurn,
  },
];

/** So many candidates in four processes, not started. */
async function gather(bench: Bench, url: string, count: number, options: object): Promise<Throng> {
  const records = new Records();
  bench.after(() => records.remove());
  const all = [1, 2, 3, 4].map(
    (number) =>
      new Crowd({
        name: `crowd-${number}`,
        url,
        kind: 'orders',
        count: count / 4,
        records,
        options: { ...options },
      }),
  );
  for (const crowd of all) bench.after(async () => crowd.hasEnded || (await crowd.kill()));
  await Promise.all(all.map((crowd) => crowd.spawn()));
  const throng = new Throng(all, records);
  bench.judges.push(() => throng.judge());
  bench.waits.push(() => throng.starvedMs());
  return throng;
}

/** The processes of a crowd, and what they have told. */
class Throng {
  readonly elections: { id: string; term: number; at: bigint }[] = [];
  readonly #crowds: Crowd[];
  readonly #records: Records;
  #starvedMs = 0;

  constructor(crowds: Crowd[], records: Records) {
    this.#crowds = crowds;
    this.#records = records;
  }

  get crowds(): Crowd[] {
    return this.#crowds.filter(({ hasEnded }) => !hasEnded);
  }

  start(): Promise<unknown> {
    return Promise.all(this.crowds.map((crowd) => crowd.call('start')));
  }

  /** Whether one leads, and all name it. */
  async agrees(): Promise<boolean> {
    const all = await this.look();
    const leaders = all.filter(({ isLeader }) => isLeader);
    return leaders.length === 1 && all.every(({ leader }) => leader === leaders[0]!.id);
  }

  async look() {
    const statuses = await Promise.all(this.crowds.map((crowd) => crowd.call('status')));
    for (const { elections } of statuses)
      this.elections.push(...elections.map(({ id, term, at }) => ({ id, term, at: BigInt(at) })));
    return statuses.flatMap(({ members }) => members).filter(({ isUp }) => isUp);
  }

  /** The first election since then. */
  async elected(since: bigint) {
    await this.look();
    return this.elections.filter(({ at }) => at > since).sort((a, b) => (a.at < b.at ? -1 : 1))[0];
  }

  /** What must hold in every run. */
  judge(): string[] {
    const overlaps = this.#records
      .overlaps()
      .map(
        ({ processes, terms, ms }) =>
          `two leaders at one moment: ${processes.join(' and ')} in terms ${terms.join(' and ')} for ${ms.toFixed(3)} ms`,
      );
    const terms = this.elections.map(({ term }) => term);
    const isTwice = new Set(terms).size < terms.length;
    return isTwice ? [...overlaps, `a term was granted twice: ${terms.join(', ')}`] : overlaps;
  }

  /** The longest time in ms for which a thread of its processes has waited for a core, in all. */
  starvedMs(): number {
    const waits = this.crowds.flatMap(({ pid }) => [...waitsForCore(pid).values()]);
    this.#starvedMs = Math.max(this.#starvedMs, ...waits);
    return this.#starvedMs;
  }

  /** Ends it, when all that it told was heard. */
  async end(): Promise<void> {
    await this.look();
    this.starvedMs();
    for (const crowd of this.crowds) await crowd.kill();
  }
}

async function startedAtOnce(bench: Bench, count: number) {
  return async (run: Run) => {
    const redis = await bench.redis();
    const throng = await gather(bench, redis.url, count, { leaseMs: bench.leaseMs });
    let started: Promise<unknown> = Promise.resolve();
    const startedAt = await run.strike(`${count} start`, () => {
      started = throng.start();
    });
    const first = await run.becomes('one is elected', () => throng.elected(startedAt), 20_000);
    run.recovered(startedAt, first.at);
    await run.settles('all start() resolve', started, 30_000);
    await run.becomes('all name one leader', () => throng.agrees(), 20_000);
    const listed = (await throng.crowds[0]!.call('instances')) as number[];
    await run.prove(`all ${count} are there`, () => listed.every((length) => length === count));
    run.expect(throng.elections.length === 1, `one election, not ${throng.elections.length}`);
    await throng.end();
    await redis.stop();
  };
}

async function loseTheirLeader(bench: Bench, count: number) {
  return async (run: Run) => {
    const redis = await bench.redis();
    const group = bench.group({ url: redis.url, size: 1 });
    const { leader } = await group.steady();
    const throng = await gather(bench, redis.url, count, { leaseMs: bench.leaseMs });
    await run.settles('all start() resolve', throng.start(), 30_000);
    await run.becomes(
      'all name the leader',
      async () => {
        return (await throng.look()).every((one) => one.leader === leader.id);
      },
      20_000,
    );
    const killedAt = await run.strike('SIGKILL to the leader', () => group.kill(leader));
    await run.prove('it is gone', () => leader.hasExited);
    const next = await run.becomes('one is elected', () => throng.elected(killedAt), 20_000);
    run.recovered(killedAt, next.at);
    await run.becomes('all name one leader', () => throng.agrees(), 20_000);
    run.expect(throng.elections.length === 1, `one election, not ${throng.elections.length}`);
    await throng.end();
    await redis.stop();
  };
}

async function clusterKilled(bench: Bench) {
  const redis = await bench.redis();
  return async (run: Run) => {
    const kind = `cluster-${run.number}`;
    const options = { redis: { url: redis.url }, kind, leaseMs: bench.leaseMs };
    const program = path.join(__dirname, '../../__test__/fixtures/cluster.cjs');
    const primary = spawn(process.execPath, [program, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const release = guard(primary.pid!);
    bench.after(() => primary.kill('SIGKILL'));
    let output = '';
    primary.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    const ids = () => new Set([...output.matchAll(/^id ([0-9a-f]{24})$/gm)].map(([, id]) => id));
    await run.becomes('four have started', () => ids().size === 4);

    const group = bench.group({ url: redis.url, kind, size: 1 });
    const beside = await group.start(0);
    const [leader] = beside.of('leader').at(-1) ?? [];
    run.expect(ids().has(leader), 'the leader is in the cluster');
    const killedAt = await run.strike(
      'SIGKILL to the primary; its workers end with it',
      async () => {
        const exited = once(primary, 'exit');
        primary.kill('SIGKILL');
        await exited;
      },
    );
    await run.prove('four ids were distinct', () => ids().size === 4);
    const { event } = await group.elected(run, killedAt);
    run.recovered(killedAt, event.at);
    run.expect(await beside.call('isLeader'), 'the one beside it leads');
    await group.kill(beside);
    release();
  };
}

async function inTurn(bench: Bench) {
  const redis = await bench.redis();
  return async (run: Run) => {
    const records = new Records();
    bench.after(() => records.remove());
    const kind = `turn-${run.number}`;
    const options = { leaseMs: bench.leaseMs };
    const crowd = new Crowd({ name: 'five', url: redis.url, kind, count: 5, records, options });
    bench.after(async () => crowd.hasEnded || (await crowd.kill()));
    await crowd.spawn();
    const throng = new Throng([crowd], records);
    bench.judges.push(() => throng.judge());
    bench.waits.push(() => throng.starvedMs());
    await run.settles('all start', throng.start());
    await run.becomes('all name one leader', () => throng.agrees());
    const ids = (await throng.look()).map(({ id }) => id);
    for (let turn = 0; turn < 4; turn++) {
      const number = (await crowd.call('status')).members.findIndex(({ isLeader }) => isLeader);
      const stoppedAt = now();
      await run.strike(`candidate ${number} stops`, () => crowd.call('stop', [number]));
      const next = await run.becomes('another is elected', () => throng.elected(stoppedAt));
      run.recovered(stoppedAt, next.at);
      await run.becomes('all name one leader', () => throng.agrees());
    }
    await run.prove('five ids were distinct, and each led once', () => {
      const led = new Set(throng.elections.map(({ id }) => id));
      return new Set(ids).size === 5 && led.size === 5;
    });
    await throng.end();
  };
}
