'use strict';

// The class users hold. It decides nothing: the native side elects, finds and carries, and reports
// in batches of items. This class turns calls into native calls, and items into events and promises.

const { EventEmitter } = require('node:events');
const { inspect } = require('node:util');
const { Announcer, debugIsEnabled, warn } = require('./announcer.js');
const { metaToJson, signalOf } = require('./arguments.js');
const { Deferred, abortable } = require('./deferred.js');
const { IncumbentError, fromNative } = require('./errors.js');
const { FencedWrites } = require('./fenced.js');
const { explain, health } = require('./health.js');
const { Leadership } = require('./leadership.js');
const { Lifecycle } = require('./lifecycle.js');
const { dropProtoKeys } = require('./messages.js');
const { OPTIONS, resolveOptions } = require('./options.js');
const { PendingRequests } = require('./pending-requests.js');
const { Sender, TO } = require('./sender.js');

/** Items with JSON of other instances in them that is not marked, as that of messages is. */
const MAY_HOLD_FOREIGN_JSON = new Set(['joined', 'left', 'reply', 'elected']);

/**
 * The class over a native class: index.js passes the real one, a unit test one that it plays
 * itself.
 */
function createCandidateClass(NativeCandidate) {
  return class Candidate extends EventEmitter {
    #native;
    #settings;
    #meta;

    #lifecycle;
    #leadership;
    #leader;
    #leaderWaiters = new Set();
    #requests;
    #writes;
    #sender;
    #announcer;
    /** Since when `state` is what it is. */
    #since = Date.now();

    constructor(options = {}) {
      super();
      const { settings, warnings } = resolveOptions(options);
      for (const warning of warnings) warn(warning, 'WARN_UNKNOWN_OPTION');
      const { kind, leaseMs, eligible, minInstances } = settings;
      this.#settings = { kind, leaseMs, eligible, minInstances };
      this.#meta = options.meta || '';
      try {
        this.#native = new NativeCandidate(
          JSON.stringify({ ...settings, debug: debugIsEnabled() }),
        );
      } catch (error) {
        throw fromNative(error);
      }
      this.#announcer = new Announcer(this, kind);
      this.#sender = new Sender(this.#native);
      this.#requests = new PendingRequests(this.#native);
      this.#writes = new FencedWrites(this.#requests);
      this.#leadership = new Leadership(this.#native, this.#requests, this.#announcer, leaseMs);
      this.#lifecycle = new Lifecycle({
        begin: () => this.#begin(),
        end: () => this.#end(),
        abandon: (error) => this.#abandonQuestions(error),
        close: (error) => this.#close(error),
        defect: (error) => this.#announcer.error(error),
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
      this.#sender.begin();
      this.#native.start((items, attachments) => this.#deliver(items, attachments));
    }

    /** `isLeader()` is false before the first listener of a signal runs. */
    #end() {
      try {
        this.#native.stop();
      } finally {
        this.#leadership.abort('stopped');
      }
    }

    /**
     * Messages are not among them: those queued before a stop() may still go out. Nor is what the
     * work of a draining leader asks for.
     */
    #abandonQuestions(error) {
      this.#leader = undefined;
      this.#requests.abandon(error);
      for (const waiter of this.#leaderWaiters) waiter.rejectQuietly(error);
      this.#leaderWaiters.clear();
    }

    #close(error) {
      this.#sender.close(error);
      this.#requests.close(error);
      this.#leadership.end('stopped');
    }

    // Leadership

    lead(fn, options) {
      return this.#leadership.lead(fn, options);
    }

    reelect() {
      if (!this.#lifecycle.isUp) return Promise.resolve();
      return promised(() => this.#leadership.reelect());
    }

    stepdown() {
      return this.reelect();
    }

    transferTo(id) {
      return promised(() => {
        this.#mustBeUp('transferTo');
        return this.#leadership.transferTo(id);
      });
    }

    fenced(commands, options) {
      return promised(() => {
        this.#mustRun('fenced');
        return this.#writes.run(commands, options);
      });
    }

    setCheckpoint(value, options) {
      return promised(() => {
        this.#mustRun('setCheckpoint');
        return this.#writes.setCheckpoint(value, options);
      });
    }

    getCheckpoint() {
      return promised(() => {
        this.#mustRun('getCheckpoint');
        return this.#writes.getCheckpoint();
      });
    }

    // Seeing

    stats() {
      return JSON.parse(this.#native.stats());
    }

    health() {
      return health(this.#situation());
    }

    explain() {
      return explain(this.#situation());
    }

    #situation() {
      return {
        isStarted: this.#lifecycle.isUp,
        isStopping: this.#lifecycle.isStopping,
        leader: this.#knowsLeader() ? this.#leader : undefined,
        since: this.#since,
        stats: this.stats(),
        settings: this.#settings,
        drainsWork: this.#leadership.drainsWork,
        lastLoss: this.#leadership.lastLoss,
        lastError: this.#announcer.lastError,
      };
    }

    // Instances

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
        return this.#requests.ask('instances', undefined, (instances) => instances);
      });
    }

    getLeader() {
      return promised(() => {
        this.#mustBeUp('getLeader');
        return this.#requests.ask('leader', undefined, (instance) => instance ?? undefined);
      });
    }

    setMeta(meta = '') {
      return promised(() => {
        this.#mustBeUp('setMeta');
        const json = metaToJson(meta, OPTIONS.meta.maximumBytes);
        const shown = this.#requests.ask('setMeta', json);
        // From here on the native side keeps it, and shows it whenever Redis lets it.
        this.#meta = meta;
        return shown;
      });
    }

    #mustBeUp(method) {
      if (!this.#lifecycle.isUp) throw notStarted(method);
    }

    /** The work of a leader goes on while a stop() waits for it. */
    #mustRun(method) {
      if (!this.#lifecycle.isRunning) throw notStarted(method);
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
      return this.#sender.send(to, id, message);
    }

    // What the native side tells

    #deliver(text, attachments) {
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
          return this.#elect(item.term, item.checkpoint);
        case 'draining':
          this.#announcer.publish('draining', { term: item.term, reason: item.reason });
          return this.#leadership.drain(item.term, item.reason);
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
          return this.#announcer.tell('gap', {
            from: item.from,
            channel: item.channel,
            missed: item.missed,
          });
        case 'stall':
          return this.#announcer.tell('stall', { ms: item.ms });
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

    #elect(term, checkpoint) {
      this.#announcer.endOutage();
      const reign = this.#leadership.begin(term, checkpoint);
      this.#announcer.publish('elected', { term });
      this.#announcer.emit('elected', reign.announcement());
      this.#leadership.runLeads();
    }

    /** Signals are aborted before anybody is told. */
    #defeat({ leader, reason, term }) {
      this.#leadership.end(reason, term);
      this.#announcer.publish('defeated', { leader, reason, term });
      this.#announcer.emit('defeated', leader);
    }

    #setState(state) {
      this.#since = Date.now();
      this.#announcer.publish('state', { state });
      this.#announcer.emit('statechange', state);
    }

    #setLeader(id, term) {
      if (id !== undefined) this.#announcer.endOutage();
      // Of a run that ends this is late news: whoever waits now is waiting for the next one.
      if (this.#lifecycle.isUp) {
        this.#leader = id;
        if (id !== undefined) this.#answerLeaderWaiters(id);
      }
      this.#announcer.publish('leader', { leader: id, term });
      this.#announcer.emit('leader', id, term);
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
      this.#announcer.emit('message', payload);
      // The native side names a role only where its event is due.
      if (role === 'leader') this.#announcer.emit('message:from:leader', payload);
      else if (role === 'follower') this.#announcer.emit('message:from:follower', payload);
    }

    [inspect.custom](_depth, options) {
      const { id, state, currentTerm } = this;
      const shown = { id, kind: this.#settings.kind, state, currentTerm };
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

module.exports = { createCandidateClass };
