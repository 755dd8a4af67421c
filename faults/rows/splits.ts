// Row 14, too: the leader stays with the old master, which nobody tells that it is one no more. What a promotion cannot give, and what it takes.

import { setTimeout } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import { promoted, promotion, sentinels, successor } from './failovers.ts';
import { now } from '../../__test__/fixtures/processes.ts';
import { followersOf, masterName } from '../../__test__/fixtures/sentinels.ts';

const leaseMs = 800;

export const splits: Fault[] = [
  {
    row: 14,
    title:
      'Sentinel: the leader is left with the old master, without waitReplicas: two lead, as documented',
    leaseMs,
    measures: 'for how long both led, until the old master was told',
    shortRuns: 1,
    longRuns: 100,
    limitMs: 60_000,
    // As long as the old master takes itself for one.
    mayOverlapMs: 15_000,
    setUp: (bench) => split(bench, 0),
  },
  {
    row: 14,
    title: 'Sentinel: the leader is left with the old master, with waitReplicas for all replicas',
    leaseMs,
    boundMs: leaseMs + 200,
    measures: 'from when the new master has its replica to the next elected',
    shortRuns: 1,
    longRuns: 100,
    limitMs: 60_000,
    setUp: (bench) => split(bench, 1),
  },
];

async function split(bench: Bench, waitReplicas: number) {
  // One sentinel, so that nobody hears of others behind the proxies.
  const { fleet, eyeOn } = await sentinels(bench, { replicas: 1, sentinels: 1 });
  const proxies = await bench.proxies(fleet.sentinels[0]!, 3);
  const group = bench.group({
    url: '',
    options: { waitReplicas },
    placeOptions: proxies.map(({ port }) => ({
      redis: { sentinels: [{ host: '127.0.0.1', port }], name: masterName },
    })),
  });
  return async (run: Run) => {
    const old = await fleet.settled();
    const { leader } = await group.steady();
    const proxy = proxies[group.place(leader)]!;
    const struckAt = await run.strike('a failover, of which the leader hears nothing', async () => {
      proxy.blackhole();
      await promotion(fleet);
    });
    const promotedAt = await promoted(run, fleet, struckAt);
    const master = await successor(run, fleet, old);
    const isLedByBoth = async () => {
      const leaders = await Promise.all(group.living.map((one) => one.call('isLeader')));
      return leaders.filter(Boolean).length > 1 && (await leader.call('isLeader'));
    };
    if (waitReplicas === 0) {
      await run.prove('two lead at one moment', isLedByBoth);
    } else {
      await run.becomes('the one that was left behind gives up', async () => {
        return !(await leader.call('isLeader'));
      });
      // Until another would have been elected, and longer.
      await setTimeout(2 * leaseMs);
      const told = leader.of('error').map(([error]) => String(error.message));
      run.expect(
        told.some((text) => text.includes('waitReplicas')),
        'it was told that no replica has what it writes',
      );
      run.expect(group.electedSince(promotedAt).length === 0, 'nobody is elected meanwhile');
    }
    run.note('the old master is told');
    await fleet.rejoin();
    await run.becomes('it is a replica', async () => (await followersOf(master)) === 1);
    const joinedAt = now();
    if (waitReplicas > 0) {
      const { event } = await group.elected(run, struckAt);
      run.recovered(joinedAt, event.at);
    }
    proxy.pass();
    if (waitReplicas === 0) {
      const { event } = await group.elected(run, promotedAt);
      const bothMs = group.ledUntil(leader, event.at);
      run.recovered(event.at, event.at + BigInt(Math.round(bothMs * 1e6)));
    }
    const agreed = await run.becomes('all name one leader', () => group.agreed());
    await run.becomes('the new master names it', async () => {
      return (await eyeOn(master).read()).holder.startsWith(agreed.id);
    });
  };
}
