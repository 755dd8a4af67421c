import { exchange, messengers, type Exchange, type Way } from '../exchange.ts';
import { all, atLeast, atMost, timesTheBest, type Goal } from '../goals.ts';
import { ourselves } from '../lines.ts';
import type { Case, Circumstances, Scenario } from '../scenario.ts';

const toAllReceivers = 2;

/** A way to send, with what Incumbent is to reach in it. */
interface Kind {
  name: string;
  way: Way;
  bytes: number;
  /** So many are sent in a run. */
  count: number;
  goal: Goal | undefined;
}

const kindsOfTraffic: Kind[] = [
  {
    ...{ name: 'awaited one by one, 100 bytes', way: { name: 'awaited' }, bytes: 100 },
    ...{ count: 40_000, goal: timesTheBest(1) },
  },
  {
    ...{ name: 'windows of 100, 100 bytes', way: { name: 'windows', size: 100 }, bytes: 100 },
    ...{ count: 400_000, goal: all(timesTheBest(2), atLeast(300_000)) },
  },
  {
    ...{ name: 'not awaited, 100 bytes', way: { name: 'forgotten' }, bytes: 100 },
    ...{ count: 400_000, goal: undefined },
  },
  {
    ...{ name: 'awaited one by one, 10 kB', way: { name: 'awaited' }, bytes: 10_000 },
    ...{ count: 20_000, goal: timesTheBest(1) },
  },
  {
    ...{ name: 'windows of 100, 10 kB', way: { name: 'windows', size: 100 }, bytes: 10_000 },
    ...{ count: 40_000, goal: timesTheBest(1.5) },
  },
  {
    ...{ name: 'not awaited, 10 kB', way: { name: 'forgotten' }, bytes: 10_000 },
    ...{ count: 40_000, goal: undefined },
  },
];

export const throughput: Scenario = {
  name: 'throughput',
  title: 'Messages delivered to the listener of another process, in a second',
  bound: {
    by: 'CPU',
    text: 'sender, Redis and receivers share the cores; awaited one by one, by a round trip through the kernel and three threads',
  },
  runs: { full: 3, short: 1 },
  metrics: {
    'messages/s': { unit: '', better: 'higher' },
    'out of order': { unit: 'messages', better: 'lower' },
    lost: { unit: 'messages', better: 'lower' },
    refused: { unit: 'messages', better: 'lower' },
  },
  cases: (circumstances) =>
    kindsOfTraffic.flatMap((kind) => [
      ...messengers(circumstances).map((messenger) =>
        throughputCase(messenger, kind, 'one', circumstances),
      ),
      throughputCase(ourselves, kind, 'leader', circumstances),
      ...messengers(circumstances).map((messenger) =>
        throughputCase(messenger, kind, 'all', circumstances),
      ),
    ]),
  remarks: () => [
    'The others send plain texts over a channel, with no names and no numbers in them; the leader is to them a channel like any other',
    'What is not awaited is handed over in bursts of 1000, one in a turn of the loop; refused is what came when too many were waiting, and was sent again later',
  ],
};

function throughputCase(
  messenger: string,
  { name, way, bytes, count, goal }: Kind,
  to: Exchange['to'],
  { choice, isShort }: Circumstances,
): Case {
  const isOurs = messenger === ourselves;
  const receivers = to === 'all' ? toAllReceivers : 1;
  const channel = to === 'all' ? `to all ${toAllReceivers} others` : `to ${to}`;
  return {
    who: messenger,
    what: `${name}, ${channel}`,
    comparable: `${name}, ${receivers}`,
    ...(isOurs && {
      goals: {
        ...(goal && { 'messages/s': goal }),
        'out of order': atMost(0, 'maximum'),
        lost: atMost(0, 'maximum'),
      },
    }),
    async measure() {
      const outcome = await exchange({
        ...{ messenger, options: choice.options, to, receivers, way, bytes },
        count: isShort ? count / 10 : count,
      });
      return {
        'messages/s': outcome.perSecond,
        ...trouble(outcome, isOurs),
      };
    },
  };
}

/** The others show it only where there is some. */
function trouble(
  { outOfOrder, lost, refused }: { outOfOrder: number; lost: number; refused: number },
  isOurs: boolean,
): Record<string, number> {
  return {
    ...(isOurs || outOfOrder ? { 'out of order': outOfOrder } : {}),
    ...(isOurs || lost ? { lost } : {}),
    ...(refused ? { refused } : {}),
  };
}
