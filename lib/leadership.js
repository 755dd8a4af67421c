'use strict';

const { checkFunction, checkId, leadOptions } = require('./arguments.js');
const { IncumbentError } = require('./errors.js');
const { Lead } = require('./lead.js');
const { Reign } = require('./reign.js');

/** The manners of requests: see PendingRequests. */
const REELECT = { stopped: 'resolve', hearsOverrun: true };
const TRANSFER = { hearsOverrun: true };
const RELEASE = { stopped: 'resolve' };

/**
 * What the leadership means for the code of this process: it ends signals in time, runs what was
 * given to `lead()`, and tells the native side when a draining leader's work is done.
 */
class Leadership {
  #native;
  #requests;
  #announcer;
  #marginMs;
  /** The latest one, also when it is over. */
  #reign;
  #leads = new Set();
  #timer;
  /** The term whose drain has begun and whose loss was not told yet. */
  #drainingTerm;
  /** Handovers that were asked for and not answered; the reason is known before any item comes. */
  #transfers = 0;

  constructor(native, requests, announcer, leaseMs) {
    this.#native = native;
    this.#requests = requests;
    this.#announcer = announcer;
    this.#marginMs = leaseMs / 10;
  }

  // What the native side tells

  begin(term, checkpoint) {
    this.#reign?.end('expired');
    this.#reign = new Reign(term, checkpoint, { check: this.#check, watch: this.#watch });
    return this.#reign;
  }

  /** The listeners of `elected` have been told. */
  runLeads() {
    for (const lead of this.#leads) lead.handleReign(this.#reign);
  }

  /** The leader of `term` drains: its release waits for `drained`. */
  drain(term, why) {
    this.#drainingTerm = term;
    const drained = () => this.#native.drained(term);
    if (this.#reign?.term !== term) return drained();
    this.#reign.end(why);
    this.#reign.whenDrained(drained);
  }

  /** A leadership was lost, or an election was. */
  end(why, term = this.#reign?.term) {
    this.#drainingTerm = undefined;
    if (this.#reign?.term === term) this.#reign?.end(why);
  }

  /** Told by the rejection of whoever asked for the handover, if anybody did. */
  overrun(term, afterMs) {
    this.#announcer.publish('overrun', { term, afterMs });
    if (!this.#requests.some('hearsOverrun')) this.#announcer.error(drainTimeout(term, afterMs));
  }

  // What this process asks for. The native side is asked first: isLeader() is false before the
  // first listener of a signal runs.

  lead(fn, options) {
    checkFunction(fn);
    const { keep, signal } = leadOptions(options);
    const lead = new Lead(this, fn, keep);
    this.#attach(lead);
    if (signal) lead.follow(signal);
    return lead.handle();
  }

  reelect() {
    const released = this.#requests.ask('reelect', undefined, undefined, REELECT);
    this.abort('reelected');
    return released;
  }

  transferTo(id) {
    checkId(id, 'transferTo');
    const known = this.#requests.ask('transfer', id, ({ leader }) => leader, TRANSFER);
    this.#transfers += 1;
    const settle = () => (this.#transfers -= 1);
    known.then(settle, settle);
    return known;
  }

  abort(why) {
    this.#reign?.end(why);
  }

  // What functions given to lead() ask for

  #attach(lead) {
    this.#leads.add(lead);
    if (this.#leads.size === 1) this.#native.holdsWork(true);
    // Where it is over, the lead finds so itself.
    if (this.#reign) lead.handleReign(this.#reign);
  }

  detach(lead) {
    if (this.#leads.delete(lead) && this.#leads.size === 0) this.#native.holdsWork(false);
  }

  /** Releases the leadership of `reign`, unless it is over. Never rejects. */
  async giveUp(reign) {
    if (reign !== this.#reign || reign.isOver) return;
    try {
      const released = this.#requests.ask('reelect', undefined, undefined, RELEASE);
      reign.end('reelected');
      await released;
    } catch {
      // What went wrong was told as an event, and the lease lapses by itself.
    }
  }

  // Seeing

  /** How many functions a drain that is under way waits for; undefined where none is. */
  get drainsWork() {
    return this.#drainingTerm === undefined ? undefined : (this.#reign?.workCount ?? 0);
  }

  get lastLoss() {
    return this.#reign?.loss;
  }

  // The clock

  /** Ends a reign that is over or about to be, by the clock as of now. */
  #check = (reign) => {
    // In this order: a later reign of this instance has raised the term before it became valid.
    const leftMs = this.#native.validForMs();
    const isPresent = this.#native.currentTerm === reign.term;
    if (isPresent && leftMs > this.#marginMs) return;
    reign.end(this.#transfers > 0 && leftMs === 0 ? 'transferred' : 'expired');
    // Signal and leadership are not to disagree for long.
    if (isPresent && leftMs > 0) this.#resign('expired');
  };

  #resign(why) {
    try {
      void this.#requests.ask('resign', why);
    } catch {
      // A run that ends resigns by itself.
    }
  }

  /** Looks again when the reign would come near its end, unless it is renewed. */
  #watch = () => {
    clearTimeout(this.#timer);
    const reign = this.#reign;
    if (!reign?.isObserved || reign.isOver) return;
    const inMs = this.#native.validForMs() - this.#marginMs;
    this.#timer = setTimeout(this.#watch, Math.max(1, inMs)).unref();
  };
}

function drainTimeout(term, afterMs) {
  return new IncumbentError(
    'ERR_DRAIN_TIMEOUT',
    `the functions given to lead() did not end within drainMs (${afterMs} ms) in term ${term}; ` +
      'nothing is released, and the others take over when the lease has run out',
  );
}

module.exports = { Leadership };
