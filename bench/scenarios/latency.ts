import { exchange, messengers } from '../exchange.ts';
import { atMost } from '../goals.ts';
import { ourselves } from '../lines.ts';
import type { Scenario } from '../scenario.ts';

const perSecond = 200;

export const latency: Scenario = {
  name: 'latency',
  title:
    'Latency at 200 messages a second of 100 bytes, from the send to the listener of another process',
  bound: {
    by: 'CPU',
    text: 'two ways through the kernel, and the wake-up of every thread on them',
  },
  runs: { full: 5, short: 1 },
  metrics: {
    p50: { unit: 'ms', better: 'lower' },
    p99: { unit: 'ms', better: 'lower' },
  },
  cases: (circumstances) =>
    messengers(circumstances).map((messenger) => ({
      who: messenger,
      what: '200/s, to one',
      ...(messenger === ourselves && { goals: { p50: atMost(0.2), p99: atMost(1) } }),
      async measure() {
        const seconds = circumstances.isShort ? 2 : 10;
        const { latencyMs } = await exchange({
          ...{ messenger, options: circumstances.choice.options, to: 'one', receivers: 1 },
          ...{ way: { name: 'paced', perSecond, seconds }, bytes: 100, count: perSecond * seconds },
        });
        return { p50: latencyMs!.p50, p99: latencyMs!.p99 };
      },
    })),
  remarks: () => ['Each run gives one p50 and one p99; the table has those of the runs'],
};
