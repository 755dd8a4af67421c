// Row 28: start() and stop() in every order, twice, at once, with Redis there and with Redis down.

import type { Fault } from '../fault.ts';
import { now, type CandidateProcess } from '../../__test__/fixtures/processes.ts';
import type { Run } from '../run.ts';

const leaseMs = 400;
const rounds = 500;
const roundsWithoutRedis = 30;
/** What the engine and the runtime need grows for the first thousands of rounds; from the tenth run on it has to stay. */
const settledAfterRuns = 10;
const growthLimit = { unsettled: 1.3, settled: 1.08 };

interface Leftovers {
  settled: number;
  wrong: string[];
  memory: number;
  sockets: number;
  threads: number;
  handles: number;
}

export const churn: Fault[] = [
  {
    row: 28,
    title: `start and stop in every order, ${rounds} rounds a run, in one process for 20 runs`,
    leaseMs,
    shortRuns: 1,
    longRuns: 20,
    limitMs: 60_000,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url, size: 1 });
      let first: Leftovers | undefined;
      let settled: Leftovers | undefined;
      let runs = 0;
      return async (run) => {
        const { leader } = await group.steady();
        await leader.call('stop');
        // What the engine and the runtime make once is no growth.
        first ??= await leader.call('churn', rounds / 5);
        const left = await churned(run, leader, rounds);
        runs += 1;
        if (runs === settledAfterRuns) settled = left;
        if (settled) compare(run, left, settled, growthLimit.settled);
        else compare(run, left, first!, growthLimit.unsettled);
        await run.settles('start() resolves', leader.call('start'));
        run.expect(await leader.call('isLeader'), 'it leads again');
      };
    },
  },
  {
    row: 28,
    title: `start and stop in every order with Redis down, ${roundsWithoutRedis} rounds a run`,
    leaseMs,
    boundMs: 2 * leaseMs,
    measures: 'from Redis being back to the end of a start()',
    shortRuns: 1,
    longRuns: 180,
    limitMs: 60_000,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url, size: 1 });
      return async (run) => {
        const { leader } = await group.steady();
        await leader.call('stop');
        const before: Leftovers = await leader.call('churn', 2);
        await run.strike('Redis is killed', () => redis.kill());
        await run.prove('Redis is down', () =>
          redis.cli('PING').then(
            () => false,
            () => true,
          ),
        );
        const left = await churned(run, leader, roundsWithoutRedis, 'churnUnstarted');
        compare(run, left, before, growthLimit.unsettled);
        const starting = leader.call('start');
        await redis.restart();
        const backAt = run.note('Redis is back');
        await run.settles('start() resolves', starting);
        run.recovered(backAt, now());
        run.expect(await leader.call('isLeader'), 'it leads again');
      };
    },
  },
];

async function churned(
  run: Run,
  one: CandidateProcess,
  count: number,
  deed: 'churn' | 'churnUnstarted' = 'churn',
): Promise<Leftovers> {
  await run.strike(`${count} rounds`, () => {});
  const left: Leftovers = await run.settles('all rounds end', one.call(deed, count), 50_000);
  await run.prove('all calls were made', () => left.settled > 2 * count);
  run.note(JSON.stringify(left));
  run.expect(left.wrong.length === 0, `every promise settles well: ${left.wrong}`);
  return left;
}

function compare(run: Run, left: Leftovers, first: Leftovers, limit: number): void {
  const mb = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  run.expect(
    left.memory < first.memory * limit,
    `resident memory stays: ${mb(first.memory)} MB at first, ${mb(left.memory)} MB now`,
  );
  for (const what of ['sockets', 'threads', 'handles'] as const)
    run.expect(
      left[what] <= first[what],
      `no ${what} are left: ${first[what]}, then ${left[what]}`,
    );
}
