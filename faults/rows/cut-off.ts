// Row 9: one process is cut off from Redis, the others are not; then it comes back.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.ts';

const leaseMs = 800;

export const cutOff: Fault[] = [
  {
    row: 9,
    title: 'only the leader cut off, then healed',
    leaseMs,
    boundMs: leaseMs + 200,
    measures: 'from the cut to the next elected',
    shortRuns: 1,
    longRuns: 100,
    async setUp(bench) {
      const redis = await bench.redis();
      const proxies = await bench.proxies(redis, 3);
      const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
      return async (run) => {
        const { leader } = await group.steady();
        const proxy = proxies[group.place(leader)]!;
        const refused = proxy.counts.refused;
        const cutAt = await run.strike(`${group.label(leader)} is cut off`, () => proxy.cut());
        await run.prove('connections are refused', () => proxy.counts.refused > refused);
        const { event, process } = await group.elected(run, cutAt);
        run.recovered(cutAt, event.at);
        run.note('healed');
        proxy.pass();
        await run.becomes('all name the new leader', () => group.agreed());
        run.expect(await process.call('isLeader'), 'who returns deposes nobody');
        run.expect(group.electedSince(cutAt).length === 1, 'one election');
      };
    },
  },
  {
    row: 9,
    title: 'only a follower cut off for 1.5 L, then healed: it deposes nobody',
    leaseMs,
    shortRuns: 1,
    longRuns: 100,
    async setUp(bench) {
      const redis = await bench.redis();
      const proxies = await bench.proxies(redis, 3);
      const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
      const eye = bench.eye(redis);
      return async (run) => {
        const { leader, followers } = await group.steady();
        const follower = followers[run.number % followers.length]!;
        const proxy = proxies[group.place(follower)]!;
        const refused = proxy.counts.refused;
        const cutAt = await run.strike(`${group.label(follower)} is cut off`, () => proxy.cut());
        await run.prove('connections are refused', () => proxy.counts.refused > refused);
        await sleep(1.5 * leaseMs);
        run.note('healed');
        proxy.pass();
        const { beat, term } = await eye.read();
        await run.becomes('renewals go on', async () => (await eye.read()).beat >= beat + 5);
        run.expect((await group.agreed()) === leader, 'all name the same leader as before');
        run.expect((await eye.read()).term === term, 'the term goes on');
        run.expect(group.electedSince(cutAt).length === 0, 'no election');
      };
    },
  },
];
