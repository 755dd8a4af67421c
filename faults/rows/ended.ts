// Row 5: the process of the leader, or the thread that holds it, comes to an end from within.

import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { CandidateProcess } from '../../__test__/fixtures/processes.ts';
import type { Run } from '../run.ts';

const leaseMs = 400;
/** An end that takes longer hangs. */
const endMs = 3000;

interface End {
  title: string;
  thread?: boolean;
  /** Brings the end about, waits until it is there, and gives the moment from which nothing of the leader runs on. */
  end: (run: Run, leader: CandidateProcess) => Promise<bigint>;
  proof: (leader: CandidateProcess) => boolean;
}

const ends: End[] = [
  {
    title: 'process.exit() in the leader',
    end: (run, leader) => exits(run, leader, 'exit', 7),
    proof: (leader) => leader.end === 'code 7',
  },
  {
    title: 'an uncaught exception in the leader',
    end: (run, leader) => exits(run, leader, 'throwUncaught'),
    proof: (leader) => leader.end === 'code 1' && leader.output.includes('that is meant'),
  },
  {
    title: 'the worker thread that holds the leader is terminated',
    thread: true,
    async end(run, leader) {
      const endedAt = await run.settles('terminate() resolves', leader.call('terminate'), endMs);
      await run.settles('the process can leave', leader.call('leave'), endMs);
      await run.becomes('it ends by itself', () => leader.hasExited, endMs);
      return BigInt(endedAt);
    },
    proof: (leader) => leader.end === 'code 0',
  },
];

export const ended: Fault[] = ends.map((end) => ({
  row: 5,
  title: end.title,
  leaseMs,
  boundMs: leaseMs + 20,
  measures:
    'from the moment at which the process began to end, or the thread had ended, to the next elected',
  shortRuns: 1,
  longRuns: 70,
  setUp: (bench) => setUp(bench, end),
}));

async function setUp(bench: Bench, { thread = false, end, proof }: End) {
  const redis = await bench.redis();
  const group = bench.group({ url: redis.url, thread });
  return async (run: Run) => {
    const { leader } = await group.steady();
    group.mayEnd(leader);
    let endedAt = 0n;
    const struckAt = await run.strike(`the end of ${group.label(leader)}`, async () => {
      endedAt = await end(run, leader);
    });
    await run.prove('it ended in that way', () => leader.hasExited && proof(leader));
    const { event } = await group.elected(run, struckAt);
    run.recovered(endedAt, event.at);
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(struckAt).length === 1, 'one election');
  };
}

/**
 * Between a throw and the end, Node prints what was thrown, and the leader still leads: the process itself tells when it
 * begins to end. The call is never answered.
 */
async function exits(run: Run, leader: CandidateProcess, deed: string, ...args: unknown[]) {
  await leader.call('tellEnd');
  leader.call(deed, ...args).catch(() => {});
  const ending = () => /ending at (\d+)/.exec(leader.output)?.[1];
  await run.becomes('the process has ended', () => leader.hasExited && ending(), endMs);
  return BigInt(ending()!);
}
