'use strict';

// All that is known of a server's kinds, kept up to date by an observer.

const { EventEmitter } = require('node:events');
const { KindView } = require('./kind-view.js');

// How often the server is asked for its kinds: soon enough for somebody who waits for one to appear, and for no more than
// a tenth of the time where the server has so many keys that a look takes long.
const LOOK_PAUSE_MS = 2000;
const LOOK_SHARE = 10;

// Where a leader is silent for so long, its kind may have died out. And so many kinds are looked at in one go.
const SILENT_MS = 3000;
const MOST_LOOKS = 20;

/**
 * Emits `change`, with a higher `version`, whenever something that a browser shows has changed; and `failed` when the kinds
 * could not be found.
 */
class Board extends EventEmitter {
  #observer;
  #only;
  #kinds = new Map();
  #watches = new Map();
  #timer;
  #isClosed = false;
  #isLooking = false;
  #clockOffset = null;
  #failure = null;

  version = 1;
  /** The version since which the kinds are the same ones: whoever has an older one needs everything. */
  structure = 1;
  /** Whether the kinds were found at least once. */
  isComplete = false;

  /**
   * @param {any} observer as in `lib/cli/observer.js`
   * @param {string[]} [only] the kinds to show, where these are not all: then the server is never searched
   */
  constructor(observer, only) {
    super();
    // One listener for each browser.
    this.setMaxListeners(0);
    this.#observer = observer;
    this.#only = only;
    this.address = observer.address;
  }

  start() {
    void this.#look();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#observer.close();
  }

  /** The server's time, as far as its events tell it. */
  now() {
    return Date.now() + (this.#clockOffset ?? 0);
  }

  /** @param {string} name @returns {KindView | undefined} */
  kind(name) {
    return this.#kinds.get(name);
  }

  get kinds() {
    return [...this.#kinds.values()];
  }

  /** Since when anything is watched; null: nothing is yet. */
  get watchedSince() {
    const since = this.kinds.flatMap((view) => view.watchedSince ?? []);
    return since.length ? since.reduce((a, b) => Math.min(a, b)) : null;
  }

  /** Whether the server is seen, and since when it is not. */
  connection() {
    const views = this.kinds;
    const blind = views.flatMap((view) => view.blind ?? []);
    const isLost = this.#failure !== null || (blind.length > 0 && blind.length === views.length);
    if (!isLost) return { state: this.isComplete ? 'live' : 'starting' };
    // The one that was lost first tells it best.
    const [first] = [this.#failure ?? [], blind].flat().sort((a, b) => a.since - b.since);
    return { state: 'blind', since: first.since, reason: first.reason };
  }

  /** Asks for the kinds again and again: there is no event for a new one. */
  async #look() {
    if (this.#isLooking) return;
    this.#isLooking = true;
    clearTimeout(this.#timer);
    const startedAt = performance.now();
    try {
      const names = this.#only ?? (await this.#observer.kinds());
      if (this.#isClosed) return;
      this.#found(names);
      await this.#lookForLife();
      if (this.#isClosed) return;
    } catch (error) {
      if (this.#isClosed) return;
      // What stands is told from its beginning.
      this.#failure = { since: this.#failure?.since ?? this.now(), reason: error.message };
      this.#touch();
      this.emit('failed', error);
    }
    this.#isLooking = false;
    const tookMs = performance.now() - startedAt;
    this.#timer = setTimeout(() => this.#look(), Math.max(LOOK_PAUSE_MS, tookMs * LOOK_SHARE));
  }

  /** Instances that have died all at once are swept by nobody, so nobody tells that they left. */
  async #lookForLife() {
    const now = this.now();
    const silent = this.kinds.filter((view) => view.isSilentSince(now - SILENT_MS));
    for (const view of silent.slice(0, MOST_LOOKS)) {
      try {
        view.keepInstances((await this.#observer.status(view.name)).instances);
      } catch {
        // It stays silent, then, as it is shown. If the server itself is lost, the watches tell.
      }
    }
  }

  #found(names) {
    const wanted = new Set(names);
    const before = this.#kinds.size;
    let isOther = !this.isComplete;
    for (const [name, watch] of this.#watches) {
      if (wanted.has(name)) continue;
      watch.close();
      this.#watches.delete(name);
      this.#kinds.delete(name);
      isOther = true;
    }
    for (const name of names) if (!this.#kinds.has(name)) this.#add(name);
    for (const view of this.kinds) view.aged(this.now());
    this.isComplete = true;
    if (this.#failure) this.#touch();
    this.#failure = null;
    if (isOther || this.#kinds.size !== before) this.structure = this.#touch();
  }

  #add(name) {
    const view = new KindView(name, () => this.#touch());
    this.#kinds.set(name, view);
    this.#watches.set(
      name,
      this.#observer.watch(name, (event) => {
        this.#readClock(event.at ?? event.status?.at, event.type);
        view.handle(event);
        // The server is seen again.
        if (event.type === 'status' && this.#failure) void this.#look();
      }),
    );
  }

  /**
   * The server's clock is ahead by the event's time less ours; the news that was fastest tells it best. A clock that was set
   * shows as a jump.
   */
  #readClock(at, type) {
    if (at === undefined || type === 'blind' || type === 'limited') return;
    const offset = at - Date.now();
    const known = this.#clockOffset;
    if (known === null || offset > known || offset < known - 2000) this.#clockOffset = offset;
  }

  #touch() {
    this.version++;
    this.emit('change');
    return this.version;
  }
}

module.exports = { Board };
