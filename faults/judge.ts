import { overlapsOf, type Span } from '../__test__/fixtures/oracle.ts';
import type { Disagreement, ReportedEvent } from '../__test__/fixtures/processes.ts';

/** What one process has told, and how it ended. */
export interface Account {
  name: string;
  events: ReportedEvent[];
  disagreements: Disagreement[];
  output: string;
  /** How it ended, where nobody meant it to. */
  unexpectedEnd?: string | undefined;
}

export interface Evidence {
  spans: Span[];
  accounts: Account[];
}

/**
 * What must hold in every run, whatever the fault. `since`: what lies before was judged already; only what terms were
 * granted is compared with all of the past. `mayOverlapMs`: for so long two may lead at one moment.
 */
export function judge({ spans, accounts }: Evidence, since: bigint, mayOverlapMs = 0): string[] {
  return [
    ...twoLeaders(spans, since, mayOverlapMs),
    ...termsOfTwo(accounts),
    ...termsThatFall(spans, since),
    ...leadersThatFall(accounts),
    ...accounts.flatMap((account) => falseRoles(account, since)),
    ...accounts.flatMap((account) => defects(account, since)),
  ];
}

function twoLeaders(spans: Span[], since: bigint, mayOverlapMs: number): string[] {
  const overlaps = overlapsOf(spans.filter(({ to }) => to > since));
  const tooLong = overlaps.filter(({ ms }) => ms > mayOverlapMs || mayOverlapMs === 0);
  return tooLong.map(
    ({ processes: [one, other], terms, ms }) =>
      `two leaders at one moment: ${one} (term ${terms[0]}) and ${other} (term ${terms[1]}) for at least ${ms.toFixed(3)} ms`,
  );
}

/** By what `elected` told: one name for each term. */
function termsOfTwo(accounts: Account[]): string[] {
  const holders = new Map<number, string>();
  const found: string[] = [];
  for (const { name, events } of accounts) {
    for (const { name: event, args } of events) {
      if (event !== 'elected') continue;
      const { term } = args[0];
      const holder = holders.get(term);
      if (holder !== undefined) found.push(`term ${term} was granted to ${holder} and to ${name}`);
      holders.set(term, name);
    }
  }
  return found;
}

/** Reigns follow one another, so their terms must rise. */
function termsThatFall(spans: Span[], since: bigint): string[] {
  const inOrder = [...spans].sort((a, b) => (a.from < b.from ? -1 : 1));
  return inOrder.flatMap((span, index) => {
    const last = inOrder[index - 1];
    if (!last || span.from <= since) return [];
    if (span.term > last.term) return [];
    if (span.term === last.term && span.process === last.process)
      return [`${span.process}: isLeader() was false, then true again, within term ${span.term}`];
    return [`${span.process} leads in term ${span.term} after ${last.process} in ${last.term}`];
  });
}

/** Event `leader`: nobody learns of an older term after a newer one. */
function leadersThatFall(accounts: Account[]): string[] {
  return accounts.flatMap(({ name, events }) => {
    let highest = 0;
    return events.flatMap(({ name: event, args }) => {
      if (event !== 'leader') return [];
      const [, term] = args;
      if (term < highest) return [`${name} heard of term ${term} after term ${highest}`];
      highest = term;
      return [];
    });
  });
}

function falseRoles({ name, disagreements }: Account, since: bigint): string[] {
  return disagreements
    .filter(({ at }) => at > since)
    .map(
      ({ isLeader, ms }) =>
        `${name}: isLeader() was ${isLeader} for ${ms.toFixed(0)} ms while its events said otherwise`,
    );
}

function defects({ name, events, output, unexpectedEnd }: Account, since: bigint): string[] {
  const found: string[] = [];
  if (unexpectedEnd !== undefined) found.push(`${name} ended: ${unexpectedEnd}`);
  if (output.includes('panicked')) found.push(`${name} panicked: ${output.slice(0, 500)}`);
  for (const { name: event, args, at } of events) {
    if (at > since && event === 'error' && args[0]?.code === 'ERR_INTERNAL')
      found.push(`${name} tells of a defect: ${args[0].message}`);
  }
  return found;
}
