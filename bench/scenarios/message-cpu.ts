import { exchange, messengers } from '../exchange.ts';
import { timesTheBest } from '../goals.ts';
import { ourselves } from '../lines.ts';
import type { Scenario } from '../scenario.ts';

const unitCount = 100_000;

export const messageCpu: Scenario = {
  name: 'message-cpu',
  title: 'CPU for 100 000 messages of 100 bytes, in windows of 100, to one',
  bound: {
    by: 'CPU',
    text: 'copying each message three times through the kernel; the share of Redis is the same work for all',
  },
  runs: { full: 5, short: 1 },
  metrics: {
    sender: { unit: 'CPU s', better: 'lower' },
    receiver: { unit: 'CPU s', better: 'lower' },
    Redis: { unit: 'CPU s', better: 'lower' },
    all: { unit: 'CPU s', better: 'lower' },
  },
  cases: (circumstances) =>
    messengers(circumstances).map((messenger) => ({
      who: messenger,
      what: 'windows of 100, 100 bytes',
      ...(messenger === ourselves && {
        goals: { sender: timesTheBest(1), receiver: timesTheBest(1), all: timesTheBest(1) },
      }),
      async measure() {
        const count = circumstances.isShort ? unitCount / 2 : 3 * unitCount;
        const { senderCpu, receiverCpu, redisCpu } = await exchange({
          ...{ messenger, options: circumstances.choice.options, to: 'one', receivers: 1 },
          ...{ way: { name: 'windows', size: 100 }, bytes: 100, count },
        });
        const each = unitCount / count;
        return {
          sender: senderCpu * each,
          receiver: receiverCpu * each,
          Redis: redisCpu * each,
          all: (senderCpu + receiverCpu + redisCpu) * each,
        };
      },
    })),
};
