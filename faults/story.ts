import { msBetween } from '../__test__/fixtures/processes.ts';
import type { Group } from './group.ts';
import type { Run } from './run.ts';

/** What happened in a run, in order, with the ms since its beginning. */
export function tell(run: Run, groups: Group[]): string {
  const moments = [...run.moments, ...groups.flatMap((group) => group.moments(run.startedAt))];
  moments.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return [
    ...groups.flatMap(({ legend }) => legend),
    ...moments.map(({ at, who, what }) => {
      const ms = msBetween(run.startedAt, at).toFixed(1).padStart(9);
      return `${ms}  ${who.padEnd(8)} ${what}`;
    }),
  ].join('\n');
}
