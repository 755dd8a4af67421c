// Row 21: a subscriber reads too slowly, and Redis throws it out.

import type { Fault } from '../fault.ts';
import { isStoppedBySignal } from '../proofs.ts';
import { goesOn } from './steady-reign.ts';

const leaseMs = 800;

/** What Redis keeps for a subscriber at most. The kernel keeps some MB beside that. */
const limitBytes = 1_000_000;
const messages = 30;
const messageBytes = 900_000;

export const slowSubscriber: Fault[] = [
  {
    row: 21,
    title: 'a slow subscriber is thrown out: it resubscribes, and is told of the gap',
    leaseMs,
    boundMs: 2 * leaseMs,
    measures: 'from the moment at which it reads again to the next message',
    shortRuns: 1,
    longRuns: 200,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      const eye = bench.eye(redis);
      return async (run) => {
        const reign = await goesOn(run, group, eye);
        const slow = reign.followers[0]!;
        // The first message of a sender begins the count of what is missed.
        await reign.leader.call('messageAll', 'first');
        await slow.event('message', ({ args }) => args[0].message === 'first');
        const limit = `pubsub ${limitBytes} 0 0`;
        await eye.send('CONFIG', 'SET', 'client-output-buffer-limit', limit);
        const before = await subscriptions();

        const struckAt = await run.strike(`${group.label(slow)} reads nothing`, () =>
          slow.suspend(),
        );
        await run.prove('the kernel calls it stopped', () => isStoppedBySignal(slow.pid));
        const flooded = reign.leader.call('flood', messages, messageBytes);
        await run.prove('a subscription was ended by the server', async () => {
          return (await subscriptions()) < before;
        });
        await run.settles('all messages are sent', flooded);
        await eye.send('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 0 0 0');
        const readsAt = run.note('it reads again');
        slow.resume();
        const told = await run.becomes('a message comes in again', async () => {
          await reign.leader.call('messageAll', 'again');
          const again = ({ name, args, at }: { name: string; args: any[]; at: bigint }) =>
            at > readsAt && name === 'message' && args[0].message === 'again';
          return slow.events.find(again);
        });
        run.recovered(readsAt, told.at);
        const gap = slow.events.find(
          ({ name, at }) => name === 'gap' && at > struckAt && at <= told.at,
        );
        run.expect(gap?.args[0].from === reign.leader.id, 'the gap is told before the message');
        run.expect(gap?.args[0].missed > 0, `it says how many were missed: ${gap?.args[0].missed}`);
        await reign.hasGoneOn(struckAt);
        await reign.allAreListed();
      };

      async function subscriptions(): Promise<number> {
        const list = String(await eye.send('CLIENT', 'LIST', 'TYPE', 'pubsub'));
        return list.split('\n').filter((line) => line.startsWith('id=')).length;
      }
    },
  },
];
