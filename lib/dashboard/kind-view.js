'use strict';

// One kind as the page shows it, kept from the events of an observer. Each part bears the number of its last change, so that a
// browser is sent only what it does not have yet.

const { KindHistory } = require('./kind-history.js');

const RATES_KEPT = 300;

// What is shown at most. A fleet may be larger, and a meta may have 16 KiB.
const MOST_INSTANCES = 500;
const MOST_META = 2048;

class KindView {
  #status = null;
  #instances = new Map();
  #silentSince = null;
  #lastBeatAt = null;
  /** Whether the leader was heard since the last look at the whole. */
  #isHeard = false;
  #rates = new Map();
  #rate = 0;
  #blind = null;
  #limited = null;
  #hourCount = 0;
  #history = new KindHistory();

  /** The number of the last change of each part. */
  changed = { row: 0, history: 0, instances: 0, pulse: 0 };

  /** @param {string} name @param {() => number} nextChange */
  constructor(name, nextChange) {
    this.name = name;
    this.nextChange = nextChange;
  }

  /** An event of the observer, as `lib/cli/observer.js` describes them. */
  handle(event) {
    for (const part of this.#take(event)) this.changed[part] = this.nextChange();
  }

  /** @returns {('row' | 'history' | 'instances' | 'pulse')[]} what has changed */
  #take(event) {
    switch (event.type) {
      case 'status':
        this.#looked(event.status);
        return ['row', 'history', 'instances', 'pulse'];
      case 'elected':
        this.#silentSince = null;
        this.#isHeard = true;
        this.#leads(event);
        this.#history.elected(event);
        return ['row', 'history', 'instances', 'pulse'];
      case 'vacant':
        this.#silentSince = null;
        this.#status = { ...this.#status, leader: null, heir: event.heir };
        this.#history.vacant(event);
        return ['row', 'history', 'instances'];
      case 'silent':
        this.#silentSince = event.lastBeatAt ?? event.at;
        return ['row', 'history'];
      case 'joined':
        if (this.#instances.size === 0) this.#history.awaited(event.at);
        this.#instances.set(event.instance.id, { ...event.instance, heardAt: event.at });
        return ['row', 'history', 'instances'];
      case 'changed':
        this.#instances.set(event.instance.id, { ...event.instance, heardAt: event.at });
        return ['row', 'instances'];
      case 'left':
        this.#instances.delete(event.instance.id);
        return ['row', 'history', 'instances'];
      case 'traffic':
        return this.#traffic(event);
      case 'blind':
        this.#blind ??= { since: event.at };
        this.#blind = { ...this.#blind, reason: event.reason, code: event.code };
        this.#history.blinded(event.at);
        return ['row', 'history'];
      case 'limited':
        this.#limited = { reason: event.reason, code: event.code };
        return ['history'];
      default:
        return [];
    }
  }

  #looked(status) {
    this.#blind = null;
    this.#status = status;
    this.#silentSince = null;
    this.#isHeard = false;
    const joined = new Map([...this.#instances].map(([id, { joinedAt }]) => [id, joinedAt]));
    this.#instances = new Map(
      status.instances.map((instance) => [
        instance.id,
        {
          ...instance,
          joinedAt: instance.joinedAt ?? joined.get(instance.id) ?? null,
          heardAt: instance.seenMs === null ? null : status.at - instance.seenMs,
        },
      ]),
    );
    this.#history.looked(status);
  }

  #leads({ at, id, meta, term }) {
    const isListed = this.#instances.has(id);
    this.#status = { ...this.#status, leader: { id, meta, isListed }, term, since: at, heir: null };
  }

  #traffic({ at, beats, lastBeatAt, messages, seconds }) {
    const changed = ['pulse'];
    if (beats > 0) {
      this.#lastBeatAt = lastBeatAt;
      if (this.#silentSince !== null || !this.#isHeard) changed.push('row', 'history');
      this.#silentSince = null;
      this.#isHeard = true;
    }
    const sum = messages.all + messages.leader + messages.followers + messages.instances;
    const rate = seconds > 0 ? sum / seconds : 0;
    if (rate !== this.#rate) changed.push('row');
    this.#rate = rate;
    const second = Math.floor(at / 1000);
    const rounded = Math.round(rate * 10) / 10;
    // Two that came a second apart may fall into the first and the third of three seconds.
    if (this.#rates.has(second - 2) && !this.#rates.has(second - 1)) {
      this.#rates.set(second - 1, rounded);
    }
    this.#rates.set(second, rounded);
    // A map keeps the order in which its keys came.
    for (const old of this.#rates.keys()) {
      if (old > second - RATES_KEPT && old <= second) break;
      this.#rates.delete(old);
    }
    return changed;
  }

  /** Time has gone by: what is told of the last hour may be another number. */
  aged(now) {
    if (this.#hour(now).count !== this.#hourCount) this.changed.row = this.nextChange();
  }

  /** What the list shows. */
  row(now) {
    const hour = this.#hour(now);
    this.#hourCount = hour.count;
    const { leader, term = null } = this.#status ?? {};
    return {
      name: this.name,
      state: this.state,
      leader: leader?.id ?? null,
      term,
      since: this.#since(),
      blindSince: this.#blind?.since ?? null,
      instances: this.#instances.size,
      rate: this.isBlind ? 0 : Math.round(this.#rate * 10) / 10,
      last: this.#history.takeovers.at(-1) ?? null,
      hour,
    };
  }

  #hour(now) {
    return this.#history.hour(now, this.state === 'vacant' && !this.isBlind);
  }

  /**
   * `unseen`: nothing is known yet. `led`, `silent`: it has a leader, which renews or does not. `vacant`: it has instances and no
   * leader. `idle`: nobody is there.
   */
  get state() {
    if (!this.#status) return 'unseen';
    const hasInstances = this.#instances.size > 0;
    const isThere = hasInstances || this.#isHeard;
    if (this.#status.leader && this.#silentSince === null && isThere) return 'led';
    // What the register says of a leader that died long ago.
    if (!hasInstances) return 'idle';
    return this.#status.leader ? 'silent' : 'vacant';
  }

  /** Since when it is watched. */
  get watchedSince() {
    return this.#history.watchedSince;
  }

  /** Whether its leader has been silent since `time` or longer, and instances are listed. */
  isSilentSince(time) {
    return this.state === 'silent' && !this.isBlind && this.#silentSince <= time;
  }

  /** Only these instances live; of new ones, events tell. */
  keepInstances(living) {
    const ids = new Set(living.map(({ id }) => id));
    const dead = [...this.#instances.keys()].filter((id) => !ids.has(id));
    if (!dead.length) return;
    for (const id of dead) this.#instances.delete(id);
    for (const part of ['row', 'history', 'instances']) this.changed[part] = this.nextChange();
  }

  has(id) {
    return this.#instances.has(id);
  }

  get isBlind() {
    return this.#blind !== null;
  }

  get blind() {
    return this.#blind;
  }

  #since() {
    if (!this.#status) return null;
    if (this.state === 'silent') return this.#silentSince;
    if (this.state === 'led') return this.#history.open?.from ?? this.#status.since;
    if (this.state === 'vacant') return this.#history.vacantSince;
    return this.#silentSince ?? this.#history.reigns.at(-1)?.to ?? null;
  }

  /** What the page shows of a kind that was chosen: the parts that have changed since `after`. */
  detail(after) {
    const parts = { name: this.name };
    if (this.changed.history > after) parts.history = this.#historyPart();
    if (this.changed.instances > after) parts.instances = this.#instancesPart();
    if (this.changed.pulse > after) parts.pulse = this.#pulsePart();
    return parts;
  }

  #historyPart() {
    const { reigns, takeovers, blind, watchedSince, vacantSince } = this.#history;
    return {
      reigns,
      takeovers,
      blind,
      watchedSince,
      vacantSince: this.state === 'vacant' ? vacantSince : null,
      silentSince: this.#silentSince,
      lostSight: this.#blind,
      limited: this.#limited,
      problem: this.#status?.problem ?? null,
    };
  }

  #instancesPart() {
    const leader = this.#status?.leader?.id;
    const all = [...this.#instances.values()].sort(
      (a, b) => Number(b.id === leader) - Number(a.id === leader) || (a.id < b.id ? -1 : 1),
    );
    const list = all.slice(0, MOST_INSTANCES).map((instance) => ({
      id: instance.id,
      ...clipped(instance.meta),
      isLeader: instance.id === leader,
      priority: instance.priority,
      eligible: instance.eligible,
      joinedAt: instance.joinedAt,
    }));
    return { list, total: all.length, heir: this.#status?.heir ?? null };
  }

  #pulsePart() {
    const seconds = [...this.#rates.keys()];
    const last = seconds.at(-1) ?? 0;
    const rates = Array.from(
      { length: Math.min(RATES_KEPT, seconds.length ? last - seconds[0] + 1 : 0) },
      (_, index, length = last - seconds[0]) => this.#rates.get(last - length + index) ?? 0,
    );
    return {
      rates,
      ratesUntil: last * 1000,
      lastBeatAt: this.#lastBeatAt,
      leaseMs: this.#status?.leaseMs ?? null,
      crashDetection: this.#status?.crashDetection ?? null,
    };
  }
}

/** A value that the page can show: what is too long is cut, and says so. */
function clipped(meta) {
  const text = JSON.stringify(meta) ?? '""';
  if (text.length <= MOST_META) return { meta };
  return { metaText: text.slice(0, MOST_META), metaLength: text.length };
}

module.exports = { KindView };
