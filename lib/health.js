'use strict';

// What the candidate says of itself, to a readiness endpoint and to a person who wonders.

/**
 * @typedef {object} Situation
 * @property {boolean} isStarted whether a run is there that no stop() has ended
 * @property {boolean} isStopping
 * @property {string} id
 * @property {string | undefined} leader the id of the leader that is known
 * @property {number} since when `state` became what it is, by `Date.now()`
 * @property {object} stats
 * @property {object} settings
 * @property {boolean} awaitsAdmission whether it holds the register, and the old instances of a fleet
 *   that is moved do not follow yet
 * @property {number | undefined} drainsWork how many functions a drain waits for
 * @property {Error | undefined} lastLoss
 * @property {Error | undefined} lastError since Redis last answered
 */

/** What the native side counted, with a value for what it leaves out since it is not known. */
function statsOf({ holder = null, roundTrip, silentMs = null, awaitsAdmission: _, ...counted }) {
  const roundTripMs = roundTrip ?? { p50: null, p99: null };
  return { ...counted, leader: holder, roundTripMs, silentMs };
}

function health({ isStarted, leader, since, stats, settings }) {
  const { state: role, term, connected, subscribed } = stats;
  const status = statusOf(isStarted, leader, stats, settings);
  return { status, role, leader, term, connected, subscribed, since };
}

/** A follower is as healthy as a leader: an orchestrator must not take followers out of service. */
function statusOf(isStarted, leader, { connected, subscribed, silentMs }, { leaseMs }) {
  if (!isStarted) return 'down';
  // Before the first answer there is nothing that this instance could know.
  if (silentMs === null || (!connected && silentMs > leaseMs)) return 'down';
  return connected && subscribed && leader !== undefined ? 'up' : 'degraded';
}

function explain(situation) {
  const { isStarted, isStopping, stats, settings, drainsWork, awaitsAdmission } = situation;
  if (isStopping) return `stop() was called${drain(drainsWork)}.`;
  if (!isStarted) return 'Not started: start() was not called, or stop() has ended it.';
  if (drainsWork !== undefined) return `Hands its leadership over${drain(drainsWork)}.`;
  if (stats.state === 'leader') {
    const left = Math.floor(stats.validForMs);
    return `Leads in term ${stats.term}; without another renewal, for ${left} ms more.`;
  }
  if (awaitsAdmission && stats.connected) {
    return "Holds the leader's record, and leads once the instances of node-raft-redis follow, or were waited for.";
  }
  return [following(situation), hindrance(stats, settings), loss(situation)]
    .filter(Boolean)
    .join(' ');
}

function drain(count) {
  if (!count) return '';
  const functions = count === 1 ? 'one function' : `${count} functions`;
  return ` and waits for ${functions} given to lead() to end`;
}

function following({ leader, stats, lastError }) {
  if (!stats.connected) {
    const cause = lastError ? ` (${lastError.message})` : '';
    return `Does not lead, since there is no connection to Redis${cause}; it goes on trying.`;
  }
  if (leader !== undefined) return `Follows ${leader}, which leads in term ${stats.term}.`;
  return 'Does not lead, and knows of no leader.';
}

/** What keeps this instance from leading, beside another leader. */
function hindrance({ connected, instances }, { eligible, minInstances, leaseMs }) {
  if (!eligible) return 'It never leads, since its option eligible is false.';
  if (!connected) return '';
  if (instances < minInstances) {
    return `It knows ${instances} of the ${minInstances} instances that minInstances asks for.`;
  }
  return `It takes over once the record of a leader was silent for ${leaseMs} ms, or is vacant.`;
}

function loss({ lastLoss }) {
  if (!lastLoss) return '';
  return `Last it was deposed: ${lastLoss.message}.`;
}

module.exports = { explain, health, statsOf };
