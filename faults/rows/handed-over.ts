// Row 4: the leader goes in good order, and nobody has to wait for a lease.

import type { Fault } from '../fault.ts';

const leaseMs = 800;
const boundMs = 20;

export const handedOver: Fault[] = [
  {
    row: 4,
    title: 'stop() of the leader',
    leaseMs,
    boundMs,
    // A few ms are measured, and each start of a process beside would cost more.
    alone: true,
    longRuns: 100,
    measures: 'from the call to the next elected',
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      return async (run) => {
        const { leader } = await group.steady();
        const stopping: Promise<unknown>[] = [];
        const calledAt = await run.strike(`stop() of the leader ${group.label(leader)}`, () => {
          stopping.push(leader.call('stop'));
        });
        await run.settles('stop() resolves', stopping[0]!);
        await run.prove('it leads no longer', async () => !(await leader.call('isLeader')));
        const { event, process } = await group.elected(run, calledAt);
        run.recovered(calledAt, event.at);
        await run.becomes('the others name the new leader', () => group.agreed(leader));

        await run.settles('start() resolves again', leader.call('start'));
        run.expect(await process.call('isLeader'), 'who comes back deposes nobody');
        run.expect(group.electedSince(calledAt).length === 1, 'one election');
      };
    },
  },
  {
    row: 4,
    title: 'SIGTERM, upon which the leader calls stop()',
    leaseMs,
    boundMs,
    // A few ms are measured, and each start of a process beside would cost more.
    alone: true,
    longRuns: 100,
    measures: 'from the signal to the next elected',
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      return async (run) => {
        const { leader } = await group.steady();
        await leader.call('stopOnSigterm');
        const ends: Promise<unknown>[] = [];
        const signalledAt = await run.strike(`SIGTERM to the leader ${group.label(leader)}`, () => {
          ends.push(group.kill(leader, 'SIGTERM'));
        });
        await run.settles('the process ends', ends[0]!);
        await run.prove('it ended by its own stop()', () => leader.end === 'code 0');
        const { event } = await group.elected(run, signalledAt);
        run.recovered(signalledAt, event.at);
        await run.becomes('all name the new leader', () => group.agreed());
        run.expect(group.electedSince(signalledAt).length === 1, 'one election');
      };
    },
  },
];
