import path from 'node:path';
import { Worker } from 'node:worker_threads';

/** A timer that came too late, by `ms`; `at` is when it came. */
interface Late {
  at: bigint;
  ms: number;
}

/**
 * How late this machine is: measured by a thread that does nothing else, so that the harness' own work is not taken for
 * it. What no recovery can be faster than is not the fault of what is measured.
 */
export class HostLateness {
  #late: Late[] = [];
  readonly #thread = new Worker(path.join(__dirname, 'host-lateness-thread.cjs'));

  constructor() {
    this.#thread.unref();
    this.#thread.on('message', (late: Late) => {
      this.#late.push(late);
      if (this.#late.length > 100_000) this.#late = this.#late.slice(-50_000);
    });
  }

  /** The worst lateness between then and now, in ms. */
  async worstSince(since: bigint): Promise<number> {
    // What the thread has seen up to now is on its way.
    await new Promise((resolve) => setTimeout(resolve, 3));
    const worst = this.#late.filter(({ at }) => at >= since).map(({ ms }) => ms);
    return Math.max(0, ...worst);
  }

  async stop(): Promise<void> {
    await this.#thread.terminate();
  }
}
