'use strict';

// What the native side tells, in batches of items: each becomes an event, or the end of a promise.

const { warn } = require('./announcer.js');
const { IncumbentError } = require('./errors.js');
const { dropProtoKeys } = require('./messages.js');

/** Items with JSON of other instances in them that is not marked, as that of messages is. */
const MAY_HOLD_FOREIGN_JSON = new Set(['joined', 'left', 'reply', 'elected']);

class Deliveries {
  #announcer;
  #leader;
  #leadership;
  #lifecycle;
  #requests;
  #sender;
  /** When `state` became what it is. */
  stateSince = Date.now();

  /** The parts of a candidate that want to know. */
  constructor({ announcer, leader, leadership, lifecycle, requests, sender }) {
    this.#announcer = announcer;
    this.#leader = leader;
    this.#leadership = leadership;
    this.#lifecycle = lifecycle;
    this.#requests = requests;
    this.#sender = sender;
  }

  deliver(text, attachments) {
    for (const item of this.#parse(text) ?? []) {
      if (item.proto || MAY_HOLD_FOREIGN_JSON.has(item.type)) dropProtoKeys(item);
      this.#handle(item, attachments);
    }
  }

  #parse(text) {
    try {
      return JSON.parse(text);
    } catch (cause) {
      const message = 'the native addon delivered what is not JSON';
      this.#announcer.error(new IncumbentError('ERR_INTERNAL', message, { cause }));
    }
  }

  #handle(item, attachments) {
    switch (item.type) {
      case 'messages':
        return this.#receiveAll(item);
      case 'message':
        return this.#receive(item, attachments);
      case 'sent':
        this.#announcer.endOutage();
        return this.#sender.sent(item.upTo);
      case 'unsent':
        return this.#sender.unsent(item.from, item.upTo, errorOf(item));
      case 'reply':
        return this.#requests.succeed(item.request, item.value);
      case 'failure':
        return this.#requests.fail(item.request, errorOf(item));
      case 'started':
        this.#announcer.endOutage();
        return this.#lifecycle.handleStarted();
      case 'stopped':
        return this.#lifecycle.handleStopped();
      case 'elected':
        return this.#elect(item);
      case 'draining':
        return this.#drain(item);
      case 'overrun':
        return this.#leadership.overrun(item.term, item.afterMs);
      case 'defeated':
        return this.#defeat(item);
      case 'statechange':
        return this.#setState(item.state);
      case 'leader':
        return this.#setLeader(item.id, item.term);
      case 'joined':
      case 'left':
        this.#announcer.publish(item.type, { instance: item.instance });
        return this.#announcer.emit(item.type, item.instance);
      case 'gap':
        return this.#tellGap(item);
      case 'stall':
        return this.#announcer.tell('stall', { ms: item.ms });
      case 'legacygone':
        this.#announcer.publish('legacyGone', {});
        return this.#announcer.emit('legacyGone');
      case 'reconnected':
        return this.#announcer.publish('reconnect', {});
      case 'error':
        return this.#announcer.error(errorOf(item));
      case 'warning':
        return warn(item.message, item.code);
      case 'debug':
        return this.#announcer.debug(item.text);
    }
  }

  #elect({ term, checkpoint }) {
    this.#announcer.endOutage();
    const reign = this.#leadership.begin(term, checkpoint);
    this.#announcer.publish('elected', { term });
    this.#announcer.emit('elected', reign.announcement());
    this.#leadership.runLeads();
  }

  #drain({ term, reason }) {
    this.#announcer.publish('draining', { term, reason });
    this.#leadership.drain(term, reason);
  }

  /** Signals are aborted before anybody is told. */
  #defeat({ leader, reason, term }) {
    this.#leadership.end(reason, term);
    this.#announcer.publish('defeated', { leader, reason, term });
    this.#announcer.emit('defeated', leader);
  }

  #setState(state) {
    this.stateSince = Date.now();
    this.#announcer.publish('state', { state });
    this.#announcer.emit('statechange', state);
  }

  #setLeader(id, term) {
    if (id !== undefined) this.#announcer.endOutage();
    // Of a run that ends this is late news: whoever waits now is waiting for the next one.
    if (this.#lifecycle.isUp) this.#leader.set(id);
    this.#announcer.publish('leader', { leader: id, term });
    this.#announcer.emit('leader', id, term);
  }

  #tellGap({ from, channel, missed }) {
    this.#announcer.tell('gap', { from, channel, missed });
  }

  /** Messages in JSON, one after another from one sender. */
  #receiveAll({ from, role, bodies }) {
    for (const message of bodies) this.#tellMessage(message, from, role);
  }

  #receive({ from, role, attachment, isJson, namesProto }, attachments) {
    let message = attachment === undefined ? undefined : attachments[attachment];
    if (isJson) message = this.#parse(message);
    if (isJson && message === undefined) return;
    if (namesProto) dropProtoKeys(message);
    this.#tellMessage(message, from, role);
  }

  #tellMessage(message, from, role) {
    const payload = { message, from };
    this.#announcer.emit('message', payload);
    // The native side names a role only where its event is due.
    if (role === 'leader') this.#announcer.emit('message:from:leader', payload);
    else if (role === 'follower') this.#announcer.emit('message:from:follower', payload);
  }
}

function errorOf({ code, message }) {
  return new IncumbentError(code, message);
}

module.exports = { Deliveries };
