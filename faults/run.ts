import { eventually } from '../__test__/fixtures/eventually.ts';
import { msBetween, now } from '../__test__/fixtures/processes.ts';

/** Something in the story of a run; `at` in ns of CLOCK_MONOTONIC. */
export interface Moment {
  at: bigint;
  who: string;
  what: string;
}

/** The run cannot go on: what was expected did not come. It is noted already. */
export class RunEnded extends Error {}

/** Long enough for a busy machine; what has a bound of its own is measured against that. */
const patienceMs = 15_000;

/** One strike and what followed from it. */
export class Run {
  /** Counts from 0 over all runs of the fault; rows use it to go through variations. */
  readonly number: number;
  readonly startedAt = now();
  readonly violations: string[] = [];
  readonly moments: Moment[] = [];
  /** Why the fault cannot be said to have struck. */
  notInjected: string | undefined;
  recoveryMs: number | undefined;
  /** The first strike. */
  struckAt: bigint | undefined;
  #proofs = 0;

  constructor(number: number) {
    this.number = number;
  }

  /** Writes a line into the story. */
  note(what: string): bigint {
    const at = now();
    this.moments.push({ at, who: 'harness', what });
    return at;
  }

  /** Does what strikes, and returns the moment before it began. */
  async strike(what: string, action: () => unknown): Promise<bigint> {
    const at = this.note(`FAULT: ${what}`);
    this.struckAt ??= at;
    await action();
    return at;
  }

  /** Waits for the proof that the fault took effect. Without one, the run does not count, and the row fails. */
  async prove(what: string, proof: () => unknown, withinMs = patienceMs): Promise<void> {
    try {
      await eventually(proof, { within: withinMs, every: 2 });
    } catch (error) {
      this.notInjected = `${what}: ${firstLine(error)}`;
      this.note(`NOT INJECTED: ${this.notInjected}`);
      throw new RunEnded(this.notInjected);
    }
    this.#proofs += 1;
    this.note(`proved: ${what}`);
  }

  get isProved(): boolean {
    return this.#proofs > 0 && this.notInjected === undefined;
  }

  /** A violation unless `holds`. The run goes on. */
  expect(holds: boolean, what: string): void {
    if (holds) return;
    this.violate(`expected: ${what}`);
  }

  violate(what: string): void {
    this.violations.push(what);
    this.note(`VIOLATION: ${what}`);
  }

  /** Waits until `condition` gives something truthy, and returns it. A violation where it does not in time. */
  async becomes<T>(what: string, condition: () => T | Promise<T>, withinMs = patienceMs) {
    try {
      return await eventually(condition, { within: withinMs, every: 2 });
    } catch (error) {
      this.violate(`did not come within ${withinMs} ms: ${what} (${firstLine(error)})`);
      throw new RunEnded(what);
    }
  }

  /** The value of a promise. A violation where it rejects, or does not settle in time. */
  async settles<T>(what: string, promise: Promise<T>, withinMs = patienceMs): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`not settled after ${withinMs} ms`)), withinMs);
    });
    try {
      return await Promise.race([promise, limit]);
    } catch (error) {
      this.violate(`${what}: ${firstLine(error)}`);
      throw new RunEnded(what);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Says how long the recovery took. Where a run has several, the longest one counts. */
  recovered(from: bigint, to: bigint): void {
    const ms = Math.max(0, msBetween(from, to));
    this.recoveryMs = Math.max(this.recoveryMs ?? 0, ms);
    this.note(`recovered in ${ms.toFixed(1)} ms`);
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // What `eventually` says of the last look comes in its second line.
  return text.split('\n').slice(0, 3).join(' ').slice(0, 400);
}
