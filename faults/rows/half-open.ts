// Row 8: connections that look well, and carry nothing.

import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import type { Direction } from '../../__test__/fixtures/tcp-proxy.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;

/** How much later than its deadline the last moment may be at which the leader was seen to lead: none but the strike's own. */
const slackMs = 5;

const kinds: { direction: Direction; title: string; boundMs: number }[] = [
  {
    direction: 'both',
    title: 'half-open: all bytes of the leader vanish',
    boundMs: leaseMs + 200,
  },
  {
    direction: 'requests',
    title: 'half-open: the requests of the leader vanish',
    boundMs: leaseMs + 200,
  },
  {
    direction: 'replies',
    title: 'half-open: the replies to the leader vanish (ambiguous renewals)',
    // Its renewals are applied until it gives up, and the others wait L from the last one.
    boundMs: validMs + leaseMs + 200,
  },
];

export const halfOpen: Fault[] = kinds.map(({ direction, title, boundMs }) => ({
  row: 8,
  title,
  leaseMs,
  boundMs,
  measures: 'from the strike to the next elected',
  shortRuns: 1,
  longRuns: 70,
  setUp: (bench) => setUp(bench, direction),
}));

async function setUp(bench: Bench, direction: Direction) {
  const redis = await bench.redis();
  const proxies = await bench.proxies(redis, 3);
  const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
  return async (run: Run) => {
    const { leader } = await group.steady();
    const proxy = proxies[group.place(leader)]!;
    const lost = proxy.counts.lostBytes;
    const struckAt = await run.strike(
      `of ${group.label(leader)}, ${direction === 'both' ? 'all bytes' : direction} vanish`,
      () => proxy.blackhole(direction),
    );
    await run.prove('bytes vanished', () => proxy.counts.lostBytes > lost);
    const { event, process } = await group.elected(run, struckAt);
    run.recovered(struckAt, event.at);
    run.expect(!(await leader.call('isLeader')), 'the old leader has given up');
    const ledForMs = group.ledUntil(leader, struckAt);
    run.expect(
      ledForMs <= validMs + slackMs,
      `the old leader gives up within D (${validMs} ms), not after ${ledForMs.toFixed(1)} ms`,
    );
    run.note('healed');
    proxy.pass();
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(await process.call('isLeader'), 'who returns deposes nobody');
    run.expect(group.electedSince(struckAt).length === 1, 'one election');
  };
}
