import { msBetween } from '../../__test__/fixtures/processes.ts';
import { contenders } from '../contenders.ts';
import { atMost } from '../goals.ts';
import { withLedGroup, type Timed } from '../group.ts';
import type { Scenario } from '../scenario.ts';

/** So many join one after the other in one run. */
const joiners = 5;

export const joining: Scenario = {
  name: 'joining',
  title:
    'Joining under a leader: until start() resolves, with the leader known and the instance listed',
  bound: { by: 'CPU', text: 'two connections and a few round trips' },
  runs: { full: 10, short: 1 },
  metrics: { 'start()': { unit: 'ms', better: 'lower' } },
  cases(circumstances) {
    const [ours] = contenders(circumstances);
    return [
      {
        who: ours!.who,
        what: 'a process joins',
        goals: { 'start()': atMost(15) },
        measure: () =>
          withLedGroup(ours!, 1, async (group) => {
            const times: number[] = [];
            for (const { program } of await group.spawn(joiners)) {
              const { calledAt, doneAt }: Timed = await program.call('start');
              times.push(msBetween(calledAt, doneAt));
            }
            return { 'start()': times };
          }),
      },
    ];
  },
};
