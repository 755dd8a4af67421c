import { Bench } from './bench.ts';
import type { Outcome } from './figures.ts';
import { HostLateness } from './host-lateness.ts';
import type { Portion } from './plan.ts';
import { Run, RunEnded } from './run.ts';
import { tell } from './story.ts';

const defaultLimitMs = 30_000;

/** Somebody who carries out portions, one after the other. */
export interface Worker {
  carryOut(portion: Portion, ended: (outcome: Outcome) => void): Promise<void>;
  end(): Promise<void>;
}

/** Works in this process. */
export class LocalWorker implements Worker {
  readonly #host = new HostLateness();
  readonly #options: Record<string, unknown>;

  /** `options`: more options for every candidate. */
  constructor(options: Record<string, unknown>) {
    this.#options = options;
  }

  /** The runs share a bench; after a bad one it is set up anew. */
  async carryOut({ fault, first, runs }: Portion, ended: (outcome: Outcome) => void) {
    let bench: Bench | undefined;
    let strike: ((run: Run) => Promise<void>) | undefined;
    try {
      for (let number = first; number < first + runs; number++) {
        const run = new Run(number);
        try {
          if (!bench || !strike) {
            bench = new Bench(fault.leaseMs, this.#options);
            strike = await fault.setUp(bench);
          }
          await limited(strike(run), fault.limitMs ?? defaultLimitMs);
        } catch (error) {
          explain(run, error);
        }
        const outcome = await conclude(run, bench!, this.#host);
        ended(outcome);
        if (outcome.violations.length > 0 || outcome.notInjected !== undefined) {
          await bench?.tearDown();
          bench = strike = undefined;
        }
      }
    } finally {
      await bench?.tearDown();
    }
  }

  end(): Promise<void> {
    return this.#host.stop();
  }
}

async function conclude(run: Run, bench: Bench, host: HostLateness): Promise<Outcome> {
  const hostLateMs = await host.worstSince(run.struckAt ?? run.startedAt);
  for (const group of bench.groups) for (const found of group.judge()) run.violate(found);
  if (!run.isProved) run.notInjected ??= 'nothing proved that the fault took effect';
  return {
    violations: run.violations,
    notInjected: run.notInjected,
    recoveryMs: run.recoveryMs,
    hostLateMs,
    story: tell(run, bench.groups),
  };
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
