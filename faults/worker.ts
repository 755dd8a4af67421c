import { createClient } from 'redis';
import { Lateness } from '../__test__/fixtures/lateness.ts';
import { Bench, type Candidates } from './bench.ts';
import type { Fault } from './fault.ts';
import { isBad, type Outcome } from './figures.ts';
import { HostLateness } from './host-lateness.ts';
import type { Portion } from './plan.ts';
import { Run, RunEnded } from './run.ts';
import { tell } from './story.ts';

const defaultLimitMs = 30_000;
/** How many runs of a portion are repeated, because the machine stood still and they failed. Then they count. */
const repeatsAtMost = 5;

/** Somebody who carries out portions, one after the other. */
export interface Worker {
  carryOut(portion: Portion, ended: (outcome: Outcome) => void): Promise<void>;
  end(): Promise<void>;
}

/** Works in this process. */
export class LocalWorker implements Worker {
  readonly #host = new HostLateness();
  readonly #candidates: Candidates;

  constructor(candidates: Candidates = {}) {
    this.#candidates = candidates;
    // The first client of a process takes up to half a second of its loop on a busy machine, in which no proxy works.
    createClient();
  }

  /** The runs share a bench; after a bad one it is set up anew. */
  async carryOut(portion: Portion, ended: (outcome: Outcome) => void) {
    const { fault, first, runs } = portion;
    let stage: Stage | undefined;
    let repeatsLeft = repeatsAtMost;
    try {
      for (let number = first; number < first + runs;) {
        const run = new Run(number);
        const own = Lateness.start();
        try {
          stage ??= await this.#setUp(fault);
          await limited(stage.strike(run), fault.limitMs ?? defaultLimitMs);
        } catch (error) {
          explain(run, error);
        }
        const outcome = await this.#conclude(run, fault, stage?.bench, own.stop());
        if (repeatsLeft === 0) outcome.disturbed = undefined;
        ended(outcome);
        if (outcome.disturbed === undefined) number += 1;
        else repeatsLeft -= 1;
        if (outcome.violations.length > 0 || outcome.notInjected !== undefined) {
          await stage?.bench.tearDown();
          stage = undefined;
        }
      }
    } finally {
      await stage?.bench.tearDown();
    }
  }

  end(): Promise<void> {
    return this.#host.stop();
  }

  async #setUp(fault: Fault): Promise<Stage> {
    const options = { ...fault.options, ...this.#candidates.options };
    const bench = new Bench(fault.leaseMs, { ...this.#candidates, options });
    try {
      return { bench, strike: await fault.setUp(bench) };
    } catch (error) {
      await bench.tearDown();
      throw error;
    }
  }

  async #conclude(
    run: Run,
    { leaseMs, boundMs, mayOverlapMs }: Fault,
    bench: Bench | undefined,
    ownLateMs: number,
  ): Promise<Outcome> {
    const hostLateMs = await this.#host.worstSince(run.struckAt ?? run.startedAt);
    if (!run.isProved) run.notInjected ??= 'nothing proved that the fault took effect';
    const outcome: Outcome = {
      violations: run.violations,
      notInjected: run.notInjected,
      recoveryMs: run.recoveryMs,
      hostLateMs,
      story: '',
    };
    // Before it is judged: no disturbance explains what must hold in every run.
    const found = [
      ...(bench?.groups ?? []).flatMap((group) => group.judge(mayOverlapMs)),
      ...(bench?.judges ?? []).flatMap((judge) => judge()),
    ];
    const starvedMs = bench?.starvedMs() ?? 0;
    if (found.length === 0 && isBad(outcome, boundMs)) {
      const wholeRunMs = await this.#host.worstSince(run.startedAt);
      const stoodStillMs = Math.max(wholeRunMs, starvedMs, bench?.carriesBytes ? ownLateMs : 0);
      if (stoodStillMs > leaseMs / 5) {
        outcome.disturbed = `what had to run had to wait for ${stoodStillMs.toFixed(0)} ms`;
      }
    }
    for (const one of found) run.violate(one);
    return { ...outcome, story: tell(run, bench?.groups ?? []) };
  }
}

/** What the runs of a portion share. */
interface Stage {
  bench: Bench;
  strike: (run: Run) => Promise<void>;
}

// A violation that ended the run is noted already.
function explain(run: Run, error: unknown): void {
  if (error instanceof RunEnded) return;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (run.isProved) run.violate(`the run broke off: ${text}`);
  else run.notInjected = `the run broke off before the fault: ${text}`;
}

function limited(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it hangs: not over after ${limitMs} ms`)), limitMs);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
