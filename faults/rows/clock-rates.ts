// Row 23: clocks that run slow and fast. The leader's is slow, so that it is sure of itself for longer than it should be; those of the
// others are fast, so that they wait for less.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { Run } from '../run.ts';
import { ShiftedClock } from '../shifted-clock.ts';
import { msBetween, now } from '../../__test__/fixtures/processes.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;
const renewMs = leaseMs / 5;
const slow = 0.9;
const fast = 1.1;
/** How much later than its deadline the last moment may be at which the leader was seen to lead: none but the strike's own. */
const slackMs = 5;

export const clockRates: Fault[] = [
  {
    row: 23,
    title: 'clock rates: a leader at 0.9 of the true rate is cut off, those at 1.1 take over',
    leaseMs,
    boundMs: leaseMs + 200,
    measures: 'from the strike to the next elected',
    shortRuns: 1,
    longRuns: 100,
    setUp,
  },
];

async function setUp(bench: Bench) {
  const clock = new ShiftedClock(bench);
  const at = (rate: number) => ({ env: { ...clock.env, INCUMBENT_CLOCK_RATE: String(rate) } });
  const redis = await bench.redis();
  const proxies = await bench.proxies(redis, 3);
  const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    for (const one of group.living) await group.kill(one);
    const slowOne = await group.start(0, at(slow));
    await group.agreed();
    for (const place of [1, 2]) await group.start(place, at(fast));
    run.expect((await group.agreed()) === slowOne, 'the slow one leads at first');
    await run.prove(
      'it renews as slowly as its clock goes',
      async () => (await renewalIntervals(run, eye))[6]! > 1.06 * renewMs,
    );

    const struckAt = await run.strike('all bytes of the slow leader vanish', () =>
      proxies[0]!.blackhole(),
    );
    const { event } = await group.elected(run, struckAt);
    run.recovered(struckAt, event.at);
    const ledForMs = group.ledUntil(slowOne, struckAt);
    run.expect(
      ledForMs <= validMs / slow + slackMs,
      `by its clock it is sure of itself for ${validMs} ms, not for ${ledForMs.toFixed(1)} true ones`,
    );
    await run.prove(
      'the next one renews as fast as its clock goes',
      async () => (await renewalIntervals(run, eye))[2]! < 0.96 * renewMs,
    );
    proxies[0]!.pass();
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(struckAt).length === 1, 'one election');
  };
}

/** The true times between some renewals, the shortest first. A busy machine makes some of them longer. */
async function renewalIntervals(run: Run, eye: RegisterEye): Promise<number[]> {
  const count = 12;
  const gapsMs: number[] = [];
  let { term } = await run.becomes('a renewal', () => next(eye));
  let at = now();
  while (gapsMs.length < count) {
    const record = await run.becomes('the next renewal', () => next(eye));
    const seenAt = now();
    if (record.term === term) gapsMs.push(msBetween(at, seenAt));
    else gapsMs.length = 0;
    [term, at] = [record.term, seenAt];
  }
  return gapsMs.sort((one, other) => one - other);
}

/** The register just after it was renewed, to about a millisecond. */
async function next(eye: RegisterEye) {
  const { term, beat } = await eye.read();
  for (;;) {
    await sleep(1);
    const record = await eye.read();
    if (record.term !== term) return undefined;
    if (record.beat > beat) return record;
  }
}
