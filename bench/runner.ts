import { linesOf, type Line, type Measured } from './lines.ts';
import type { Case, Circumstances, Scenario } from './scenario.ts';

/** A scenario as it was measured. */
export interface Result {
  scenario: Scenario;
  lines: Line[];
  remarks: string[];
  seconds: number;
}

/** Measures the cases of a scenario in turn, round after round. `tell` hears of what happens meanwhile. */
export async function runScenario(
  scenario: Scenario,
  circumstances: Circumstances,
  tell: (text: string) => void = () => {},
): Promise<Result> {
  const startedAt = performance.now();
  const { choice, isShort } = circumstances;
  const runs = choice.runs ?? (isShort ? scenario.runs.short : scenario.runs.full);
  const measured = scenario.cases(circumstances).map((one) => newMeasured(one));
  for (let run = 1; run <= runs; run++) {
    for (const one of measured) {
      if (run > (one.case.maximumRuns ?? Infinity)) continue;
      tell(`${scenario.name}: run ${run} of ${runs}, ${one.case.who}, ${one.case.what}`);
      await measure(one);
    }
  }
  const lines = linesOf(scenario, measured);
  return {
    ...{ scenario, lines, remarks: scenario.remarks?.(lines) ?? [] },
    seconds: (performance.now() - startedAt) / 1000,
  };
}

const newMeasured = (one: Case): Measured => ({ case: one, values: new Map(), failures: [] });

async function measure({ case: one, values, failures }: Measured): Promise<void> {
  try {
    for (const [metric, found] of Object.entries(await one.measure())) {
      if (!values.has(metric)) values.set(metric, []);
      values.get(metric)!.push(...[found].flat());
    }
  } catch (error) {
    // The others are measured all the same; the table tells of it.
    failures.push((error as Error).message);
  }
}
