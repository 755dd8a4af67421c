import { advantage, best, type Goal } from './goals.ts';
import type { Case, Metric, Scenario } from './scenario.ts';
import { summarize, type Summary } from './statistics.ts';

export const ourselves = 'incumbent';

/** One figure of one case. */
export interface Line {
  who: string;
  what: string;
  metric: string;
  unit: string;
  values: number[];
  summary: Summary | undefined;
  /** How many times as good Incumbent's median is as this one; on Incumbent's own line, as the best of the others. */
  advantage: number | undefined;
  goal: string | undefined;
  /** Undefined without a goal, or where there was nothing to compare with. */
  isMet: boolean | undefined;
  /** Why runs failed. */
  failures: string[];
}

/** What one case gave. */
export interface Measured {
  case: Case;
  /** By metric. */
  values: Map<string, number[]>;
  failures: string[];
}

export function linesOf(scenario: Scenario, measured: Measured[]): Line[] {
  return measured.flatMap((one) =>
    Object.entries(scenario.metrics)
      // What a case does not have, it does not show; but one that failed altogether shows that.
      .filter(([metric]) => one.values.has(metric) || one.values.size === 0)
      .map(([metric, description]) => lineOf(metric, description, one, measured)),
  );
}

function lineOf(metric: string, description: Metric, one: Measured, measured: Measured[]): Line {
  const { who, what, goals } = one.case;
  const values = one.values.get(metric) ?? [];
  const summary = summarize(values);
  const goal = goals?.[metric];
  const { ours, theirs } = rivals(metric, one, measured);
  return {
    ...{ who, what, metric, unit: description.unit, values, summary },
    advantage: summary && ratio(who, summary.median, ours, theirs, description),
    goal: goal?.text,
    isMet: goal && isMet(goal, summary, one.failures, theirs, description),
    failures: one.failures,
  };
}

/** The medians of the cases that this one is compared with. */
function rivals(metric: string, one: Measured, measured: Measured[]) {
  const found = measured
    .filter((other) => comparable(other.case) === comparable(one.case))
    .flatMap(({ case: { who }, values }) => {
      const summary = summarize(values.get(metric) ?? []);
      return summary ? [{ isOurs: who === ourselves, median: summary.median }] : [];
    });
  return {
    ours: found.find(({ isOurs }) => isOurs)?.median,
    theirs: found.filter(({ isOurs }) => !isOurs).map(({ median }) => median),
  };
}

const comparable = ({ comparable, what }: Case) => comparable ?? what;

function ratio(
  who: string,
  median: number,
  ours: number | undefined,
  theirs: number[],
  { better }: Metric,
): number | undefined {
  const isOurs = who === ourselves;
  if (isOurs ? theirs.length === 0 : ours === undefined) return undefined;
  const found = isOurs
    ? advantage(median, best(theirs, better), better)
    : advantage(ours!, median, better);
  // There is no ratio to nothing.
  return Number.isFinite(found) ? found : undefined;
}

/** A case of which a run failed, or none was made, has not met its goal. */
function isMet(
  goal: Goal,
  summary: Summary | undefined,
  failures: string[],
  theirs: number[],
  metric: Metric,
): boolean | undefined {
  if (failures.length > 0 || !summary) return false;
  return goal.isMet(summary, theirs, metric);
}
