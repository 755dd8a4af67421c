'use strict';

const { checkId } = require('./arguments.js');
const { fromNative } = require('./errors.js');
const { encodeMessage, isPlainText } = require('./messages.js');
const { Outbox } = require('./outbox.js');

const settled = Promise.resolve();

/** Whom a message goes to, in the native side's numbers. */
const TO = { all: 0, leader: 1, followers: 2, instance: 3 };

/** How the body of a message is written. */
const FORMAT = { json: 0, bytes: 1, undefined: 2, text: 3 };

/** Queues messages with the native side, and settles their promises by what it tells of them. */
class Sender {
  #native;
  #outbox = new Outbox();
  #flushIsDue = false;

  constructor(native) {
    this.#native = native;
  }

  /** A new run counts its messages anew. */
  begin() {
    this.#outbox = new Outbox();
  }

  send(to, id, message) {
    try {
      checkId(id);
      if (isPlainText(message)) this.#native.send(to, id, FORMAT.text, message);
      else this.#sendEncoded(to, id, encodeMessage(message));
    } catch (error) {
      return Promise.reject(fromNative(error));
    }
    this.#flushSoon();
    return this.#outbox.add();
  }

  #sendEncoded(to, id, body) {
    if (typeof body === 'string') this.#native.send(to, id, FORMAT.json, body);
    else if (body === undefined) this.#native.send(to, id, FORMAT.undefined, '');
    else this.#native.send(to, id, FORMAT.bytes, body);
  }

  /** What is sent without a pause goes out together, with one wake-up of the native side. */
  #flushSoon() {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    void settled.then(this.#flush);
  }

  #flush = () => {
    this.#flushIsDue = false;
    this.#native.flush();
  };

  sent(upTo) {
    this.#outbox.sent(upTo);
  }

  unsent(from, upTo, error) {
    this.#outbox.unsent(from, upTo, error);
  }

  /** Rejects what is left when a run is over. */
  close(error) {
    this.#outbox.close(error);
  }
}

module.exports = { Sender, TO };
