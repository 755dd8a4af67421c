import type { Counts, Status } from '../__test__/fixtures/crowd.ts';
import type { Member } from './member.ts';

/** What was seen so far: faults, elections, messages, broken promises. */
export class Ledger {
  readonly violations: string[] = [];
  readonly faults = new Map<string, { struck: number; seen: number }>();
  readonly recoveries: number[] = [];
  readonly terms = new Set<number>();
  /** Of processes that were killed, by their last word. */
  readonly #gone: Counts[] = [];
  readonly #last = new Map<Member, Status>();
  readonly #members: Member[];
  readonly #began = performance.now();

  constructor(members: Member[]) {
    this.#members = members;
  }

  struck(name: string, wasSeen: boolean): void {
    const row = this.faults.get(name) ?? { struck: 0, seen: 0 };
    row.struck += 1;
    row.seen += wasSeen ? 1 : 0;
    this.faults.set(name, row);
  }

  recovered(ms: number): void {
    this.recoveries.push(ms);
  }

  violation(text: string): void {
    this.violations.push(text);
    console.log(`BROKEN: ${text}`);
  }

  /** Asks all processes. Returns whether one candidate leads, and all that run name it. */
  async look(): Promise<boolean> {
    const seen = await Promise.all(
      this.#members.map(async (member) => {
        const status = await member.call('status').catch(() => undefined);
        if (status) this.#note(member, status);
        return status;
      }),
    );
    const all = seen.flatMap((status) => status?.members ?? []).filter(({ isUp }) => isUp);
    const leaders = all.filter(({ isLeader }) => isLeader);
    return (
      seen.every(Boolean) &&
      leaders.length === 1 &&
      all.every(({ leader }) => leader === leaders[0]!.id)
    );
  }

  #note(member: Member, status: Status): void {
    const before = this.#last.get(member)?.counts;
    // A process that was made anew counts from the beginning.
    if (before && before.sent > status.counts.sent) this.#gone.push(before);
    this.#last.set(member, status);
    for (const text of status.counts.violations) this.violation(`${member.name}: ${text}`);
    for (const { id, term } of status.elections) {
      if (this.terms.has(term))
        this.violation(`term ${term} was granted twice, the second time to ${id}`);
      this.terms.add(term);
    }
  }

  /** Who says what of the leader, for a person to read. */
  picture(): string {
    return [...this.#last]
      .map(([{ name }, { members }]) => {
        const short = (id?: string) => id?.slice(0, 6) ?? 'nobody';
        const told = members.map(
          ({ id, isUp, isLeader, leader }) =>
            `${short(id)}${isUp ? '' : ' (stopped)'}${isLeader ? ' leads' : ''} names ${short(leader)}`,
        );
        return `${name}: ${told.join(', ')}`;
      })
      .join('; ');
  }

  sum(field: 'sent' | 'received' | 'gaps' | 'missed'): number {
    const counts = [...this.#gone, ...[...this.#last.values()].map((status) => status.counts)];
    return counts.reduce((sum, one) => sum + one[field], 0);
  }

  refusals(): Record<string, number> {
    const sum: Record<string, number> = {};
    const counts = [...this.#gone, ...[...this.#last.values()].map((status) => status.counts)];
    for (const one of counts.flatMap(({ refusals }) => Object.entries(refusals))) {
      sum[one[0]] = (sum[one[0]] ?? 0) + one[1];
    }
    return sum;
  }

  pending(): number {
    return [...this.#last.values()].reduce((sum, { counts }) => sum + counts.pending, 0);
  }

  heading(): string {
    return 'minute  faults  terms  recovery: median, max      sent   received    gaps  rejected  resident memory';
  }

  row(): string {
    const faults = [...this.faults.values()].reduce((sum, { struck }) => sum + struck, 0);
    const rejected = Object.values(this.refusals()).reduce((sum, one) => sum + one, 0);
    const memory = this.#members.map(
      ({ memory }) => `${Math.round((memory.at(-1) ?? 0) / 2 ** 20)}`,
    );
    return [
      ((performance.now() - this.#began) / 60_000).toFixed(1).padStart(6),
      String(faults).padStart(7),
      String(this.terms.size).padStart(6),
      `${Math.round(median(this.recoveries))} ms, ${Math.round(Math.max(0, ...this.recoveries))} ms`.padStart(
        22,
      ),
      String(this.sum('sent')).padStart(9),
      String(this.sum('received')).padStart(10),
      String(this.sum('gaps')).padStart(7),
      String(rejected).padStart(9),
      ` ${memory.join(' ')} MB`,
    ].join(' ');
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
