import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

/**
 * How late this machine is: measured by a thread that does nothing else, so that the harness' own work is not taken for
 * it. No recovery can be faster than the machine lets those that recover run.
 */
export class HostLateness {
  readonly #thread = new Worker(path.join(__dirname, 'host-lateness-thread.cjs'));

  constructor() {
    this.#thread.unref();
  }

  /** The worst lateness between then and now, in ms. One question at a time. */
  async worstSince(since: bigint): Promise<number> {
    // While it stands still itself, its answer waits, and then tells of that.
    this.#thread.ref();
    this.#thread.postMessage(since);
    const [worst] = await once(this.#thread, 'message');
    this.#thread.unref();
    return worst;
  }

  async stop(): Promise<void> {
    await this.#thread.terminate();
  }
}
