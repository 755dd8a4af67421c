// Row 11: the network is slow, for all processes alike.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';

const leaseMs = 800;

/** Each way; a round trip takes twice as long. */
const bearable = [
  { title: 'latency of 50 ms each way for 4 L: stable', ms: 50, jitter: 0 },
  { title: 'latency of 5 to 65 ms each way for 4 L (jitter): stable', ms: 5, jitter: 60 },
];
const unbearableMs = 2000;

export const slowNetwork: Fault[] = [
  ...bearable.map(({ title, ms, jitter }): Fault => ({
    row: 11,
    title,
    leaseMs,
    shortRuns: 1,
    longRuns: 70,
    async setUp(bench) {
      const { group, proxies, eye } = await besideProxies(bench);
      return async (run) => {
        const { leader } = await group.steady();
        const { term } = await eye.read();
        const late = proxies.map(({ counts }) => counts.lateBytes);
        const struckAt = await run.strike(`every byte takes ${ms} to ${ms + jitter} ms`, () => {
          for (const proxy of proxies) proxy.delay(ms, { jitter });
        });
        await run.prove('bytes are late', () =>
          proxies.every(({ counts }, index) => counts.lateBytes > late[index]!),
        );
        await sleep(4 * leaseMs);
        run.expect(await leader.call('isLeader'), 'the leader goes on');
        run.expect((await eye.read()).term === term, 'the term goes on');
        run.note('healed');
        for (const proxy of proxies) proxy.pass();
        run.expect((await group.agreed()) === leader, 'all name the same leader as before');
        run.expect(group.electedSince(struckAt).length === 0, 'no election');
      };
    },
  })),
  {
    row: 11,
    title: 'latency of 2 s each way for 5 L: no leader, no flapping; then healed',
    leaseMs,
    // The last late command may be a take or a renewal; one leader stands within 2 L of its landing.
    boundMs: 2 * leaseMs,
    measures: 'from the healing until one leader stands',
    shortRuns: 1,
    longRuns: 70,
    setUp: tooSlow,
  },
];

async function tooSlow(bench: Bench) {
  const { group, proxies, eye } = await besideProxies(bench);
  return async (run: Run) => {
    const { leader } = await group.steady();
    const late = proxies.map(({ counts }) => counts.lateBytes);
    const struckAt = await run.strike(`every byte takes ${unbearableMs} ms`, () => {
      for (const proxy of proxies) proxy.delay(unbearableMs);
    });
    await run.prove('bytes are late', () =>
      proxies.every(({ counts }, index) => counts.lateBytes > late[index]!),
    );
    await run.becomes(
      'the leader gives up',
      async () => !(await leader.call('isLeader')),
      leaseMs + 200,
    );
    await sleep(5 * leaseMs);
    run.expect(group.electedSince(struckAt).length === 0, 'nobody is elected meanwhile');

    const { stamp } = await eye.read();
    const healedAt = run.note('healed');
    for (const proxy of proxies) proxy.pass();
    const { at } = await eye.standing(run, group, { at: healedAt, stamp });
    run.recovered(healedAt, at);
    await run.becomes('all name one leader', () => group.agreed());
    run.expect(group.electedSince(healedAt).length <= 1, 'at most one election');
  };
}

async function besideProxies(bench: Bench) {
  const redis = await bench.redis();
  const proxies = await bench.proxies(redis, 3);
  const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
  return { group, proxies, eye: bench.eye(redis) };
}
