import { quantile } from '../faults/figures.ts';

/** What the runs of one figure come to. */
export interface Summary {
  runs: number;
  median: number;
  p99: number;
  mean: number;
  minimum: number;
  maximum: number;
}

/** Undefined where there is no value. */
export function summarize(values: number[]): Summary | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return {
    runs: sorted.length,
    median: quantile(sorted, 0.5)!,
    p99: quantile(sorted, 0.99)!,
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    minimum: sorted[0]!,
    maximum: sorted.at(-1)!,
  };
}

/**
 * The exponent k of value = c · size^k that fits best, by least squares of the logarithms: 1 is linear growth. Undefined
 * where fewer than two sizes have a value above 0.
 */
export function growthExponent(points: { size: number; value: number }[]): number | undefined {
  const logarithms = points
    .filter(({ size, value }) => size > 0 && value > 0)
    .map(({ size, value }) => ({ x: Math.log(size), y: Math.log(value) }));
  const mean = (pick: (point: { x: number; y: number }) => number) =>
    logarithms.reduce((sum, point) => sum + pick(point), 0) / logarithms.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const spread = mean(({ x }) => (x - meanX) ** 2);
  if (!(spread > 0)) return undefined;
  return mean(({ x, y }) => (x - meanX) * (y - meanY)) / spread;
}
