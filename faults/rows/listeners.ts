// Row 6: what the user's code does in a listener is no affair of the election.

import type { Fault } from '../fault.ts';

const leaseMs = 400;
const struckEvents = ['elected', 'defeated', 'statechange', 'leader', 'joined', 'left'];

export const listeners: Fault[] = [
  {
    row: 6,
    title: 'every listener throws, and the leader is killed',
    leaseMs,
    boundMs: leaseMs + 20,
    measures: 'from the kill to the next elected',
    shortRuns: 1,
    longRuns: 100,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      return async (run) => {
        const { leader, followers } = await group.steady();
        await run.strike('a listener that throws on every event, in every process', async () => {
          for (const one of [leader, ...followers]) {
            await one.call('surviveExceptions');
            await one.call('throwOn', struckEvents);
          }
        });
        const killedAt = await run.strike(`SIGKILL to ${group.label(leader)}`, () =>
          group.kill(leader),
        );
        const { event, process } = await group.elected(run, killedAt);
        run.recovered(killedAt, event.at);
        await run.prove('a listener threw in the new leader', () => process.call('struck'));
        run.expect((await group.agreed()) === process, 'all name it');
        run.expect(group.electedSince(killedAt).length === 1, 'one election');
        // The next run begins with listeners that do not throw.
        for (const one of followers) await group.kill(one);
      };
    },
  },
  {
    row: 6,
    title: 'every listener blocks for 2 L, and the leader is killed',
    leaseMs,
    boundMs: leaseMs + 20,
    measures: 'from the kill to the next elected',
    shortRuns: 1,
    longRuns: 100,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      return async (run) => {
        const { leader, followers } = await group.steady();
        await run.strike('a listener that blocks for 2 L on elected and leader', async () => {
          for (const one of followers)
            await one.call('blockOn', ['elected', 'leader'], 2 * leaseMs);
        });
        const killedAt = await run.strike(`SIGKILL to ${group.label(leader)}`, () =>
          group.kill(leader),
        );
        const { event, process } = await group.elected(run, killedAt);
        run.recovered(killedAt, event.at);
        // Answered only when the loop turns again.
        const struck = await run.settles('its loop turns again', process.call('struck'));
        await run.prove('its loop was blocked', () => struck > 0);
        run.expect(await process.call('isLeader'), 'it stayed leader meanwhile');
        run.expect((await group.agreed()) === process, 'all name it');
        run.expect(group.electedSince(killedAt).length === 1, 'one election');
        for (const one of followers) await group.kill(one);
      };
    },
  },
];
