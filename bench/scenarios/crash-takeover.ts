import { contenders, isOurs, longLeaseMs, type Contender } from '../contenders.ts';
import { all, atMost, type Goal } from '../goals.ts';
import { anyPhase, withLedGroup } from '../group.ts';
import type { Case, Circumstances, Scenario } from '../scenario.ts';

/** So many leaders are killed in one run. */
const strikes = 3;

export const crashTakeover: Scenario = {
  name: 'crash-takeover',
  title: 'Crash takeover: from SIGKILL of the leader to the next `elected`',
  bound: {
    by: 'timer',
    text: 'the lease, less the time since its last renewal; with `crashDetection: "connection"` the time in which the kernel closes the connections of the killed process',
  },
  runs: { full: 10, short: 1 },
  metrics: { 'to elected': { unit: 'ms', better: 'lower' } },
  cases(circumstances) {
    const [ours, ...others] = contenders(circumstances);
    const detections: Detection[] = chosenDetection(circumstances) ?? ['lease', 'connection'];
    return [
      ...detections.flatMap((detection) =>
        [3, 10].map((size) => ourCase(ours!, size, detection, circumstances)),
      ),
      ...others
        .filter(({ leaseMs }) => !circumstances.isShort || leaseMs <= longLeaseMs)
        .map((one) => crashCase(one, 3)),
    ];
  },
  remarks: (lines) => [
    'By connection: with `crashDetection: "connection"`',
    ...lines.flatMap(({ who, what, summary }) =>
      isOurs({ who }) && summary
        ? [`Incumbent's mean with ${what}: ${summary.mean.toFixed(0)} ms`]
        : [],
    ),
  ],
};

type Detection = 'lease' | 'connection';

/** What was asked for by `--option`. */
function chosenDetection({ choice }: Circumstances): [Detection] | undefined {
  const { crashDetection } = choice.options;
  return crashDetection === undefined ? undefined : [crashDetection as Detection];
}

function ourCase(
  ours: Contender,
  size: number,
  crashDetection: Detection,
  { leaseMs }: Circumstances,
): Case {
  const one = crashCase({ ...ours, options: { ...ours.options, crashDetection } }, size);
  return crashDetection === 'connection'
    ? { ...one, what: `${one.what}, by connection`, goals: goal(atMost(50)) }
    : { ...one, goals: goal(all(atMost(leaseMs + 20, 'maximum'), atMost(0.9 * leaseMs, 'mean'))) };
}

const goal = (toElected: Goal) => ({ 'to elected': toElected });

function crashCase(contender: Contender, size: number): Case {
  const isLong = contender.leaseMs > longLeaseMs;
  return {
    who: contender.who,
    what: `${size} instances`,
    ...(isOurs(contender) ? {} : { maximumRuns: isLong ? 1 : 3 }),
    measure: () =>
      withLedGroup(contender, size, async (group) => {
        const times: number[] = [];
        for (let strike = 1; strike <= (isLong ? 1 : strikes); strike++) {
          if (strike > 1) await group.join();
          await anyPhase(Math.min(contender.leaseMs, 1000));
          const { member, at } = await group.killLeader();
          times.push(await group.takeover(at, member));
        }
        return { 'to elected': times };
      }),
  };
}
