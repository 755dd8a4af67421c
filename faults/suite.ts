import type { Fault } from './fault.ts';
import { lineOf, type Line, type Outcome } from './figures.ts';
import { HostLateness } from './host-lateness.ts';
import { portions, type Form } from './plan.ts';
import { runs } from './worker.ts';

export interface SuiteOptions {
  form: Form;
  /** How many workers run side by side, each with servers and processes of its own. */
  parallel: number;
  /** More options for every candidate. */
  options: Record<string, unknown>;
  /** Hears of each run as it ends. */
  onOutcome?: (fault: Fault, outcome: Outcome) => void;
  /** Hears of each fault when its last run has ended. */
  onLine?: (line: Line) => void;
}

/** Runs all of these faults, and returns a line for each, in their order. */
export async function runSuite(
  faults: Fault[],
  { form, parallel, options, onOutcome, onLine }: SuiteOptions,
): Promise<Line[]> {
  const host = new HostLateness();
  const outcomes = new Map(faults.map((fault) => [fault, [] as Outcome[]]));
  const numbers = new Map<Fault, number>();
  const nextNumber = (fault: Fault) => {
    const number = numbers.get(fault) ?? 0;
    numbers.set(fault, number + 1);
    return number;
  };
  const open = new Map<Fault, number>();

  const work = async (some: Fault[], workers: number) => {
    const queue = portions(some, form, workers);
    for (const { fault } of queue) open.set(fault, (open.get(fault) ?? 0) + 1);
    // Those of one fault spread over the time, so that what disturbs the machine for a while strikes few of them; the
    // slowest first, so that no worker is left alone with them.
    queue.sort((a, b) => (b.fault.limitMs ?? 0) - (a.fault.limitMs ?? 0));
    const worker = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { fault } = next;
        await runs(fault, next.runs, { host, options, nextNumber }, (outcome) => {
          outcomes.get(fault)!.push(outcome);
          onOutcome?.(fault, outcome);
        });
        open.set(fault, open.get(fault)! - 1);
        if (open.get(fault) === 0) onLine?.(lineOf(fault, outcomes.get(fault)!));
      }
    };
    await Promise.all(Array.from({ length: workers }, worker));
  };

  try {
    await work(
      faults.filter(({ alone }) => !alone),
      parallel,
    );
    await work(
      faults.filter(({ alone }) => alone),
      1,
    );
  } finally {
    await host.stop();
  }
  return faults.map((fault) => lineOf(fault, outcomes.get(fault)!));
}
