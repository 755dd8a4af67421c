import { Bench } from './bench.ts';
import type { Fault } from './fault.ts';
import type { Outcome } from './figures.ts';
import type { HostLateness } from './host-lateness.ts';
import { Run, RunEnded } from './run.ts';
import { tell } from './story.ts';

const defaultLimitMs = 30_000;

/** What a worker shares with the others. */
export interface Shared {
  host: Pick<HostLateness, 'worstSince'>;
  /** More options for every candidate. */
  options: Record<string, unknown>;
  /** The number of the next run of this fault, over all workers. */
  nextNumber: (fault: Fault) => number;
}

/** So many runs of a fault, one after the other, on one bench. After a bad run it is set up anew. */
export async function runs(
  fault: Fault,
  count: number,
  shared: Shared,
  ended: (outcome: Outcome) => void,
): Promise<void> {
  let bench: Bench | undefined;
  let strike: ((run: Run) => Promise<void>) | undefined;
  try {
    for (let done = 0; done < count; done++) {
      const run = new Run(shared.nextNumber(fault));
      try {
        if (!bench || !strike) {
          bench = new Bench(fault.leaseMs, shared.options);
          strike = await fault.setUp(bench);
        }
        await limited(strike(run), fault.limitMs ?? defaultLimitMs);
      } catch (error) {
        explain(run, error);
      }
      const outcome = await conclude(run, bench!, shared);
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

async function conclude(run: Run, bench: Bench, { host }: Shared): Promise<Outcome> {
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
