// Row 3: the event loop of the leader is blocked, while the threads of the addon run on.

import type { Fault } from '../fault.ts';

const leaseMs = 400;
const blockMs = 3000;
const maxStallMs = 800;

export const blocked: Fault[] = [
  {
    row: 3,
    title: 'event loop of the leader blocked for 3 s: it stays leader',
    leaseMs,
    shortRuns: 1,
    longRuns: 100,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      return async (run) => {
        const { leader } = await group.steady();
        const blocking: Promise<unknown>[] = [];
        const blockedAt = await run.strike(`a busy loop of ${blockMs} ms`, () => {
          blocking.push(leader.call('block', blockMs));
        });
        await run.settles('the loop turns again', blocking[0]!);
        const pause = await run.becomes('its first answer', () =>
          leader.pauses.find(({ at, ms }) => at > blockedAt && ms > 0.9 * blockMs),
        );
        await run.prove('its loop stood still', () => pause.ms >= 0.9 * blockMs);
        run.expect(pause.isLeader, 'its first isLeader() is true');
        run.expect((await group.agreed()) === leader, 'all still name it');
        run.expect(group.electedSince(blockedAt).length === 0, 'no election');
      };
    },
  },
  {
    row: 3,
    title: `event loop of the leader blocked past maxStallMs (${maxStallMs} ms): it gives up`,
    leaseMs,
    // The process is probed each quarter of the limit, and a probe that is not answered within the limit is the proof.
    boundMs: 1.25 * maxStallMs + 20,
    measures: 'from the beginning of the busy loop to the next elected',
    shortRuns: 1,
    longRuns: 100,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url, options: { maxStallMs } });
      return async (run) => {
        const { leader } = await group.steady();
        const blocking: Promise<unknown>[] = [];
        const blockedAt = await run.strike(`a busy loop of ${2 * maxStallMs} ms`, () => {
          blocking.push(leader.call('block', 2 * maxStallMs));
        });
        const { event, process } = await group.elected(run, blockedAt);
        run.recovered(blockedAt, event.at);
        await run.settles('the loop turns again', blocking[0]!);
        const pause = await run.becomes('its first answer', () =>
          leader.pauses.find(({ at, ms }) => at > blockedAt && ms > 1.8 * maxStallMs),
        );
        await run.prove('its loop stood still', () => pause.ms > 1.8 * maxStallMs);
        run.expect(!pause.isLeader, 'its first isLeader() is false');
        run.expect((await group.agreed()) === process, 'who comes back deposes nobody');
        run.expect(group.electedSince(blockedAt).length === 1, 'one election');
      };
    },
  },
];
