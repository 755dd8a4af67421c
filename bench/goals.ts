import type { Summary } from './statistics.ts';
import type { Metric } from './scenario.ts';

/** What a figure is to reach. */
export interface Goal {
  text: string;
  /** Undefined where nothing was measured to compare with. `others`: the medians of the others. */
  isMet(summary: Summary, others: number[], metric: Metric): boolean | undefined;
}

type Statistic = 'median' | 'p99' | 'mean' | 'maximum';

export function atMost(limit: number, of: Statistic = 'median'): Goal {
  return { text: `${of} ≤ ${limit}`, isMet: (summary) => summary[of] <= limit };
}

export function below(limit: number, of: Statistic = 'median'): Goal {
  return { text: `${of} < ${limit}`, isMet: (summary) => summary[of] < limit };
}

export function atLeast(limit: number, of: Statistic = 'median'): Goal {
  return { text: `${of} ≥ ${limit}`, isMet: (summary) => summary[of] >= limit };
}

/** The median is so many times as good as the best of the others. */
export function timesTheBest(factor: number): Goal {
  return {
    text: factor === 1 ? 'as good as the best' : `${factor} × the best`,
    isMet({ median }, others, { better }) {
      if (others.length === 0) return undefined;
      return advantage(median, best(others, better), better) >= factor;
    },
  };
}

export function all(...goals: Goal[]): Goal {
  return {
    text: goals.map(({ text }) => text).join(', '),
    isMet(...given) {
      const met = goals.map((goal) => goal.isMet(...given));
      if (met.includes(false)) return false;
      return met.includes(undefined) ? undefined : true;
    },
  };
}

export function best(values: number[], better: Metric['better']): number {
  return better === 'lower' ? Math.min(...values) : Math.max(...values);
}

/** How many times as good `ours` is as `theirs`. */
export function advantage(ours: number, theirs: number, better: Metric['better']): number {
  return better === 'lower' ? theirs / ours : ours / theirs;
}
