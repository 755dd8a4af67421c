// Rows 22 and 23: wall clocks are stepped, and machines sleep.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import { isStoppedBySignal } from '../proofs.ts';
import { ShiftedClock } from '../shifted-clock.ts';
import { goesOn } from './steady-reign.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;
const hourMs = 3_600_000;

const serverSteps: Fault[] = [hourMs, -hourMs].map((stepMs) => ({
  row: 22,
  title: `the wall clock of the server is stepped by ${stepMs / hourMs} h`,
  leaseMs,
  boundMs: validMs,
  measures: 'from the step to the next renewal',
  shortRuns: 1,
  longRuns: 50,
  async setUp(bench) {
    const clock = new ShiftedClock(bench);
    const redis = await bench.redis({ env: clock.env });
    const group = bench.group({ url: redis.url });
    const eye = bench.eye(redis);
    const serverMs = async () => Number(((await eye.send('TIME')) as string[])[0]) * 1000;
    let ahead = 0;
    return async (run) => {
      const reign = await goesOn(run, group, eye);
      const lefts = () => group.living.reduce((sum, one) => sum + one.of('left').length, 0);
      const struckAt = await run.strike(`the wall clock of the server: ${stepMs} ms`, () => {
        clock.stepWall(stepMs);
        ahead += stepMs;
      });
      await run.prove('TIME has stepped', async () => {
        const difference = (await serverMs()) - Date.now() - ahead;
        return Math.abs(difference) < 10_000;
      });
      await reign.isNamedAgain(struckAt);
      await reign.hasGoneOn(struckAt);
      await reign.allAreListed();
      // Long enough for those who were swept to be missed; each one's next refresh enters it again.
      await sleep(2500);
      await reign.allAreListed();
      run.note(`taken for gone, for less than 2 s: ${lefts()}`);
      run.expect(group.electedSince(struckAt).length === 0, 'no election');
    };
  },
}));

const hostSteps: Fault[] = [hourMs, -hourMs].map((stepMs) => ({
  row: 22,
  title: `the wall clock of the leader's host is stepped by ${stepMs / hourMs} h`,
  leaseMs,
  boundMs: validMs,
  measures: 'from the step to the next renewal',
  shortRuns: 1,
  longRuns: 50,
  async setUp(bench) {
    const clock = new ShiftedClock(bench);
    const redis = await bench.redis();
    const group = bench.group({ url: redis.url, env: clock.env });
    const eye = bench.eye(redis);
    return async (run) => {
      const reign = await goesOn(run, group, eye);
      const before = (await reign.leader.call('clocks')).wallMs;
      const struckAt = await run.strike(`all wall clocks of the group: ${stepMs} ms`, () =>
        clock.stepWall(stepMs),
      );
      await run.prove('Date.now() has stepped', async () => {
        const { wallMs } = await reign.leader.call('clocks');
        return Math.abs(wallMs - before - stepMs) < 10_000;
      });
      await reign.isNamedAgain(struckAt);
      await reign.hasGoneOn(struckAt);
      await reign.allAreListed();
      const told = group.living.flatMap((one) =>
        one.events.filter(({ name, at }) => ['left', 'error'].includes(name) && at > struckAt),
      );
      run.expect(told.length === 0, `nothing is told of it: ${told[0]?.name}`);
    };
  },
}));

const asleep: Fault = {
  row: 23,
  title:
    "the leader's machine sleeps for 1.2 to 5 L: CLOCK_MONOTONIC stands still, CLOCK_BOOTTIME does not",
  leaseMs,
  boundMs: leaseMs + 20,
  measures: 'from the falling asleep to the next elected',
  shortRuns: 1,
  longRuns: 100,
  setUp: sleeps,
};

/** Only one process sleeps, so it has clocks of its own; its place is filled anew in each run. */
async function sleeps(bench: Bench) {
  const clock = new ShiftedClock(bench);
  const redis = await bench.redis();
  const group = bench.group({ url: redis.url, size: 2 });
  return async (run: Run) => {
    for (const one of group.living) await group.kill(one);
    clock.reset();
    const sleeper = await group.start(2, { env: clock.env });
    const { leader } = await group.steady();
    run.expect(leader === sleeper, 'the sleeper leads at first');
    const before = await sleeper.call('clocks');
    const sleepMs = leaseMs * (1.2 + Math.random() * 3.8);
    const asleepAt = await run.strike(`the machine sleeps for ${sleepMs.toFixed(0)} ms`, () =>
      sleeper.suspend(),
    );
    await run.prove('the kernel calls it stopped', () => isStoppedBySignal(sleeper.pid));
    // What its code reads first: these calls wait for it when it wakes.
    const first = Promise.all([
      sleeper.call('isLeader'),
      sleeper.call('state'),
      sleeper.call('clocks'),
    ]);
    await sleep(sleepMs);
    clock.sleptFor(sleepMs);
    run.note('it wakes');
    sleeper.resume();
    const [isLeader, state, after] = await run.settles('it answers', first);
    run.expect(isLeader === false, 'its first isLeader() is false');
    run.expect(state !== 'leader', `its first state is not leader: ${state}`);
    await run.prove('CLOCK_MONOTONIC stood still, CLOCK_BOOTTIME did not', () => {
      const awakeMs = 1000 * (after.awake - before.awake);
      const monotonicMs = 1000 * (after.monotonic - before.monotonic);
      return awakeMs - monotonicMs > 0.8 * sleepMs;
    });
    // Its clock is behind that of the others now, so it can bear no more witness; nor may it lead again.
    await group.kill(sleeper);
    run.recovered(asleepAt, (await group.elected(run, asleepAt)).event.at);
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(asleepAt).length === 1, 'one election');
  };
}

export const clocks: Fault[] = [...serverSteps, ...hostSteps, asleep];
