// Row 25: others publish announcements that are well formed and untrue. They may cost time, and nothing else.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { Run } from '../run.ts';
import { now } from '../../__test__/fixtures/processes.ts';
import { goesOn } from './steady-reign.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;
const everyMs = 5;
/** How often the registry is refreshed, and the register read with it. */
const refreshMs = 1000;

interface Seen {
  holder: string;
  term: number;
  beat: number;
  stamp: string;
}

interface Forgery {
  title: string;
  /** How soon another one leads that is killed under them. */
  boundMs?: number;
  body: (seen: Seen, number: number) => object;
}

const draw = () => Math.random().toString(16).slice(2, 18).padEnd(16, '0');

const forgeries: Forgery[] = [
  {
    title: 'heartbeats of the confirmed holder',
    // Whoever hears heartbeats asks only when the registry is refreshed. Two reads of the same stamp then permit a take.
    boundMs: 2 * refreshMs + leaseMs + 200,
    body: ({ holder, term, beat }, number) => heartbeat(holder, term, beat + number),
  },
  {
    title: 'heartbeats of another holder, in a higher term',
    body: ({ term }, number) => heartbeat('nobody:0000000000000001', term + 1 + number, 0),
  },
  {
    title: 'heartbeats in the highest term, and in terms beyond it',
    body: (_seen, number) =>
      heartbeat('nobody:0000000000000001', [2 ** 52 - 1, 2 ** 52, 2 ** 53, 1e300][number % 4]!, 0),
  },
  {
    title: 'vacancies that name the public stamp',
    body: ({ term, stamp }) => ({ v: 1, type: 'vacancy', term, stamp, heir: '' }),
  },
];

const heartbeat = (holder: string, term: number, beat: number) => ({
  v: 1,
  type: 'heartbeat',
  holder,
  term,
  beat,
  stamp: draw(),
});

export const forged: Fault[] = forgeries.flatMap((forgery) => [
  {
    row: 25,
    title: `forged ${forgery.title}: no change of leader`,
    leaseMs,
    boundMs: validMs,
    measures: 'from the last of them to the next renewal',
    shortRuns: 1,
    longRuns: 25,
    setUp: (bench) => whileItLives(bench, forgery),
  },
  {
    row: 25,
    title: `forged ${forgery.title}, and the leader is killed`,
    leaseMs,
    boundMs: forgery.boundMs ?? leaseMs + 200,
    measures: 'from the kill to the next elected',
    shortRuns: 1,
    longRuns: 25,
    setUp: (bench) => whenItIsKilled(bench, forgery),
  },
]);

async function whileItLives(bench: Bench, forgery: Forgery) {
  const redis = await bench.redis();
  const group = bench.group({ url: redis.url });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    const reign = await goesOn(run, group, eye);
    const flood = new Flood(eye, forgery);
    const struckAt = await run.strike(`forged ${forgery.title}`, () => flood.begin());
    await run.prove('all hear them', () => flood.heard > 100);
    await sleep(2 * leaseMs);
    await flood.end();
    await reign.isNamedAgain(now());
    await reign.hasGoneOn(struckAt);
    await reign.allAreListed();
  };
}

async function whenItIsKilled(bench: Bench, forgery: Forgery) {
  const redis = await bench.redis();
  const group = bench.group({ url: redis.url });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    const { leader } = await group.steady();
    const { term } = await eye.read();
    const flood = new Flood(eye, forgery);
    await run.strike(`forged ${forgery.title}`, () => flood.begin());
    await run.prove('all hear them', () => flood.heard > 20);
    const killedAt = await run.strike(`SIGKILL to ${group.label(leader)}`, () =>
      group.kill(leader),
    );
    const { event } = await group.elected(run, killedAt);
    await flood.end();
    run.recovered(killedAt, event.at);
    const next = event.args[0].term;
    run.expect(next > term && next < 2 ** 52 - 2 ** 50, `no forged term enters: ${next}`);
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(killedAt).length === 1, 'one election');
  };
}

/** Forges an announcement each 5 ms, from what stands in the register. */
class Flood {
  /** How many listeners there were, over all of them. */
  heard = 0;
  readonly #eye: RegisterEye;
  readonly #forgery: Forgery;
  #isOver = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(eye: RegisterEye, forgery: Forgery) {
    this.#eye = eye;
    this.#forgery = forgery;
  }

  begin(): void {
    this.#ended = this.#forge();
  }

  end(): Promise<void> {
    this.#isOver = true;
    return this.#ended;
  }

  async #forge(): Promise<void> {
    for (let number = 1; !this.#isOver; number++) {
      const body = JSON.stringify(this.#forgery.body(await this.#eye.read(), number));
      this.heard += Number(await this.#eye.send('PUBLISH', 'incumbent:{orders}:0:election', body));
      await sleep(everyMs);
    }
  }
}
