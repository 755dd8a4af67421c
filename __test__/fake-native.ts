// Plays the native side: tests read what the class asked of it, and deliver what they like.

import type { Candidate as CandidateType } from 'incumbent';

const { createCandidateClass } = require('../lib/candidate.js');

type Item = { type: string; [field: string]: unknown };
type Send = { to: number; id: string; format: number; body: string | Buffer };
type Request = { request: number; what: string; argument: string | undefined };

/** What the native side hands over beside the items: bytes, and what is long. */
type Attachment = Buffer | string;

export class FakeNative {
  readonly id = '0123456789abcdef01234567';
  state: 'follower' | 'candidate' | 'leader' = 'follower';
  currentTerm = 0;

  readonly options: Record<string, unknown>;
  readonly calls: string[] = [];
  readonly sends: Send[] = [];
  readonly requests: Request[] = [];
  /** How long the reign is valid while `state` is 'leader'. */
  leftMs = 600;
  held = false;
  /** The terms whose drain was reported as done. */
  readonly drainedTerms: number[] = [];
  counts: Record<string, unknown> = {};
  /** Thrown by the next call of the method of that name. */
  readonly throws: Record<string, Error> = {};
  #deliver: ((items: string, attachments: Attachment[]) => void) | undefined;

  constructor(options: string) {
    this.options = JSON.parse(options);
    latest = this;
  }

  isLeader(): boolean {
    return this.state === 'leader';
  }

  validForMs(): number {
    return this.isLeader() ? this.leftMs : 0;
  }

  holdsWork(held: boolean): void {
    this.held = held;
  }

  drained(term: number): void {
    this.drainedTerms.push(term);
  }

  stats(): string {
    const { state, currentTerm: term } = this;
    const links = { connected: true, subscribed: true, silentMs: 5, instances: 1 };
    return JSON.stringify({
      state,
      term,
      validForMs: this.validForMs(),
      ...links,
      ...this.counts,
    });
  }

  start(deliver: (items: string, attachments: Attachment[]) => void): void {
    this.#called('start');
    this.#deliver = deliver;
  }

  stop(): void {
    this.#called('stop');
    this.state = 'follower';
  }

  send(to: number, id: string, format: number, body: string | Buffer): void {
    this.#called('send');
    this.sends.push({ to, id, format, body });
  }

  flush(): void {
    this.#called('flush');
  }

  request(request: number, what: string, argument?: string): void {
    this.#called('request');
    if (['reelect', 'resign'].includes(what)) this.state = 'follower';
    this.requests.push({ request, what, argument });
  }

  deliver(...items: Item[]): void {
    this.deliverText(JSON.stringify(items));
  }

  deliverText(items: string, attachments: Attachment[] = []): void {
    this.#deliver!(items, attachments);
  }

  /** Becomes the leader of `term`, and tells so. */
  elect(term: number, checkpoint?: unknown): void {
    this.state = 'leader';
    this.currentTerm = term;
    this.deliver(
      { type: 'elected', term, checkpoint },
      { type: 'statechange', state: 'leader' },
      { type: 'leader', id: this.id, term },
    );
  }

  /** Begins to drain. `depose()` is what follows. */
  drain(reason: string): void {
    this.state = 'follower';
    this.deliver({ type: 'draining', term: this.currentTerm, reason });
  }

  depose(reason: string): void {
    this.state = 'follower';
    this.deliver(
      { type: 'defeated', term: this.currentTerm, reason },
      { type: 'statechange', state: 'follower' },
      { type: 'leader', term: this.currentTerm },
    );
  }

  /** Answers the latest request. */
  reply(value: unknown): void {
    this.deliver({ type: 'reply', request: this.requests.at(-1)!.request, value });
  }

  #called(method: string): void {
    this.calls.push(method);
    const error = this.throws[method];
    delete this.throws[method];
    if (error) throw error;
  }
}

let latest: FakeNative;

export const Candidate: typeof CandidateType = createCandidateClass(FakeNative);

export function newCandidate(options?: ConstructorParameters<typeof Candidate>[0]) {
  const candidate = new Candidate(options);
  return { candidate, native: latest };
}

/** A candidate that follows the leader 'other'. */
export async function newFollower(options?: ConstructorParameters<typeof Candidate>[0]) {
  const made = newCandidate(options);
  const started = made.candidate.start();
  made.native.deliver({ type: 'leader', id: 'other', term: 7 }, { type: 'started' });
  await started;
  return made;
}

/** As the native side throws: an Error with a code. */
export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Whether a promise is settled already, now that every promise job has run. */
export async function outcome(promise: Promise<unknown>): Promise<string> {
  const pending = new Promise((resolve) => setImmediate(resolve, 'pending'));
  return Promise.race([
    promise.then(
      () => 'resolved',
      (error) => error.code ?? error.name,
    ),
    pending,
  ]) as Promise<string>;
}

/** The process warnings that `run` causes. */
export async function warningsOf(run: () => unknown): Promise<(Error & { code?: string })[]> {
  const warnings: (Error & { code?: string })[] = [];
  const collect = (warning: Error) => warnings.push(warning);
  process.on('warning', collect);
  try {
    await run();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('warning', collect);
  }
  return warnings;
}
