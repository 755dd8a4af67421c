// Row 1: the process of the leader is gone between two instructions.

import type { Fault } from '../fault.ts';

const leaseMs = 800;

export const killed: Fault[] = [
  {
    row: 1,
    title: 'leader killed (SIGKILL)',
    leaseMs,
    boundMs: leaseMs + 20,
    measures: 'from the kill to the next elected',
    longRuns: 1000,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      return async (run) => {
        const { leader } = await group.steady();
        let killedAt = 0n;
        await run.strike(`SIGKILL to the leader ${group.label(leader)}`, async () => {
          killedAt = await group.kill(leader);
        });
        await run.prove('its process is gone', () => leader.hasExited && leader.end === 'SIGKILL');
        const { event } = await group.elected(run, killedAt);
        run.recovered(killedAt, event.at);
        await run.becomes('all name the new leader', () => group.agreed());
        run.expect(group.electedSince(killedAt).length === 1, 'one election');
      };
    },
  },
];
