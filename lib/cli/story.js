'use strict';

const { instanceLines, leaderText, termText } = require('./status.js');
const { escaped, moment, name, span, table } = require('./text.js');

/** Reigns that are kept. */
const MAX_REIGNS = 200;
/** How far the bar reaches back. */
const BAR_MS = 120_000;
const MESSAGES = ['all', 'leader', 'followers', 'instances'];
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** What the events of one kind come to: its present state, and its reigns, for `watch` on a terminal. */
class Story {
  #kind;
  #address;
  #status;
  /** What came last of the traffic. */
  #traffic;
  /** The latest last: `{ id, term, from, until, takeover }`, in ms of the server's time. */
  #reigns = [];
  #letters = new Map();
  #notice = 'connecting …';
  /** The server's time ahead of this host's. */
  #aheadMs = 0;

  constructor(kind, address) {
    this.#kind = kind;
    this.#address = address;
  }

  add(event) {
    if (event.at > 0) this.#aheadMs = event.at - Date.now();
    this[`_${event.type}`]?.(event);
  }

  /** The picture. */
  lines({ columns, rows }) {
    const head = [`incumbent watch: ${name(this.#kind)} at ${this.#address}`, this.#notice, ''];
    if (!this.#status) return head;
    const now = this.#now;
    const status = { ...this.#status, at: now };
    const instances = instanceLines(status, false);
    const facts = table([
      ['leader', leaderText(status)],
      ['term', termText(status)],
      ['beat', this.#beatText(now)],
      ['messages/s', this.#rates()],
    ]);
    const terms = this.#termLines(now);
    const room = rows - head.length - facts.length - 5;
    const shownTerms = Math.max(
      3,
      Math.min(terms.length, room - Math.min(instances.length, room >> 1)),
    );
    return [
      ...head,
      ...facts,
      '',
      `last ${BAR_MS / 60_000} min  ${this.#bar(now, columns - 12)}`,
      ...terms.slice(0, shownTerms),
      '',
      ...instances.slice(0, Math.max(2, room - shownTerms)),
    ];
  }

  _status({ status }) {
    this.#status = status;
    this.#notice = status.problem ?? '';
    const { leader, term, since, at } = status;
    this.#end(at);
    if (leader === null) return;
    const last = this.#reigns.at(-1);
    // It went on while nothing was seen.
    if (last?.term === term) last.until = null;
    else this.#begin({ id: leader.id, term, from: since ?? at, takeover: null });
  }

  _elected({ at, id, meta, term, leaseMs, crashDetection, takeover }) {
    if (!this.#status) return;
    this.#end(takeover === null ? at : at - takeover.ms);
    this.#begin({ id, term, from: at, takeover });
    const listed = { id, meta, isListed: meta !== null, seenMs: null };
    const leadership = { leader: listed, term, since: at, leaseMs, crashDetection, heir: null };
    Object.assign(this.#status, leadership);
    this.#mark(id);
  }

  _vacant({ at, heir }) {
    if (!this.#status) return;
    this.#end(at);
    Object.assign(this.#status, { leader: null, since: null, heir });
    this.#mark(undefined);
  }

  _silent({ lastBeatAt }) {
    this.#notice = `silent since ${lastBeatAt === null ? 'it is watched' : moment(lastBeatAt)}`;
  }

  _joined({ instance }) {
    this._left({ instance });
    this.#status?.instances.push(instance);
    this.#status?.instances.sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  _changed(event) {
    this._joined(event);
  }

  _left({ instance: { id } }) {
    const instances = this.#status?.instances;
    const place = instances?.findIndex((instance) => instance.id === id) ?? -1;
    if (place >= 0) instances.splice(place, 1);
  }

  _traffic(event) {
    this.#traffic = event;
    if (event.beats > 0 && this.#status) this.#notice = this.#status.problem ?? '';
  }

  _blind({ at, reason }) {
    this.#notice = `nothing is seen: ${escaped(reason)}`;
    this.#end(at);
    this.#status = undefined;
  }

  _limited({ reason }) {
    this.#notice = escaped(reason);
  }

  get #now() {
    return Date.now() + this.#aheadMs;
  }

  #begin(reign) {
    if (!this.#letters.has(reign.id)) {
      this.#letters.set(reign.id, LETTERS[this.#letters.size % LETTERS.length]);
    }
    this.#reigns.push({ ...reign, until: null });
    if (this.#reigns.length > MAX_REIGNS) this.#reigns.shift();
  }

  #end(at) {
    const last = this.#reigns.at(-1);
    if (last) last.until ??= Math.max(at, last.from);
  }

  /** Who leads, in the list of instances. */
  #mark(leader) {
    for (const instance of this.#status.instances) {
      instance.state = instance.id === leader ? 'leader' : 'follower';
    }
  }

  #beatText(now) {
    const last = this.#traffic?.lastBeatAt ?? null;
    return last === null ? '-' : `${span(Math.max(0, now - last))} ago`;
  }

  #rates() {
    const { messages, seconds } = this.#traffic ?? { messages: {}, seconds: 1 };
    return MESSAGES.map((to) => `${to} ${((messages[to] ?? 0) / seconds).toFixed(0)}`).join('   ');
  }

  #termLines(now) {
    const rows = this.#reigns
      .toReversed()
      .map(({ id, term, from, until, takeover }) => [
        this.#letters.get(id),
        name(id),
        String(term),
        moment(from).slice(11, 23),
        span(Math.max(0, (until ?? now) - from)),
        takeover === null ? '-' : `${span(takeover.ms)} ${takeover.after}`,
      ]);
    return table([['', 'LEADER', 'TERM', 'SINCE (UTC)', 'FOR', 'TAKEOVER'], ...rows]);
  }

  /** Who led when: a letter for each leader, a dot where nobody did. */
  #bar(now, width) {
    const step = BAR_MS / Math.max(1, width);
    const begin = now - BAR_MS;
    const cell = (index) => {
      const [from, until] = [begin + index * step, begin + (index + 1) * step];
      const there = this.#reigns.filter(
        (reign) => reign.from < until && (reign.until ?? now) >= from,
      );
      if (there.length > 0) return this.#letters.get(there.at(-1).id);
      return this.#reigns.length > 0 && from > this.#reigns[0].from ? '·' : ' ';
    };
    return Array.from({ length: Math.max(1, width) }, (_, index) => cell(index)).join('');
  }
}

module.exports = { Story };
