import { eventually } from '../__test__/fixtures/eventually.ts';
import { Records } from '../__test__/fixtures/oracle.ts';
import {
  msBetween,
  now,
  spawnCandidate,
  type CandidateProcess,
  type CandidateSettings,
  type ReportedEvent,
} from '../__test__/fixtures/processes.ts';
import type { Account } from './judge.ts';
import { judge } from './judge.ts';
import { waitsForCore } from './proofs.ts';
import type { Moment, Run } from './run.ts';

export interface GroupSettings extends Omit<CandidateSettings, 'records' | 'start'> {
  /** How many processes there are at the beginning of each run. @default 3 */
  size?: number;
  /** The URL of each process, by the number of its place, where they do not share `url`. */
  urls?: string[];
  /** More options of each process, by the number of its place. */
  placeOptions?: Record<string, unknown>[];
}

/** A process of the group: who it is in the story, and its place. */
interface Member {
  process: CandidateProcess;
  label: string;
  place: number;
  mayEnd: boolean;
}

/** The processes of one kind that a worker strikes, with what they record. Its runs share it. */
export class Group {
  readonly records = new Records();
  readonly #settings: GroupSettings;
  readonly #members: Member[] = [];
  #judgedUntil = 0n;
  #waits = new Map<string, number>();

  constructor(settings: GroupSettings) {
    this.#settings = settings;
  }

  /** Those that run. */
  get living(): CandidateProcess[] {
    return this.#members.map(({ process }) => process).filter(({ hasExited }) => !hasExited);
  }

  /** Its name in the story: a letter for its place, and how often the place was filled. */
  label(one: CandidateProcess): string {
    return this.#member(one).label;
  }

  /** The place of a process: an index into `urls`. */
  place(one: CandidateProcess): number {
    return this.#member(one).place;
  }

  /** Starts one more process in this place. */
  async start(place: number, settings: Partial<CandidateSettings> = {}): Promise<CandidateProcess> {
    const { urls, placeOptions, size: _size, ...shared } = this.#settings;
    const url = urls?.[place] ?? shared.url;
    const options = { ...shared.options, ...placeOptions?.[place] };
    const process = await spawnCandidate({
      ...shared,
      url,
      options,
      ...settings,
      records: this.records,
      start: false,
    });
    const turn = this.#members.filter((member) => member.place === place).length + 1;
    const label = `${String.fromCharCode(65 + (place % 26))}${turn}`;
    this.#members.push({ process, label, place, mayEnd: false });
    await process.call('start');
    return process;
  }

  /** Brings the group to its full strength, and waits until all agree on a leader that stands. */
  async steady(): Promise<{ leader: CandidateProcess; followers: CandidateProcess[] }> {
    const taken = new Set(this.living.map((one) => this.place(one)));
    const empty = Array.from({ length: this.#settings.size ?? 3 }, (_, place) => place).filter(
      (place) => !taken.has(place),
    );
    await Promise.all(empty.map((place) => this.start(place)));
    const leader = await this.agreed();
    return { leader, followers: this.living.filter((one) => one !== leader) };
  }

  /** Waits until every process but those in `except` names the same leader, which says so itself; and returns it. */
  agreed(...except: CandidateProcess[]): Promise<CandidateProcess> {
    return eventually(
      async () => {
        const voters = this.living.filter((one) => !except.includes(one));
        const leaders = voters.map((one) => one.of('leader').at(-1)?.[0]);
        if (new Set(leaders).size !== 1) return undefined;
        const leader = voters.find(({ id }) => id === leaders[0]);
        return leader && (await leader.call('isLeader')) && leader;
      },
      { within: 20_000 },
    );
  }

  /** The first `elected` since then, of anybody; heard already, or still to come. */
  async elected(run: Run, since: bigint, withinMs?: number) {
    return run.becomes('the next leader is elected', () => this.electedSince(since)[0], withinMs);
  }

  /** Every `elected` since then, the earliest first. */
  electedSince(since: bigint): { process: CandidateProcess; event: ReportedEvent }[] {
    return this.#members
      .flatMap(({ process }) => process.events.map((event) => ({ process, event })))
      .filter(({ event: { name, at } }) => name === 'elected' && at > since)
      .sort((a, b) => (a.event.at < b.event.at ? -1 : 1));
  }

  /** For how many ms after `at` this process was still seen to lead. */
  ledUntil(one: CandidateProcess, at: bigint): number {
    const ends = this.records
      .spans()
      .filter(({ process, from }) => process === one.name && from <= at)
      .map(({ to }) => msBetween(at, to));
    return Math.max(0, ...ends);
  }

  /** Says that this process is meant to end; otherwise its end is a violation. */
  mayEnd(one: CandidateProcess): void {
    this.#member(one).mayEnd = true;
  }

  /** Kills a process, and returns the moment just after the signal was sent. */
  kill(one: CandidateProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<bigint> {
    this.mayEnd(one);
    return one.kill(signal);
  }

  /** The longest time in ms for which a thread of its processes has waited for a core, in all, since the last call. */
  starvedMs(): number {
    const before = this.#waits;
    this.#waits = new Map(this.living.flatMap(({ pid }) => [...waitsForCore(pid)]));
    const since = [...this.#waits].map(([thread, ms]) => ms - (before.get(thread) ?? 0));
    return Math.max(0, ...since);
  }

  /** What is wrong since the last judgement, whatever the fault was but for this overlap. */
  judge(mayOverlapMs = 0): string[] {
    const since = this.#judgedUntil;
    this.#judgedUntil = now();
    const accounts = this.#members.map(account);
    const labels = new Map(this.#members.map(({ process, label }) => [process.name, label]));
    const spans = this.records
      .spans()
      .map((span) => ({ ...span, process: labels.get(span.process) ?? span.process }));
    return judge({ spans, accounts }, since, mayOverlapMs);
  }

  /** What its processes told and did since then. */
  moments(since: bigint): Moment[] {
    return this.#members
      .flatMap(({ process, label: who }) => [
        ...process.events.map(({ at, name, args }) => ({ at, who, what: eventText(name, args) })),
        ...process.pauses.map(({ at, ms, isLeader }) => ({
          at,
          who,
          what: `did not run for ${ms.toFixed(0)} ms; then isLeader() is ${isLeader}`,
        })),
      ])
      .filter(({ at }) => at >= since);
  }

  /** Who is who in the story. */
  get legend(): string[] {
    return this.#members
      .filter(({ process }) => !process.hasExited)
      .map(({ label, process }) => `${label} = ${process.id} (pid ${process.pid})`);
  }

  async end(): Promise<void> {
    await Promise.all(this.living.map((one) => this.kill(one)));
    this.records.remove();
  }

  #member(one: CandidateProcess): Member {
    return this.#members.find(({ process }) => process === one)!;
  }
}

function account({ process, label, mayEnd }: Member): Account {
  const { events, disagreements, output } = process;
  const unexpectedEnd = process.hasExited && !mayEnd ? `${process.end}\n${output}` : undefined;
  return { name: label, events, disagreements, output, unexpectedEnd };
}

function eventText(name: string, args: any[]): string {
  const text = args.map((arg) => (arg?.code ? `${arg.code}: ${arg.message}` : JSON.stringify(arg)));
  return `${name} ${text.join(' ')}`.slice(0, 200);
}
