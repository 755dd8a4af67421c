import type { Fault } from './fault.ts';
import { lineOf, type Line, type Outcome } from './figures.ts';
import { portions, type Form } from './plan.ts';
import type { Worker } from './worker.ts';

export interface SuiteOptions {
  form: Form;
  /** How many workers run side by side, each with servers and processes of its own. */
  parallel: number;
  worker: () => Worker;
  /** Hears of each run as it ends. */
  onOutcome?: (fault: Fault, outcome: Outcome) => void;
  /** Hears of each fault when its last run has ended. */
  onLine?: (line: Line) => void;
}

/** Runs all of these faults, and returns a line for each, in their order. */
export async function runSuite(faults: Fault[], options: SuiteOptions): Promise<Line[]> {
  const outcomes = new Map(faults.map((fault) => [fault, [] as Outcome[]]));
  const beside = faults.filter(({ alone }) => !alone);
  const alone = faults.filter((fault) => fault.alone);
  await carryOut(beside, outcomes, options);
  await carryOut(alone, outcomes, { ...options, parallel: 1 });
  return faults.map((fault) => lineOf(fault, outcomes.get(fault)!));
}

async function carryOut(
  faults: Fault[],
  outcomes: Map<Fault, Outcome[]>,
  { form, parallel, worker, onOutcome, onLine }: SuiteOptions,
): Promise<void> {
  const queue = portions(faults, form, parallel);
  // Those that take a minute first, so that no worker is left alone with one.
  queue.sort((a, b) => (b.fault.limitMs ?? 0) - (a.fault.limitMs ?? 0));
  const open = new Map<Fault, number>();
  for (const { fault } of queue) open.set(fault, (open.get(fault) ?? 0) + 1);

  const work = async () => {
    const one = worker();
    try {
      for (let portion = queue.shift(); portion; portion = queue.shift()) {
        const { fault } = portion;
        await one.carryOut(portion, (outcome) => {
          outcomes.get(fault)!.push(outcome);
          onOutcome?.(fault, outcome);
        });
        open.set(fault, open.get(fault)! - 1);
        if (open.get(fault) === 0) onLine?.(lineOf(fault, outcomes.get(fault)!));
      }
    } finally {
      await one.end();
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, queue.length) }, work));
}
