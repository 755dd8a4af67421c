import type { Goal } from './goals.ts';
import type { Choice } from './arguments.ts';
import type { Line } from './lines.ts';

/** One thing that is measured, for each of those that are compared. */
export interface Scenario {
  /** For `--scenario`. */
  name: string;
  title: string;
  /** What the figures cannot fall below, or rise above, whoever is measured. */
  bound: { by: 'timer' | 'CPU' | 'memory' | 'disk'; text: string };
  /** How often each case is measured, in full and in short. */
  runs: { full: number; short: number };
  metrics: Record<string, Metric>;
  /** The cases are measured in turn, and that again and again, so that a change of the machine strikes all alike. */
  cases(circumstances: Circumstances): Case[];
  /** What only the lines together show. */
  remarks?(lines: Line[]): string[];
}

export interface Metric {
  unit: string;
  better: 'lower' | 'higher';
}

export interface Case {
  who: string;
  what: string;
  /** Cases that agree in this are compared. @default `what` */
  comparable?: string;
  /** By metric. */
  goals?: Record<string, Goal>;
  /** However many runs are asked for, since one takes so long. */
  maximumRuns?: number;
  /** By metric; one run may give several values. */
  measure(): Promise<Record<string, number | number[]>>;
}

export interface Circumstances {
  choice: Choice;
  /** Whether to measure in little time, for a first look. */
  isShort: boolean;
  /** The lease of Incumbent's candidates in ms. */
  leaseMs: number;
  /** Whether this package is to be measured. */
  against(name: string): boolean;
}
