import { setTimeout as sleep } from 'node:timers/promises';

export interface RestSettings {
  /** How often the count is looked at. @default 500 */
  everyMs?: number;
  /** @default 60 000 */
  limitMs?: number;
}

/** So many looks make a period. It has to hold every wait that a library repeats: the longest one is 3 s. */
const looks = 6;

/** Periods that differ by no more are alike. */
const shareOfDifference = 0.1;
const leastDifference = 30;

/**
 * Waits until the work that `count` counts is as much in a period as in the one before it: what follows a start is then
 * over. `count` gives what was done since the beginning.
 */
export async function comeToRest(
  count: () => Promise<number>,
  { everyMs = 500, limitMs = 60_000 }: RestSettings = {},
): Promise<void> {
  const counts = [await count()];
  const deadline = performance.now() + limitMs;
  for (;;) {
    await sleep(everyMs);
    counts.push(await count());
    const periods = lastPeriods(counts);
    if (!periods) continue;
    const [before, last] = periods;
    if (areAlike(before, last)) return;
    if (performance.now() < deadline) continue;
    const seconds = (looks * everyMs) / 1000;
    throw new Error(
      `no rest within ${limitMs / 1000} s: ${last} commands in the last ${seconds} s, ${before} in the ${seconds} s before`,
    );
  }
}

function lastPeriods(counts: number[]): [number, number] | undefined {
  const [first, second, third] = [1 + 2 * looks, 1 + looks, 1].map((back) => counts.at(-back));
  if (first === undefined) return undefined;
  return [second! - first, third! - second!];
}

function areAlike(one: number, other: number): boolean {
  const allowed = Math.max(leastDifference, shareOfDifference * Math.max(one, other));
  return Math.abs(one - other) <= allowed;
}
