// Asks all instances of a fleet, again and again, whether they lead. All are in this process, so one moment is the same for all.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Member } from './member.ts';

const everyMs = 2;

/** A time without any leader. */
export interface Gap {
  from: number;
  to: number;
}

export class Watch {
  readonly faults: string[] = [];
  readonly gaps: Gap[] = [];
  /** The moments at which another instance was seen to lead, or none. */
  readonly changes: number[] = [];
  /** The longest time from one look to the next: nothing shorter is seen. */
  longestBlindMs = 0;
  /** Times in which an old instance led although a new one had led and lived, in ms. */
  oldBesideNewMs = 0;
  /** When a new one was first seen to lead. */
  newLedAt: number | undefined;
  readonly #members: Member[];
  #hasNewLed = false;
  #gapSince: number | undefined;
  #lastLeader: string | undefined;
  #lastLook = performance.now();
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(members: Member[]) {
    this.#members = members;
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#closeGap(performance.now());
  }

  /** Forgets that a new one led: from now on the old ones elect as ever. */
  noNewOneLives(): void {
    this.#hasNewLed = false;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.look();
      await sleep(everyMs);
    }
  }

  look(): void {
    const now = performance.now();
    const blindMs = now - this.#lastLook;
    this.longestBlindMs = Math.max(this.longestBlindMs, blindMs);
    const leading = this.#members.filter((member) => member.leads());
    const fresh = leading.filter(({ is }) => is === 'new');
    // Whoever led before the second was asked, and leads after that, led together with it.
    if (fresh.length > 1 && fresh[0]!.leads() && fresh[1]!.leads()) {
      this.faults.push(`two new leaders: ${fresh[0]!.id} and ${fresh[1]!.id}`);
    }
    if (fresh.length > 0) this.newLedAt ??= now;
    this.#hasNewLed ||= fresh.length > 0;
    const old = leading.filter(({ is, lives }) => is === 'old' && lives);
    const newLives = this.#members.some(({ is, lives }) => is === 'new' && lives);
    if (old.length > 0 && this.#hasNewLed && newLives) {
      this.oldBesideNewMs += blindMs;
      this.faults.push(`the old ${old[0]!.id} leads although a new one led and lives`);
    }
    const leader = (fresh[0] ?? old[0])?.id;
    if (leader !== this.#lastLeader) this.changes.push(now);
    this.#lastLeader = leader;
    if (leader !== undefined) this.#closeGap(now);
    else this.#gapSince ??= now;
    this.#lastLook = now;
  }

  #closeGap(to: number): void {
    if (this.#gapSince !== undefined) this.gaps.push({ from: this.#gapSince, to });
    this.#gapSince = undefined;
  }
}
