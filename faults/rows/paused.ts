// Row 2: the process of the leader does not run for a while, and does not know it.

import { setTimeout as sleep } from 'node:timers/promises';
import { msBetween } from '../../__test__/fixtures/processes.ts';
import type { Fault } from '../fault.ts';
import { isStoppedBySignal } from '../proofs.ts';

const leaseMs = 800;
/** For so long after it was sent a renewal keeps a leader sure of itself. */
const validMs = 0.8 * leaseMs;
const renewMs = leaseMs / 5;
/** A leader that wakes with less than this left may reach its deadline before its first renewal is answered. */
const answerMs = 20;

export const paused: Fault[] = [
  {
    row: 2,
    title: 'leader stopped for 0 to 5 L, then continued (SIGSTOP, SIGCONT)',
    leaseMs,
    boundMs: leaseMs + 20,
    measures:
      'from the stop to the next elected, or to the end of a stop that it outlasts as leader',
    longRuns: 1000,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      return async (run) => {
        const { leader } = await group.steady();
        const stopMs = stopLength(run.number);
        const stoppedAt = await run.strike(
          `SIGSTOP to the leader ${group.label(leader)}, for ${stopMs.toFixed(0)} ms`,
          () => leader.suspend(),
        );
        await run.prove('the kernel calls it stopped', () => isStoppedBySignal(leader.pid));
        await sleep(stopMs);
        const continuedAt = run.note('SIGCONT');
        leader.resume();

        // Whatever it says by events: what its code reads first is what counts.
        const pause = await run.becomes('it runs again', () =>
          leader.pauses.find(({ at, ms }) => at > continuedAt && ms > stopMs * 0.8),
        );
        if (pause.ms > validMs) run.expect(!pause.isLeader, 'its first isLeader() is false');

        const next = await run.becomes('all name one leader', () => group.agreed());
        // The last renewal before the stop was up to an interval old.
        const wokeNearDeadline = pause.ms > validMs - renewMs - answerMs;
        const hasExpired = leader.events.some(
          ({ name, at }) =>
            name === 'defeated' && at > pause.at && msBetween(pause.at, at) < answerMs,
        );
        const goesOn = pause.isLeader && !(wokeNearDeadline && hasExpired);
        if (goesOn) run.recovered(stoppedAt, pause.at);
        else run.recovered(stoppedAt, (await group.elected(run, stoppedAt)).event.at);
        const elections = group.electedSince(stoppedAt).length;
        run.expect(elections === (goesOn ? 0 : 1), `no needless election (${elections})`);
        if (goesOn) run.expect(next === leader, 'who was not deposed still leads');
      };
    },
  },
];

// From a tenth of L, below which nothing shows that it stopped at all, to 5 L; every third one below 1.2 L, where the
// deadline lies.
function stopLength(number: number): number {
  const longest = number % 3 === 0 ? 1.2 : 5;
  return leaseMs * (0.1 + Math.random() * (longest - 0.1));
}
