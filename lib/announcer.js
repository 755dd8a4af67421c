'use strict';

const { errorMonitor } = require('node:events');
const { debuglog, inspect } = require('node:util');
const { publish } = require('./diagnostics.js');

const debug = debuglog('incumbent');

/** Tells what happened: by events, on diagnostics channels, and by process warnings. */
class Announcer {
  #candidate;
  #kind;
  #outageWarned = false;
  /** The error that was told last; undefined when all has been well since. */
  lastError;

  constructor(candidate, kind) {
    this.#candidate = candidate;
    this.#kind = kind;
  }

  /**
   * A listener that throws ends the process as ever, but not the items that are still to come.
   */
  emit(event, ...args) {
    if (debugIsEnabled()) this.#debugEvent(event, args);
    try {
      this.#candidate.emit(event, ...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  publish(name, fields) {
    publish(name, this.#candidate, this.#kind, fields);
  }

  /** As an event and on the channel of the same name. */
  tell(event, payload) {
    this.publish(event, payload);
    this.emit(event, payload);
  }

  error(error) {
    this.lastError = error;
    this.publish('error', { error });
    if (this.#candidate.listenerCount('error') > 0) {
      this.emit('error', error);
      return;
    }
    // EventEmitter would throw. An outage must not end a service that did not ask for its errors.
    this.emit(errorMonitor, error);
    if (this.#outageWarned) return;
    this.#outageWarned = true;
    warn(
      `${error.message} (the candidate goes on trying; listen to "error" to hear of each attempt)`,
      error.code,
    );
  }

  /** The next error without a listener is worth a warning again. */
  endOutage() {
    this.#outageWarned = false;
    this.lastError = undefined;
  }

  debug(text) {
    debug('%s %s', this.#candidate.id, text);
  }

  /** Without the bodies of messages: they are the users' own affair. */
  #debugEvent(event, args) {
    const shown = String(event).startsWith('message') ? `from ${args[0].from}` : inspect(args);
    debug('%s emits %s %s', this.#candidate.id, String(event), shown);
  }
}

function warn(message, code) {
  process.emitWarning(message, { type: 'IncumbentWarning', code });
}

/** Whether `NODE_DEBUG` asks for all that the native side can tell. */
// Bun does not tell.
const debugIsEnabled = () => debug.enabled ?? /\bincumbent\b/i.test(process.env.NODE_DEBUG ?? '');

module.exports = { Announcer, debugIsEnabled, warn };
