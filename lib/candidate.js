'use strict';

// The class users hold. It decides nothing: the native side elects, finds and carries, and reports
// in batches of items. This class turns calls into native calls, and items into events and promises.

const { EventEmitter, errorMonitor } = require('node:events');
const { debuglog, inspect } = require('node:util');
const { checkId, metaToJson, signalOf } = require('./arguments.js');
const { Deferred, abortable } = require('./deferred.js');
const { IncumbentError, fromNative } = require('./errors.js');
const { Lifecycle } = require('./lifecycle.js');
const { dropProtoKeys, encodeMessage, isPlainText } = require('./messages.js');
const { OPTIONS, resolveOptions } = require('./options.js');
const { Outbox } = require('./outbox.js');
const { PendingRequests } = require('./pending-requests.js');

const debug = debuglog('incumbent');

const settled = Promise.resolve();

/** Whom a message goes to, in the native side's numbers. */
const TO = { all: 0, leader: 1, followers: 2, instance: 3 };

/** How the body of a message is written. */
const FORMAT = { json: 0, bytes: 1, undefined: 2, text: 3 };

/** Items with JSON of other instances in them that is not marked, as that of messages is. */
const MAY_HOLD_META = new Set(['joined', 'left', 'reply']);

/**
 * The class over a native class: index.js passes the real one, a unit test one that it plays
 * itself.
 */
function createCandidateClass(NativeCandidate) {
  return class Candidate extends EventEmitter {
    #native;
    #kind;
    #meta;

    #lifecycle;
    #leader;
    #leaderWaiters = new Set();
    #requests = new PendingRequests();
    #outbox = new Outbox();
    #flushIsDue = false;
    #outageWarned = false;

    constructor(options = {}) {
      super();
      const { settings, warnings } = resolveOptions(options);
      for (const warning of warnings) warn(warning, 'WARN_UNKNOWN_OPTION');
      this.#kind = settings.kind;
      this.#meta = options.meta || '';
      try {
        this.#native = new NativeCandidate(JSON.stringify({ ...settings, debug: debug.enabled }));
      } catch (error) {
        throw fromNative(error);
      }
      this.#lifecycle = new Lifecycle({
        begin: () => this.#begin(),
        end: () => this.#native.stop(),
        abandon: (error) => this.#abandonQuestions(error),
        close: (error) => this.#outbox.close(error),
        defect: (error) => this.#emitError(error),
      });
    }

    // What it is now. The native side compares the clock at each question, so this is the truth
    // even before the events that tell of a change have been emitted.

    get id() {
      return this.#native.id;
    }

    get state() {
      return this.#native.state;
    }

    get currentTerm() {
      return this.#native.currentTerm;
    }

    isLeader() {
      return this.#native.isLeader();
    }

    get meta() {
      return this.#meta;
    }

    getMeta() {
      return this.#meta;
    }

    // Starting and stopping

    start(options) {
      return promised(() => {
        const signal = signalOf('start', options);
        if (signal?.aborted) throw signal.reason;
        const promise = this.#lifecycle.start();
        // A signal has no power over a start that has already ended.
        if (!signal || this.#lifecycle.isStarted) return promise;
        return abortable(promise, signal, () => this.stop());
      });
    }

    stop() {
      return this.#lifecycle.stop();
    }

    [Symbol.asyncDispose]() {
      return this.stop();
    }

    #begin() {
      this.#outbox = new Outbox();
      this.#native.start((items, attachments) => this.#deliver(items, attachments));
    }

    /** Messages are not among them: those queued before a stop() may still go out. */
    #abandonQuestions(error) {
      this.#leader = undefined;
      this.#requests.close(error);
      for (const waiter of this.#leaderWaiters) waiter.rejectQuietly(error);
      this.#leaderWaiters.clear();
    }

    // Leadership and instances

    reelect() {
      if (!this.#lifecycle.isUp) return Promise.resolve();
      return promised(() => this.#request('reelect', undefined, () => undefined, 'resolve'));
    }

    stepdown() {
      return this.reelect();
    }

    waitForLeader(options) {
      return promised(() => {
        const signal = signalOf('waitForLeader', options);
        if (signal?.aborted) throw signal.reason;
        if (!this.#lifecycle.isWanted) throw notStarted('waitForLeader');
        if (this.#knowsLeader()) return Promise.resolve(this.#leader);
        const waiter = new Deferred();
        this.#leaderWaiters.add(waiter);
        if (!signal) return waiter.promise;
        return abortable(waiter.promise, signal, () => this.#leaderWaiters.delete(waiter));
      });
    }

    getInstances() {
      return promised(() => {
        this.#mustBeUp('getInstances');
        return this.#request('instances', undefined, (instances) => instances);
      });
    }

    getLeader() {
      return promised(() => {
        this.#mustBeUp('getLeader');
        return this.#request('leader', undefined, (instance) => instance ?? undefined);
      });
    }

    setMeta(meta = '') {
      return promised(() => {
        this.#mustBeUp('setMeta');
        const json = metaToJson(meta, OPTIONS.meta.maximumBytes);
        const shown = this.#request('setMeta', json, () => undefined);
        // From here on the native side keeps it, and shows it whenever Redis lets it.
        this.#meta = meta;
        return shown;
      });
    }

    #request(what, argument, toResult, stopped = 'reject') {
      const { number, promise } = this.#requests.add(toResult, stopped);
      try {
        this.#native.request(number, what, argument);
      } catch (error) {
        this.#requests.forget(number);
        throw fromNative(error);
      }
      return promise;
    }

    #mustBeUp(method) {
      if (!this.#lifecycle.isUp) throw notStarted(method);
    }

    /** Its own leadership may have run out before the event that says so. */
    #knowsLeader() {
      return this.#leader !== undefined && (this.#leader !== this.id || this.isLeader());
    }

    // Messages

    messageAll(message) {
      return this.#send('messageAll', TO.all, '', message);
    }

    messageLeader(message) {
      return this.#send('messageLeader', TO.leader, '', message);
    }

    messageFollowers(message) {
      return this.#send('messageFollowers', TO.followers, '', message);
    }

    messageTo(id, message) {
      return this.#send('messageTo', TO.instance, id, message);
    }

    #send(method, to, id, message) {
      if (!this.#lifecycle.isUp) return Promise.reject(notStarted(method));
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

    // What the native side tells

    #deliver(text, attachments) {
      for (const item of this.#parse(text) ?? []) {
        if (item.proto || MAY_HOLD_META.has(item.type)) dropProtoKeys(item);
        this.#handle(item, attachments);
      }
    }

    #parse(text) {
      try {
        return JSON.parse(text);
      } catch (cause) {
        const message = 'the native addon delivered what is not JSON';
        this.#emitError(new IncumbentError('ERR_INTERNAL', message, { cause }));
      }
    }

    #handle(item, attachments) {
      switch (item.type) {
        case 'messages':
          return this.#receiveAll(item);
        case 'message':
          return this.#receive(item, attachments);
        case 'sent':
          this.#outageWarned = false;
          return this.#outbox.sent(item.upTo);
        case 'unsent':
          return this.#outbox.unsent(item.from, item.upTo, errorOf(item));
        case 'reply':
          return this.#requests.succeed(item.request, item.value);
        case 'failure':
          return this.#requests.fail(item.request, errorOf(item));
        case 'started':
          this.#outageWarned = false;
          return this.#lifecycle.handleStarted();
        case 'stopped':
          return this.#lifecycle.handleStopped();
        case 'elected':
          this.#outageWarned = false;
          return this.#emit('elected', { term: item.term });
        case 'defeated':
          return this.#emit('defeated', item.leader);
        case 'statechange':
          return this.#emit('statechange', item.state);
        case 'leader':
          return this.#setLeader(item.id, item.term);
        case 'joined':
        case 'left':
          return this.#emit(item.type, item.instance);
        case 'gap':
          return this.#emit('gap', { from: item.from, channel: item.channel, missed: item.missed });
        case 'error':
          return this.#emitError(errorOf(item));
        case 'warning':
          return warn(item.message, item.code);
        case 'debug':
          return debug('%s %s', this.id, item.text);
      }
    }

    #setLeader(id, term) {
      if (id !== undefined) this.#outageWarned = false;
      // Of a run that ends this is late news: whoever waits now is waiting for the next one.
      if (this.#lifecycle.isUp) {
        this.#leader = id;
        if (id !== undefined) this.#answerLeaderWaiters(id);
      }
      this.#emit('leader', id, term);
    }

    #answerLeaderWaiters(id) {
      for (const waiter of this.#leaderWaiters) waiter.resolve(id);
      this.#leaderWaiters.clear();
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
      this.#emit('message', payload);
      // The native side names a role only where its event is due.
      if (role === 'leader') this.#emit('message:from:leader', payload);
      else if (role === 'follower') this.#emit('message:from:follower', payload);
    }

    #emitError(error) {
      if (this.listenerCount('error') > 0) {
        this.#emit('error', error);
        return;
      }
      // EventEmitter would throw. An outage must not end a service that did not ask for its errors.
      this.#emit(errorMonitor, error);
      if (this.#outageWarned) return;
      this.#outageWarned = true;
      warn(
        `${error.message} (the candidate goes on trying; listen to "error" to hear of each attempt)`,
        error.code,
      );
    }

    /**
     * A listener that throws ends the process as ever, but not the items that are still to come.
     */
    #emit(event, ...args) {
      if (debug.enabled) this.#debugEvent(event, args);
      try {
        this.emit(event, ...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }

    /** Without the bodies of messages: they are the users' own affair. */
    #debugEvent(event, args) {
      const shown = String(event).startsWith('message') ? `from ${args[0].from}` : inspect(args);
      debug('%s emits %s %s', this.id, String(event), shown);
    }

    [inspect.custom](_depth, options) {
      const { id, state, currentTerm } = this;
      const shown = { id, kind: this.#kind, state, currentTerm };
      return `${this.constructor.name} ${inspect(shown, options)}`;
    }
  };
}

/** Runs what gives a promise, so that a throw becomes a rejection. */
function promised(run) {
  try {
    return run();
  } catch (error) {
    return Promise.reject(error);
  }
}

function notStarted(method) {
  return new IncumbentError(
    'ERR_NOT_STARTED',
    `${method}() needs a started candidate: call start() first`,
  );
}

function errorOf({ code, message }) {
  return new IncumbentError(code, message);
}

function warn(message, code) {
  process.emitWarning(message, { type: 'IncumbentWarning', code });
}

module.exports = { createCandidateClass };
