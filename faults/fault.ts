import type { Bench } from './bench.ts';
import type { Run } from './run.ts';

/** One line of the table: one way to strike a group of candidates. Several may share the number of a row. */
export interface Fault {
  row: number;
  title: string;
  /** Option `leaseMs` of the candidates; L in bounds. */
  leaseMs: number;
  /** How soon one leader has to stand (again). Without one, the fault must not cost the leader his place. */
  boundMs?: number;
  /** What is measured against the bound: `from the kill to the next elected`. */
  measures?: string;
  /** Runs in the short form and in the long one, where they differ from those of the others. */
  shortRuns?: number;
  longRuns?: number;
  /** More options of all its candidates. */
  options?: Record<string, unknown>;
  /** For how many ms at most two may lead at one moment: a limit that is documented, and shown here. @default 0 */
  mayOverlapMs?: number;
  /** Nothing else may run beside it: it takes the whole machine. */
  alone?: boolean;
  /** A run that takes longer hangs. @default 30 000 */
  limitMs?: number;
  /**
   * Starts what the runs of one worker share: a server, proxies, processes. Returns what one run does: bring the group
   * into its steady state, strike, prove that the strike took effect, wait for the recovery, and judge what is expected
   * beside it. What must hold in every run (one leader at a time, terms that rise, …) is judged by the harness.
   */
  setUp(bench: Bench): Promise<(run: Run) => Promise<void>>;
}

/** A row that is not part of the run, and why. */
export interface WaitingRow {
  row: number;
  title: string;
  waitsFor: string;
}
