import type { Fault } from './fault.ts';

/** What one run came to. */
export interface Outcome {
  violations: string[];
  notInjected?: string | undefined;
  recoveryMs?: number | undefined;
  /** How late the machine itself was at worst since the strike. */
  hostLateMs: number;
  /** Something else than the fault struck as well, and may be why the row's expectations failed; the run is repeated. */
  disturbed?: string | undefined;
  /** What happened, in order. */
  story: string;
}

/** One line of the table. */
export interface Line {
  row: number;
  title: string;
  boundMs?: number | undefined;
  measures?: string | undefined;
  runs: number;
  violations: number;
  notInjected: number;
  /** Runs beside those counted, which failed while the machine stood still, and were repeated. */
  disturbed: number;
  /** Runs over the bound by more than the machine accounts for. */
  late: number;
  /** Runs over the bound for which the machine was late enough. */
  lateWithHost: number;
  medianMs?: number | undefined;
  p99Ms?: number | undefined;
  maxMs?: number | undefined;
  hostLateMs: number;
  failed: boolean;
}

/** What the runs of a fault come to. A fault that did not run at all has failed: nothing was shown. */
export function lineOf({ row, title, boundMs, measures }: Fault, all: Outcome[]): Line {
  const outcomes = all.filter(({ disturbed }) => disturbed === undefined);
  const recoveries = outcomes
    .flatMap(({ recoveryMs }) => (recoveryMs === undefined ? [] : [recoveryMs]))
    .sort((a, b) => a - b);
  const counts = {
    violations: outcomes.reduce((sum, { violations }) => sum + violations.length, 0),
    notInjected: outcomes.filter(({ notInjected }) => notInjected !== undefined).length,
    disturbed: all.length - outcomes.length,
    late: outcomes.filter((outcome) => lateness(outcome, boundMs) === 'late').length,
    lateWithHost: outcomes.filter((outcome) => lateness(outcome, boundMs) === 'with the host')
      .length,
  };
  return {
    row,
    title,
    boundMs,
    measures,
    runs: outcomes.length,
    ...counts,
    medianMs: quantile(recoveries, 0.5),
    p99Ms: quantile(recoveries, 0.99),
    maxMs: recoveries.at(-1),
    hostLateMs: Math.max(0, ...outcomes.map(({ hostLateMs }) => hostLateMs)),
    failed:
      outcomes.length === 0 || counts.violations > 0 || counts.notInjected > 0 || counts.late > 0,
  };
}

/**
 * A recovery passes through so many threads in turn, each of which a busy machine lets wait: the old leader's or the
 * server, the next leader's worker thread, the server again, and the loop of the next leader.
 */
const threadsInTurn = 4;

/** Whether a run is over its bound, and whether the machine can have been the reason. */
export function lateness(
  { recoveryMs, hostLateMs }: Pick<Outcome, 'recoveryMs' | 'hostLateMs'>,
  boundMs: number | undefined,
): 'in time' | 'late' | 'with the host' {
  if (boundMs === undefined || recoveryMs === undefined || recoveryMs <= boundMs) return 'in time';
  return recoveryMs <= boundMs + threadsInTurn * hostLateMs ? 'with the host' : 'late';
}

/** Whether the run is one whose story is worth telling. */
export function isBad(outcome: Outcome, boundMs: number | undefined): boolean {
  if (outcome.disturbed !== undefined) return false;
  return (
    outcome.violations.length > 0 ||
    outcome.notInjected !== undefined ||
    lateness(outcome, boundMs) === 'late'
  );
}

/** The smallest value that is not below this share of them: the p99 of ten values is the largest. */
export function quantile(sorted: number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
