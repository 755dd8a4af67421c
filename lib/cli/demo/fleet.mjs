// What the two fleets have in common: who leads, who answered, how long a takeover took.

import { EventEmitter, once } from 'node:events';

/** The demo must end whatever happens. */
const PATIENCE_MS = 15_000;

export class BaseFleet extends EventEmitter {
  onError = () => {};
  options;
  #signal;
  #elected = null;
  /** What was told already: an outage is told by each instance at every attempt. */
  #told = new Set();

  /** `options` are those of the instances; `signal` ends whatever waits. */
  constructor(options, signal) {
    super();
    this.options = options;
    this.#signal = signal;
  }

  get isCutShort() {
    return this.#signal.aborted;
  }

  /** Takes what an instance told. */
  heard(item) {
    if (item.type === 'elected') {
      this.#elected = item;
    }
    if (item.type === 'error') {
      if (!this.#told.has(item.text)) this.onError(item.name, item.text);
      this.#told.add(item.text);
    } else {
      this.emit(item.type, item);
    }
  }

  async start(names) {
    await this.#within('all are started', Promise.all(names.map((name) => this.launch(name))));
  }

  async leader() {
    if (this.#elected === null) {
      await this.#next('elected');
    }
    return this.#elected;
  }

  /** Does what makes the leader go; gives its successor, and the milliseconds from the cause to its election. */
  async takeover(old, cause) {
    const elected = this.#next('elected');
    const from = Number(process.hrtime.bigint()) / 1e6;
    await cause();
    const leader = await elected;
    return { leader, ms: leader.at - from };
  }

  /** Sends a job from the leader to a worker; gives the worker's answer as text. */
  async job(from, to, message) {
    const done = this.#next('done');
    await this.#within('the job is sent', this.act(from, 'send', { to, message }));
    return JSON.stringify((await done).message);
  }

  stop(name) {
    this.remove(name);
    return this.act(name, 'stop');
  }

  reelect(name) {
    return this.act(name, 'reelect');
  }

  /** Whoever waits may fail before it looks at this. */
  #next(type) {
    const told = this.#within(`"${type}" is told`, once(this, type)).then(([item]) => item);
    told.catch(() => {});
    return told;
  }

  /** What `promise` gives, unless it takes too long, or the demo is cut short. */
  async #within(what, promise) {
    let fail;
    const failure = new Promise((_, reject) => {
      fail = () => reject(new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`));
    });
    const timer = setTimeout(fail, PATIENCE_MS);
    this.#signal.addEventListener('abort', fail);
    if (this.#signal.aborted) fail();
    try {
      return await Promise.race([promise, failure]);
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', fail);
    }
  }
}
