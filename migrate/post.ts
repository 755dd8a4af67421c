// Messages of all four kinds, from everybody to everybody, all the time; and which of them came.

import type { Member } from './member.ts';

const everyMs = 40;
/** Sender and receiver have to live from the sending until so long after it; and the leader to stay, for what roles decide. */
const settledMs = 400;

const kinds = ['all', 'leader', 'followers', 'to'] as const;
type Kind = (typeof kinds)[number];

interface Sent {
  kind: Kind;
  from: Member;
  number: number;
  to?: Member;
  at: number;
}

interface Verdict {
  sent: number;
  received: number;
  faults: string[];
}

export class Post {
  readonly #members: Member[];
  readonly #sent: Sent[] = [];
  readonly #leaders: { from: number; member: Member | undefined }[] = [];
  /** By receiver, the numbers that came of each sender, in order. */
  readonly #received = new Map<Member, Map<string, number[]>>();
  readonly #timer: NodeJS.Timeout;
  #number = 0;
  #turn = 0;

  constructor(members: Member[]) {
    this.#members = members;
    this.#timer = setInterval(() => this.#tick(), everyMs);
  }

  /** To be called for each instance before it starts. */
  listen(member: Member): void {
    const received = new Map<string, number[]>();
    this.#received.set(member, received);
    member.self.on('message', ({ message, from }) => {
      const numbers = received.get(from) ?? [];
      received.set(from, numbers);
      numbers.push(message.number);
    });
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const at = performance.now();
    const leading = this.#members.filter((member) => member.lives && member.leads());
    const leader = leading.find(({ is }) => is === 'new') ?? leading[0];
    if (this.#leaders.at(-1)?.member !== leader) this.#leaders.push({ from: at, member: leader });
    for (const from of this.#members.filter(({ lives }) => lives)) this.#send(from, at);
  }

  #send(from: Member, at: number): void {
    const kind = kinds[(this.#turn += 1) % kinds.length]!;
    const others = this.#members.filter((member) => member.lives && member !== from);
    const to = kind === 'to' ? others[this.#turn % Math.max(1, others.length)] : undefined;
    if (kind === 'to' && !to) return;
    const number = (this.#number += 1);
    const message = { number };
    const { self } = from;
    const send = {
      all: () => self.messageAll(message),
      leader: () => self.messageLeader(message),
      followers: () => self.messageFollowers(message),
      to: () => self.messageTo(to!.id, message),
    };
    // One that fails was not sent, and its sender was told so.
    send[kind]().then(
      () => this.#sent.push({ kind, from, number, to, at }),
      () => {},
    );
  }

  verdict(): Verdict {
    const faults = this.#outOfOrder();
    let received = 0;
    for (const numbers of this.#received.values()) {
      for (const { length } of numbers.values()) received += length;
    }
    for (const sent of this.#sent) {
      for (const receiver of this.#receiversOf(sent)) {
        if (this.#received.get(receiver)!.get(sent.from.id)?.includes(sent.number)) continue;
        faults.push(`${sent.kind} of ${sent.from.is} did not reach ${receiver.is} ${receiver.id}`);
      }
    }
    return { sent: this.#sent.length, received, faults };
  }

  /** Whatever comes twice comes out of order, too. */
  #outOfOrder(): string[] {
    const faults: string[] = [];
    for (const [receiver, senders] of this.#received) {
      for (const [from, numbers] of senders) {
        const isWrong = (number: number, index: number) =>
          index > 0 && number <= numbers[index - 1]!;
        const wrong = numbers.filter(isWrong);
        if (wrong.length)
          faults.push(`${receiver.is} got ${wrong.length} of ${from} twice or out of order`);
      }
    }
    return faults;
  }

  /** Who must have got it: whoever lived all along, and had the role if it was for one. */
  #receiversOf({ kind, from, to, at }: Sent): Member[] {
    const until = at + settledMs;
    if (!from.livesThrough(at, until)) return [];
    const others = this.#members.filter(
      (member) => member !== from && member.livesThrough(at, until),
    );
    if (kind === 'all') return others;
    if (kind === 'to') return others.filter((member) => member === to);
    const leader = this.#leaderThrough(at - settledMs, until);
    if (!leader) return [];
    return others.filter((member) => (kind === 'leader') === (member === leader));
  }

  /** The one who led all that time. */
  #leaderThrough(from: number, to: number): Member | undefined {
    const before = this.#leaders.filter((span) => span.from <= from).at(-1);
    const hasChanged = this.#leaders.some((span) => span.from > from && span.from <= to);
    return hasChanged ? undefined : before?.member;
  }
}
