import { advantage, best } from './goals.ts';
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
  const others = measured
    .filter((other) => comparable(other.case) === comparable(one.case))
    .flatMap((other) => {
      const median = summarize(other.values.get(metric) ?? [])?.median;
      return median === undefined ? [] : [{ who: other.case.who, median }];
    });
  const ours = others.find((other) => other.who === ourselves)?.median;
  const theirs = others.filter((other) => other.who !== ourselves).map(({ median }) => median);
  const goal = goals?.[metric];
  const compared = who === ourselves ? theirs : summary && [summary.median];
  return {
    ...{ who, what, metric, unit: description.unit, values, summary },
    advantage:
      (who === ourselves ? summary?.median : ours) === undefined || !compared?.length
        ? undefined
        : finite(
            advantage(
              who === ourselves ? summary!.median : ours!,
              best(compared, description.better),
              description.better,
            ),
          ),
    goal: goal?.text,
    // A case that did not come to a figure, or not in every run, has not met its goal.
    isMet:
      goal &&
      (one.failures.length > 0 || !summary ? false : goal.isMet(summary, theirs, description)),
    failures: one.failures,
  };
}

const comparable = ({ comparable, what }: Case) => comparable ?? what;

/** No ratio to nothing. */
function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
