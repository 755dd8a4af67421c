'use strict';

// What one kind has done since it is watched: who led from when to when, and how long nobody did.
// Fed by the events of an observer; times are the server's, in ms since 1970.

const HOUR_MS = 3_600_000;
const KEPT_MS = 24 * HOUR_MS;

// A kind that changes its leader all the time must not fill the memory.
const MOST_REIGNS = 500;

/**
 * @typedef {{ id: string, term: number, from: number, to: number | null, afterUnknown: boolean, awaitedSince: number | null }} Reign
 *   `to`: null while it lasts; `afterUnknown`: what was between it and the one before was not seen; `awaitedSince`: since when
 *   somebody was there again, where nobody was in between
 * @typedef {{ at: number, from: string | null, to: string, term: number, ms: number | null, after: string | null }} Takeover
 *   `ms`: how long nobody led; null where that was not seen
 */
class KindHistory {
  /** @type {Reign[]} */
  reigns = [];
  /** @type {Takeover[]} the oldest first */
  takeovers = [];
  /** @type {{ from: number, to: number | null }[]} when nothing was seen */
  blind = [];
  /** @type {number | null} */
  watchedSince = null;
  /** Since when nobody leads, as far as it was seen. @type {number | null} */
  vacantSince = null;
  /** Since when somebody is there again to lead. @type {number | null} */
  #awaitedSince = null;

  /** A look at the whole: at the beginning, and after each time in which nothing was seen. */
  looked({ at, leader, term, since }) {
    this.watchedSince ??= at;
    const seenUntil = this.#endBlindness(at);
    const open = this.open;
    if (!leader) {
      if (open) open.to = Math.min(seenUntil, at);
      this.vacantSince ??= at;
      return;
    }
    if (open?.term === term && open?.id === leader.id) return;
    const from = Math.min(since ?? at, at);
    const before = this.reigns.at(-1);
    if (open) open.to = Math.max(open.from, Math.min(seenUntil, from));
    if (before && before.term !== term) {
      this.#takeover({ at: from, from: before.id, to: leader.id, term, ms: null, after: null });
    }
    this.#begin({ id: leader.id, term, from, to: null, afterUnknown: true });
  }

  /** @param {{ at: number, id: string, term: number, takeover: null | { after: string, ms: number, from: string | null } }} event */
  elected({ at, id, term, takeover }) {
    const open = this.open;
    if (open?.term === term && open?.id === id) return;
    const before = this.reigns.at(-1);
    // Who fell silent was last heard of when its silence began.
    if (open) open.to = Math.max(open.from, takeover ? at - takeover.ms : at);
    if (takeover) {
      const { after } = takeover;
      // While nobody was there, nobody was to lead.
      const ms = Math.min(takeover.ms, at - (this.#awaitedSince ?? -Infinity));
      this.#takeover({ at, from: takeover.from ?? before?.id ?? null, to: id, term, ms, after });
    }
    this.#begin({ id, term, from: at, to: null, afterUnknown: !takeover });
  }

  vacant({ at }) {
    const open = this.open;
    if (open) open.to = Math.max(open.from, at);
    this.vacantSince ??= at;
  }

  /** Somebody came where nobody was: from now on a leader is missed. */
  awaited(at) {
    this.#awaitedSince = at;
    if (this.vacantSince !== null) this.vacantSince = at;
  }

  blinded(at) {
    if (!this.isBlind) this.blind.push({ from: at, to: null });
  }

  get isBlind() {
    return this.blind.at(-1)?.to === null;
  }

  /** The reign that goes on. */
  get open() {
    const last = this.reigns.at(-1);
    return last?.to === null ? last : undefined;
  }

  /**
   * The last hour in figures: how many takeovers, the longest and all the time without a leader.
   * @param {number} now
   * @param {boolean} isWanted whether a leader is missed now: where nobody is there, nobody is to lead
   */
  hour(now, isWanted) {
    const start = now - HOUR_MS;
    const recent = this.takeovers.filter(({ at }) => at > start);
    const gaps = recent.map(({ ms }) => ms ?? 0);
    if (isWanted && this.vacantSince !== null) gaps.push(now - this.vacantSince);
    return {
      count: recent.length,
      longest: Math.max(0, ...gaps),
      without: gaps.reduce((sum, ms) => sum + ms, 0),
    };
  }

  /** @param {Omit<Reign, 'awaitedSince'>} reign */
  #begin(reign) {
    this.reigns.push({ ...reign, awaitedSince: this.#awaitedSince });
    this.vacantSince = null;
    this.#awaitedSince = null;
    const oldest = reign.from - KEPT_MS;
    const isOld = ({ to }) => to !== null && to < oldest;
    while (this.reigns.length > MOST_REIGNS || isOld(this.reigns[0])) this.reigns.shift();
    while (this.blind.length > MOST_REIGNS || (this.blind[0] && isOld(this.blind[0]))) {
      this.blind.shift();
    }
  }

  #takeover(takeover) {
    this.takeovers.push(takeover);
    while (this.takeovers.length > MOST_REIGNS || this.takeovers[0].at < takeover.at - KEPT_MS) {
      this.takeovers.shift();
    }
  }

  /** @returns {number} until when the past was seen */
  #endBlindness(at) {
    const last = this.blind.at(-1);
    if (last?.to !== null) return at;
    last.to = at;
    return last.from;
  }
}

module.exports = { HOUR_MS, KindHistory };
