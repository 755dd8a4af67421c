import { contenders, isOurs, type Contender } from '../contenders.ts';
import { atMost } from '../goals.ts';
import { withGroup, type Group, type Timed } from '../group.ts';
import { msBetween } from '../../__test__/fixtures/processes.ts';
import type { Case, Circumstances, Scenario } from '../scenario.ts';
import { withServer } from '../servers.ts';

export const coldStart: Scenario = {
  name: 'cold-start',
  title: 'Cold start: from the first start() to `elected`',
  bound: {
    by: 'CPU',
    text:
      'a connection and a few round trips where the register is vacant; on an empty Redis by a timer, since what is missing ' +
      'is watched for a lease before it is taken',
  },
  runs: { full: 10, short: 2 },
  metrics: { 'to elected': { unit: 'ms', better: 'lower' } },
  cases: (circumstances) => [
    ...ofOurs(circumstances),
    ...contenders(circumstances)
      .filter((one) => !isOurs(one))
      .map((one) => coldCase(one, 3, 'vacant')),
  ],
};

function ofOurs(circumstances: Circumstances): Case[] {
  const [ours] = contenders(circumstances);
  const sizes = [1, 3, 10];
  return [
    ...sizes.map((size) => ({
      ...coldCase(ours!, size, 'vacant'),
      goals: { 'to elected': atMost(15) },
    })),
    ...sizes.map((size) => ({
      ...coldCase(ours!, size, 'empty'),
      goals: { 'to elected': atMost(circumstances.leaseMs + 20) },
    })),
  ];
}

/** To the others a server that is empty is one without a leader. */
function coldCase(contender: Contender, size: number, server: 'vacant' | 'empty'): Case {
  const where = server === 'vacant' ? 'no leader' : 'empty Redis';
  return {
    who: contender.who,
    what: `${where}, ${size} instance${size > 1 ? 's' : ''}`,
    measure: () =>
      withServer(contender, async (url) => {
        if (isOurs(contender) && server === 'vacant') await vacate(contender, url);
        return withGroup(contender, url, async (group) => ({
          'to elected': await startToElected(group, size),
        }));
      }),
  };
}

/** One has led and has stopped. */
const vacate = (contender: Contender, url: string) =>
  withGroup(contender, url, async (group) => {
    await group.start(1);
    await group.leader.program.call('stop');
  });

async function startToElected(group: Group, size: number): Promise<number> {
  const members = await group.spawn(size);
  const starts = members.map(({ program }): Promise<Timed> => program.call('start'));
  const { at } = await group.elected(0n);
  const calls = (await Promise.all(starts)).map(({ calledAt }) => calledAt);
  return msBetween(
    calls.reduce((first, call) => (call < first ? call : first)),
    at,
  );
}
