'use strict';

// The class users hold. It decides nothing: the native side elects, finds and carries, and reports
// in batches of items. This class turns calls into native calls; deliveries.js turns items into
// events, and settles promises with them.

const { EventEmitter } = require('node:events');
const { inspect } = require('node:util');
const { Announcer, debugIsEnabled, warn } = require('./announcer.js');
const { metaToJson, signalOf } = require('./arguments.js');
const { providers } = require('./credentials.js');
const { abortable } = require('./deferred.js');
const { Deliveries } = require('./deliveries.js');
const { IncumbentError, fromNative } = require('./errors.js');
const { FencedWrites } = require('./fenced.js');
const { explain, health, statsOf } = require('./health.js');
const { KnownLeader } = require('./known-leader.js');
const { Leadership } = require('./leadership.js');
const { Lifecycle } = require('./lifecycle.js');
const { OPTIONS, resolveOptions } = require('./options.js');
const { PendingRequests } = require('./pending-requests.js');
const { Sender, TO } = require('./sender.js');

/**
 * The class over a native class: index.js passes the real one, a unit test one that it plays
 * itself.
 */
function createCandidateClass(NativeCandidate, NativeCredentials) {
  const providerOf = providers(NativeCredentials);
  return class Candidate extends EventEmitter {
    #native;
    #settings;
    #meta;
    /** Held here: the native side does not hold it. */
    #credentials;

    #lifecycle;
    #leadership;
    #leader = new KnownLeader();
    #requests;
    #writes;
    #sender;
    #announcer;
    #deliveries;

    constructor(options = {}) {
      super();
      const { settings, warnings } = resolveOptions(options);
      for (const warning of warnings) warn(warning, 'WARN_UNKNOWN_OPTION');
      const { kind, leaseMs, eligible, minInstances } = settings;
      this.#settings = { kind, leaseMs, eligible, minInstances };
      this.#meta = options.meta || '';
      try {
        const json = JSON.stringify({ ...settings, debug: debugIsEnabled() });
        this.#credentials = settings.redis?.credentials;
        this.#native = new NativeCandidate(json, providerOf(this.#credentials));
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
      this.#deliveries = new Deliveries({
        announcer: this.#announcer,
        leader: this.#leader,
        leadership: this.#leadership,
        lifecycle: this.#lifecycle,
        requests: this.#requests,
        sender: this.#sender,
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
      this.#native.start((items, attachments) => this.#deliveries.deliver(items, attachments));
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
      this.#leader.abandon(error);
      this.#requests.abandon(error);
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
      return statsOf(JSON.parse(this.#native.stats()));
    }

    health() {
      return health(this.#situation());
    }

    explain() {
      return explain(this.#situation());
    }

    #situation() {
      const counted = JSON.parse(this.#native.stats());
      return {
        isStarted: this.#lifecycle.isUp,
        isStopping: this.#lifecycle.isStopping,
        leader: this.#knowsLeader() ? this.#leader.id : undefined,
        since: this.#deliveries.stateSince,
        stats: statsOf(counted),
        settings: this.#settings,
        awaitsAdmission: counted.awaitsAdmission === true,
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
        if (this.#knowsLeader()) return Promise.resolve(this.#leader.id);
        return this.#leader.next(signal);
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
      const { id } = this.#leader;
      return id !== undefined && (id !== this.id || this.isLeader());
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

module.exports = { createCandidateClass };
