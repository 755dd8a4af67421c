import { msBetween } from '../__test__/fixtures/processes.ts';
import type { Group } from './group.ts';
import type { Run } from './run.ts';

/** A longer story is shown by its beginning and its end. */
const longest = { beginning: 100, end: 60 };

/** What happened in a run, in order, with the ms since its beginning. */
export function tell(run: Run, groups: Group[]): string {
  const moments = [...run.moments, ...groups.flatMap((group) => group.moments(run.startedAt))];
  moments.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const lines = moments.map(({ at, who, what }) => {
    const ms = msBetween(run.startedAt, at).toFixed(1).padStart(9);
    return `${ms}  ${who.padEnd(8)} ${what}`;
  });
  return [...groups.flatMap(({ legend }) => legend), ...shortened(lines)].join('\n');
}

function shortened(lines: string[]): string[] {
  const { beginning, end } = longest;
  const left = lines.length - beginning - end;
  if (left <= 0) return lines;
  return [...lines.slice(0, beginning), `… ${left} more …`, ...lines.slice(-end)];
}
