import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../__test__/fixtures/eventually.ts';
import { msBetween } from '../__test__/fixtures/processes.ts';
import type { Contender } from './contenders.ts';
import { Program } from './program.ts';
import { withServer } from './servers.ts';

/** A process with one contender. */
export interface Member {
  program: Program;
}

/** That it was elected, in ns of CLOCK_MONOTONIC, which all processes of a machine share. */
interface Election {
  member: Member;
  at: bigint;
}

/** What a deed of a member took; both in ns of CLOCK_MONOTONIC. */
export interface Timed {
  calledAt: bigint;
  doneAt: bigint;
}

/** Processes with one contender each, all of one kind. */
export class Group {
  readonly members: Member[] = [];
  readonly #elections: Election[] = [];
  readonly #contender: Contender;
  readonly #url: string;
  #failures: string[] = [];

  constructor(contender: Contender, url: string) {
    this.#contender = contender;
    this.#url = url;
  }

  /** Adds processes; their contenders do not take part yet. */
  async spawn(count: number): Promise<Member[]> {
    const added = await Promise.all(Array.from({ length: count }, () => this.#spawnOne()));
    this.members.push(...added);
    return added;
  }

  async #spawnOne(): Promise<Member> {
    const { module, options } = this.#contender;
    const task = { contender: module, url: this.#url, kind: 'bench', options };
    const member = {} as Member;
    member.program = await Program.start('election', task, {
      onReport: (report) => {
        if ('elected' in report) this.#elections.push({ member, at: report.at });
        else this.#failures = [...this.#failures.slice(-4), report.failed];
      },
    });
    return member;
  }

  /** All that were spawned take part, and one leads. */
  async start(count: number): Promise<void> {
    const members = await this.spawn(count);
    await Promise.all(members.map(({ program }) => program.call('start')));
    await this.elected(0n);
    await settled();
  }

  /** One more takes part, beside a leader. */
  async join(): Promise<void> {
    const [member] = await this.spawn(1);
    await member!.program.call('start');
    await settled();
  }

  /** Whoever was elected last. */
  get leader(): Member {
    return this.#elections.at(-1)!.member;
  }

  /** The first election after `since`, by another member than `except`. */
  async elected(since: bigint, except?: Member): Promise<Election> {
    const find = () => this.#elections.find(({ member, at }) => at > since && member !== except);
    try {
      return (await eventually(find, { within: 2 * this.#contender.leaseMs + 20_000 })) as Election;
    } catch {
      throw new Error(`nobody was elected; ${this.#failures.join('; ') || 'no errors were told'}`);
    }
  }

  /** How long it takes from `since` to the next election, in ms. */
  async takeover(since: bigint, except?: Member): Promise<number> {
    return msBetween(since, (await this.elected(since, except)).at);
  }

  /** Kills the leader; returns the moment just after. */
  async killLeader(): Promise<{ member: Member; at: bigint }> {
    const member = this.leader;
    this.members.splice(this.members.indexOf(member), 1);
    return { member, at: await member.program.kill() };
  }

  async end(): Promise<void> {
    await Promise.all(this.members.map(({ program }) => program.kill()));
  }
}

/** Those who do not lead have had a few exchanges with the server: what followed the start is over. */
const settled = () => sleep(300);

/** Lets a strike fall anywhere between two renewals. */
export const anyPhase = (withinMs: number) => sleep(Math.random() * withinMs);

/** Runs `use` with a group of so many, one of which leads, on a server of its own. */
export function withLedGroup<T>(
  contender: Contender,
  size: number,
  use: (group: Group) => Promise<T>,
): Promise<T> {
  return withServer(contender, (url) =>
    withGroup(contender, url, async (group) => {
      await group.start(size);
      return use(group);
    }),
  );
}

/** Runs `use` with a group, and ends it. */
export async function withGroup<T>(
  contender: Contender,
  url: string,
  use: (group: Group) => Promise<T>,
): Promise<T> {
  const group = new Group(contender, url);
  try {
    return await use(group);
  } finally {
    await group.end();
  }
}
