import type { Fault } from './fault.ts';

/** A part of the runs of a fault, for one worker. */
export interface Portion {
  fault: Fault;
  /** The number of its first run among those of the fault. */
  first: number;
  runs: number;
}

/** A bench serves so many runs; the next one starts with fresh processes, whose records are short. */
const portionRuns = 20;
/** Runs of a minute each go one by one, so that no worker is left alone with them at the end. */
const longLimitMs = 60_000;

const shortRuns = 2;
const longRuns = 200;

export type Form = { runs: number } | 'short' | 'long';

export function runsOf(fault: Fault, form: Form): number {
  if (form === 'short') return fault.shortRuns ?? shortRuns;
  if (form === 'long') return fault.longRuns ?? longRuns;
  return form.runs;
}

/** The runs of all faults in portions, so that the workers end at about the same time. */
export function portions(faults: Fault[], form: Form, parallel: number): Portion[] {
  return faults.flatMap((fault) => {
    const all = runsOf(fault, form);
    const size = (fault.limitMs ?? 0) > longLimitMs ? 1 : portionRuns;
    const count = Math.max(1, Math.ceil(all / size), Math.min(parallel, Math.ceil(all / 4)));
    const share = (index: number) => Math.floor((all * index) / count);
    return Array.from({ length: count }, (_, index) => ({
      fault,
      first: share(index),
      runs: share(index + 1) - share(index),
    }));
  });
}
