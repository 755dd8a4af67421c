// One round: a fleet of old instances is replaced by new ones, one by one, and back again.

import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../__test__/fixtures/eventually.ts';
import { Member, type Place } from './member.ts';
import { Post } from './post.ts';
import { Watch } from './watch.ts';

/** Whether an instance stops before its successor starts, or after that. */
export const orders = ['start first', 'stop first'] as const;
export type Order = (typeof orders)[number];

export interface Plan extends Place {
  old: number;
  fresh: number;
  order: Order;
}

/** The longest time without a leader that is borne: while a leader is there to take over from, or a new one lives; and what the old ones may take to elect. */
const handoverLimitMs = 1500;
const electionLimitMs = 4000;

export interface Outcome {
  plan: Plan;
  /** Broken promises, in words. */
  faults: string[];
  /** The longest time without a leader: on the way to the new ones, on the way back while a new one lived, and after the last new one left. */
  forwardMs: number;
  backMs: number;
  lastLeftMs: number;
  /** What the old ones took among themselves, when their leader left; undefined where there was only one. */
  oldTakeoverMs: number | undefined;
  oldBesideNewMs: number;
  sent: number;
  received: number;
  blindMs: number;
}

/** The order in which instances are replaced is drawn. */
export type Draw = () => number;

export async function playRound(plan: Plan, draw: Draw): Promise<Outcome> {
  const round = new Round(plan, draw);
  try {
    return await round.play();
  } finally {
    await round.end();
  }
}

class Round {
  readonly #plan: Plan;
  readonly #draw: Draw;
  readonly #members: Member[] = [];
  readonly #watch: Watch;
  readonly #post: Post;
  readonly #faults: string[] = [];

  constructor(plan: Plan, draw: Draw) {
    this.#plan = plan;
    this.#draw = draw;
    this.#watch = new Watch(this.#members);
    this.#post = new Post(this.#members);
  }

  async play(): Promise<Outcome> {
    const { old, fresh, order } = this.#plan;
    await Promise.all(Array.from({ length: old }, () => this.#start('old')));
    await eventually(() => this.#living('old').some((member) => member.leads()));
    await this.#moment();
    const first = this.#living('old');
    const deposed = first.find((member) => member.leads());

    const forwardAt = performance.now();
    await this.#replace('old', 'new', fresh);
    await this.#allAgree();
    const backAt = performance.now();
    const newLedAt = this.#watch.newLedAt ?? backAt;
    // Where the old leader may stop first, others stand for election before the first new one leads.
    if (order === 'start first') this.#checkDefeats(first, deposed, forwardAt);
    else this.#checkDefeats(first, undefined, newLedAt);
    await this.#replace('new', 'old', old, 1);

    const lastLeftAt = performance.now();
    this.#watch.noNewOneLives();
    await Promise.all(this.#living('new').map((member) => member.stop()));
    const oldLeader = await eventually(() => this.#living('old').find((member) => member.leads()));
    const ledAgainAt = performance.now();
    await this.#moment();
    const oldTakeoverMs = await this.#oldTakeover(oldLeader);

    await this.#watch.end();
    this.#post.end();
    const forwardLimitMs = order === 'start first' ? handoverLimitMs : electionLimitMs;
    this.#checkGap('before a new one led', forwardAt, newLedAt, forwardLimitMs);
    this.#checkGap('on the way there', newLedAt, backAt, handoverLimitMs);
    this.#checkGap('on the way back', backAt, lastLeftAt, handoverLimitMs);
    this.#checkGap('after the last new one left', lastLeftAt, ledAgainAt, electionLimitMs);
    await sleep(100);
    const { sent, received, faults } = this.#post.verdict();
    for (const { crashes, id } of this.#members) {
      if (crashes.length) faults.push(`the old ${id} failed: ${crashes[0]}`);
    }
    return {
      plan: this.#plan,
      faults: [...this.#faults, ...new Set(this.#watch.faults), ...faults],
      forwardMs: this.#longestGap(forwardAt, backAt),
      backMs: this.#longestGap(backAt, lastLeftAt),
      lastLeftMs: ledAgainAt - lastLeftAt,
      oldTakeoverMs,
      oldBesideNewMs: this.#watch.oldBesideNewMs,
      sent,
      received,
      blindMs: this.#watch.longestBlindMs,
    };
  }

  async end(): Promise<void> {
    this.#post.end();
    await this.#watch.end();
    await Promise.all(this.#members.map((member) => member.stop()));
  }

  /** Starts `count` of one kind, and stops all of the other but `rest`, in turns. */
  async #replace(from: Member['is'], to: Member['is'], count: number, rest = 0): Promise<void> {
    const startsFirst = this.#plan.order === 'start first';
    let toStart = count;
    while (toStart > 0 || this.#living(from).length > rest) {
      if (!startsFirst) await this.#stopOneOf(from, rest);
      if (toStart > 0) await this.#start(to);
      toStart -= 1;
      await this.#moment();
      if (startsFirst && (await this.#stopOneOf(from, rest))) await this.#moment();
    }
  }

  /** Whether there was one to stop. */
  async #stopOneOf(is: Member['is'], rest: number): Promise<boolean> {
    const leavers = this.#living(is);
    if (leavers.length <= rest) return false;
    await leavers[Math.floor(this.#draw() * leavers.length)]!.stop();
    return true;
  }

  async #start(is: Member['is']): Promise<Member> {
    const member = new Member(is, this.#plan);
    this.#members.push(member);
    this.#post.listen(member);
    await member.start();
    return member;
  }

  /** All new ones know that the old ones are gone, and agree on the list and on the leader. */
  async #allAgree(): Promise<void> {
    const fresh = this.#living('new');
    const ids = fresh.map(({ id }) => `${id} new`).sort();
    await eventually(
      async () => {
        const leader = fresh.find((member) => member.leads())?.id;
        for (const member of fresh) {
          if (member.legacyInstances !== 0) return false;
          if ((await member.list()).join() !== ids.join()) return false;
          if ((await member.leader()) !== leader) return false;
        }
        return leader !== undefined;
      },
      { within: 30_000, every: 50 },
    );
  }

  /** The old leader is told once that it is replaced; the others have nothing to be told. */
  #checkDefeats(old: Member[], deposed: Member | undefined, since: number): void {
    for (const member of old) {
      const defeats = member.defeats.filter((at) => at > since && at < member.stoppedAt).length;
      const due = member === deposed ? 1 : 0;
      if (defeats !== due) {
        const who = member === deposed ? 'the deposed leader' : 'an old follower';
        this.#faults.push(`${who} was told ${defeats} times that it is defeated`);
      }
    }
  }

  async #oldTakeover(leader: Member): Promise<number | undefined> {
    const others = this.#living('old').filter((member) => member !== leader);
    if (others.length === 0) return undefined;
    const at = performance.now();
    await leader.stop();
    await eventually(() => others.some((member) => member.leads()), { within: 60_000 });
    return performance.now() - at;
  }

  #longestGap(from: number, to: number): number {
    const lengths = this.#watch.gaps
      .filter((gap) => gap.to > from && gap.from < to)
      .map((gap) => Math.min(gap.to, to) - Math.max(gap.from, from));
    return Math.max(0, ...lengths);
  }

  /** What this process could not see may have been led. */
  #checkGap(when: string, from: number, to: number, limitMs: number): void {
    const gapMs = this.#longestGap(from, to);
    if (gapMs - this.#watch.longestBlindMs <= limitMs) return;
    this.#faults.push(`nobody led for ${gapMs.toFixed(0)} ms ${when}, longer than ${limitMs} ms`);
  }

  #living(is: Member['is']): Member[] {
    return this.#members.filter((member) => member.is === is && member.lives);
  }

  #moment(): Promise<void> {
    return sleep(300 + 300 * this.#draw());
  }
}
