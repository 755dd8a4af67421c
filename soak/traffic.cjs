'use strict';
// The messages of one candidate: it sends without end, in every way there is, and checks what comes in.

/** @typedef {'all' | 'leader' | 'followers' | 'instance'} Channel */

/** How long one round of sending takes, at least, in ms. */
const roundMs = 400;
/** How many messages go out at once, without waiting for each. */
const window = 8;

class Traffic {
  #candidate;
  #counts;
  /** What the others sent last to this instance: per sender's run and channel. */
  #last = new Map();
  /** Distinguishes this candidate's runs, whose numbers begin anew. */
  #run = '';
  #sent = new Map();
  #over = false;
  /** @type {Promise<void>} */
  #ended = Promise.resolve();

  /**
   * @param {import('incumbent').Candidate} candidate
   * @param {Counts} counts
   */
  constructor(candidate, counts) {
    this.#candidate = candidate;
    this.#counts = counts;
    candidate.on('message', ({ message, from }) => this.#receive(message, from));
    candidate.on('gap', ({ missed }) => {
      counts.gaps += 1;
      counts.missed += missed;
    });
  }

  begin() {
    this.#over = false;
    this.#run = Math.random().toString(36).slice(2);
    this.#sent.clear();
    this.#last.clear();
    this.#ended = this.#send();
  }

  /** Ends the sending; resolves when every promise of it is settled. */
  end() {
    this.#over = true;
    return this.#ended;
  }

  async #send() {
    while (!this.#over) {
      const began = performance.now();
      await this.#messages('all', 1);
      await this.#messages('leader', window);
      await this.#messages('followers', 1);
      const others = await this.#settled(this.#candidate.getInstances(), []);
      const other = others[Math.floor(Math.random() * others.length)];
      if (other) await this.#messages('instance', window, other.id);
      const left = roundMs - (performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, Math.max(1, left)));
    }
  }

  /**
   * So many messages at once; resolves when all are settled.
   * @param {Channel} channel
   * @param {number} count
   */
  async #messages(channel, count, id = '') {
    const key = channel + id;
    const promises = [];
    for (let number = 0; number < count; number++) {
      const seq = (this.#sent.get(key) ?? 0) + 1;
      this.#sent.set(key, seq);
      const message = { run: this.#run, channel, seq, fill: 'x'.repeat(seq % 500) };
      // Every fifth one is bytes.
      const sent = seq % 5 ? message : Buffer.from(JSON.stringify(message));
      this.#counts.sent += 1;
      promises.push(this.#settled(this.#to(channel, id, sent), undefined));
    }
    await Promise.all(promises);
  }

  /** @param {Channel} channel @param {string} id @param {unknown} message */
  #to(channel, id, message) {
    if (channel === 'all') return this.#candidate.messageAll(message);
    if (channel === 'leader') return this.#candidate.messageLeader(message);
    if (channel === 'followers') return this.#candidate.messageFollowers(message);
    return this.#candidate.messageTo(id, message);
  }

  /**
   * What a promise gives. An outage may reject it, with an error of ours.
   * @template T
   * @param {Promise<T>} promise
   * @param {T} otherwise
   */
  async #settled(promise, otherwise) {
    this.#counts.pending += 1;
    try {
      return await promise;
    } catch (error) {
      this.#counts.refuse(error);
      return otherwise;
    } finally {
      this.#counts.pending -= 1;
    }
  }

  /** @param {any} message @param {string} from */
  #receive(message, from) {
    const { run, channel, seq } = Buffer.isBuffer(message) ? JSON.parse(String(message)) : message;
    this.#counts.received += 1;
    const key = `${from} ${run} ${channel}`;
    const last = this.#last.get(key) ?? 0;
    if (seq <= last) {
      this.#counts.violations.push(`message ${seq} of ${key} came after ${last}`);
    }
    // Runs that are over are forgotten by and by, so that this grows no memory.
    this.#last.delete(key);
    this.#last.set(key, seq);
    if (this.#last.size > 200) this.#last.delete(this.#last.keys().next().value);
  }
}

/** What is counted over all candidates of a process. */
class Counts {
  sent = 0;
  received = 0;
  gaps = 0;
  missed = 0;
  pending = 0;
  /** @type {Record<string, number>} */
  refusals = {};
  /** @type {string[]} */
  violations = [];

  /** @param {any} error */
  refuse(error) {
    const code = error?.code;
    if (!expected.has(code)) this.violations.push(`a promise was rejected with ${error}`);
    this.refusals[code] = (this.refusals[code] ?? 0) + 1;
  }
}

/** What an outage or a stop may reject with. */
const expected = new Set([
  'ERR_STOPPED',
  'ERR_NOT_STARTED',
  'ERR_REDIS_UNREACHABLE',
  'ERR_REDIS_REFUSED',
  'ERR_REDIS_FAILED',
  'ERR_ROUND_TRIP_TOO_LONG',
]);

module.exports = { Counts, Traffic };
