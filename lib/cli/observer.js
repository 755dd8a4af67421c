'use strict';

const { loadAddon } = require('../addon.js');
const { providers } = require('../credentials.js');
const { IncumbentError, fromNative } = require('../errors.js');
const { resolveOptions } = require('../options.js');

/** As the native side numbers them. */
const ADDRESSEES = ['all', 'leader', 'followers', 'instance', 'requests'];

/**
 * A look at kinds from outside: it writes nothing to Redis, and takes no part. It holds the process
 * alive until it is closed. All times are the server's, in ms since 1970.
 */
class Observer {
  #native;
  #questions = new Map();
  #listeners = new Map();
  #last = 0;

  /** @param options those of a candidate. The warnings about them are in `warnings`. */
  constructor(options) {
    const { NativeObserver, NativeCredentials } = loadAddon(() => require('../../native.js'));
    const { settings, warnings } = resolveOptions(options);
    this.warnings = warnings;
    /** The option `kind`. */
    this.kind = settings.kind;
    this.authenticates = settings.messageSecret !== null;
    try {
      this.#native = new NativeObserver(
        JSON.stringify({ ...settings, debug: false }),
        providers(NativeCredentials)(settings.redis.credentials),
        (item) => this.#take(JSON.parse(item)),
      );
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** The server, for people. */
  get address() {
    return this.#native.address;
  }

  /** The names of all kinds, sorted; also of those that have no instances any more. */
  kinds() {
    return this.#ask((question) => this.#native.ask(question));
  }

  /** What a kind's keys hold now. */
  status(kind) {
    return this.#ask((question) => this.#native.ask(question, kind));
  }

  /**
   * The instances of node-raft-redis beside those of a kind, `null` unless it is moved away from that
   * library. It takes up to two seconds, and walks through all keys.
   */
  legacy(kind) {
    return this.#ask((question) => this.#native.legacy(question, kind));
  }

  /**
   * Sends a value as a message to 'all', 'leader', 'followers' or an `{ id }`, though this is no
   * instance. Gives the number of those who listen.
   */
  send(kind, to, value) {
    return this.#publish(kind, to, value);
  }

  /** Asks the leader to `reelect`, or to `transfer` `to` an instance. Gives the number of those who take requests. */
  request(kind, request) {
    return this.#publish(kind, 'requests', request);
  }

  /**
   * Deletes all keys of a kind, with the memory of its terms. For a kind that was made up for a
   * trial, and whose instances have stopped.
   */
  forget(kind) {
    return this.#ask((question) => this.#native.forget(question, kind));
  }

  #publish(kind, to, value) {
    const place = ADDRESSEES.indexOf(to.id === undefined ? to : 'instance');
    const body = JSON.stringify(value);
    return this.#ask((question) => this.#native.publish(question, kind, place, to.id ?? '', body));
  }

  /**
   * Calls the listener with what happens to a kind, beginning with what is there; also with the
   * messages themselves, where they are wanted.
   */
  watch(kind, listener, { messages = false } = {}) {
    this.#throwIfClosed();
    const number = ++this.#last;
    this.#listeners.set(number, listener);
    this.#native.watch(number, kind, messages);
    const close = () => {
      if (this.#listeners.delete(number)) this.#native.unwatch(number);
    };
    return { close };
  }

  /** Ends all at once. What was asked and is not answered fails. */
  close() {
    if (this.#listeners === null) return;
    this.#native.close();
    this.#listeners = null;
    for (const { reject } of this.#questions.values()) reject(closed());
    this.#questions.clear();
  }

  async #ask(put) {
    this.#throwIfClosed();
    const number = ++this.#last;
    return new Promise((resolve, reject) => {
      try {
        put(number);
      } catch (error) {
        return reject(fromNative(error));
      }
      this.#questions.set(number, { resolve, reject });
    });
  }

  #throwIfClosed() {
    if (this.#listeners === null) throw closed();
  }

  #take({ item, ...content }) {
    if (item === 'event') {
      const { watch, ...event } = content;
      this.#listeners?.get(watch)?.(event);
      return;
    }
    const { question, value, code, message } = content;
    const waiting = this.#questions.get(question);
    this.#questions.delete(question);
    if (item === 'answer') waiting?.resolve(value);
    else waiting?.reject(new IncumbentError(code, message));
  }
}

function closed() {
  return new IncumbentError('ERR_STOPPED', 'the observer is closed');
}

module.exports = { Observer };
