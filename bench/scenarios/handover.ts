import { contenders, isOurs, type Contender } from '../contenders.ts';
import { all, atMost } from '../goals.ts';
import { anyPhase, withLedGroup, type Timed } from '../group.ts';
import type { Case, Scenario } from '../scenario.ts';

/** So many handovers in one run. */
const handovers = 10;

export const handover: Scenario = {
  name: 'handover',
  title: 'Handover: from stop() or reelect() of the leader to the next `elected`, 3 instances',
  bound: {
    by: 'CPU',
    text: 'one script that releases, its announcement, one script that takes; that of a lock which the others poll for, by their timer',
  },
  runs: { full: 10, short: 1 },
  metrics: { 'to elected': { unit: 'ms', better: 'lower' } },
  cases(circumstances) {
    const [ours, ...others] = contenders(circumstances);
    const goals = { 'to elected': all(atMost(5), atMost(20, 'p99')) };
    return [
      { ...handoverCase(ours!, 'stop'), goals },
      { ...handoverCase(ours!, 'reelect'), goals },
      ...others.map((one) => handoverCase(one, 'stop')),
    ];
  },
};

function handoverCase(contender: Contender, deed: 'stop' | 'reelect'): Case {
  return {
    who: contender.who,
    what: `${deed}()`,
    measure: () =>
      withLedGroup(contender, 3, async (group) => {
        const times: number[] = [];
        while (times.length < (isOurs(contender) ? handovers : 2)) {
          await anyPhase(100);
          const former = group.leader;
          const done: Promise<Timed> = former.program.call(deed);
          const { calledAt } = await done;
          times.push(await group.takeover(calledAt, former));
          // It takes part again, as the last in line.
          if (deed === 'stop') await former.program.call('start');
        }
        return { 'to elected': times };
      }),
  };
}
