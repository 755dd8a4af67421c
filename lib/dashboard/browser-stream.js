'use strict';

const { version: packageVersion } = require('../../package.json');

// More often nobody can read it.
const PAUSE_MS = 250;

// A page that hears nothing for some seconds takes the line for broken.
const ALIVE_MS = 2000;

// So long a browser may leave unread what it was sent.
const PATIENCE_MS = 30_000;

/**
 * Keeps one browser up to date by server-sent events. Each message says what has changed since the last one that was written,
 * so nothing has to be kept for a browser that reads slowly: it misses the states in between, never the last one. A
 * browser that connects again gets everything.
 */
class BrowserStream {
  #response;
  #board;
  #kind;
  #hasActions;
  #told = 0;
  #sentAt = -Infinity;
  #timer;
  #alive;
  #patience;

  /**
   * @param {import('node:http').ServerResponse} response
   * @param {{ board: import('./board.js').Board, kind: string | null, hasActions: boolean }} what `kind`: of which everything is told
   */
  constructor(response, { board, kind, hasActions }) {
    this.#response = response;
    this.#board = board;
    this.#kind = kind;
    this.#hasActions = hasActions;
    const wake = () => this.#wake();
    board.on('change', wake);
    this.#alive = setInterval(() => this.#send(), ALIVE_MS);
    response.on('drain', () => {
      clearTimeout(this.#patience);
      this.#wake();
    });
    response.on('close', () => {
      board.off('change', wake);
      clearInterval(this.#alive);
      clearTimeout(this.#timer);
      clearTimeout(this.#patience);
    });
    this.#send();
  }

  /** Something has changed. Many changes make one message. */
  #wake() {
    if (this.#timer) return;
    const pause = Math.max(0, this.#sentAt + PAUSE_MS - performance.now());
    this.#timer = setTimeout(() => this.#send(), pause);
  }

  #send() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // What has not been read yet is not added to; the drain comes back here.
    if (this.#response.writableNeedDrain || this.#response.destroyed) return;
    this.#sentAt = performance.now();
    const text = `data: ${JSON.stringify(this.#message())}\n\n`;
    if (this.#response.write(text)) return;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#response.destroy(), PATIENCE_MS);
  }

  #message() {
    const board = this.#board;
    const isFull = this.#told < board.structure;
    const after = isFull ? 0 : this.#told;
    this.#told = board.version;
    const now = board.now();
    const chosen = this.#kind === null ? undefined : board.kind(this.#kind);
    return {
      now,
      connection: board.connection(),
      watchedSince: board.watchedSince,
      ...(isFull && {
        full: { server: board.address, version: packageVersion, hasActions: this.#hasActions },
      }),
      kinds: board.kinds.filter(({ changed }) => changed.row > after).map((view) => view.row(now)),
      chosen: chosen?.detail(after) ?? null,
    };
  }
}

module.exports = { BrowserStream };
