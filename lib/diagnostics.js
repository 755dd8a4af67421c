'use strict';

// What is told to `node:diagnostics_channel`, for tools that watch every candidate of a process.

const { channel } = require('node:diagnostics_channel');

const CHANNELS = Object.fromEntries(
  [
    'elected',
    'defeated',
    'leader',
    'state',
    'joined',
    'left',
    'gap',
    'stall',
    'error',
    'draining',
    'overrun',
    'reconnect',
    'legacyGone',
  ].map((name) => [name, channel(`incumbent:${name}`)]),
);

/** Publishes `{ candidate, id, kind, … }`. It costs nothing where nobody has subscribed. */
function publish(name, candidate, kind, fields) {
  const to = CHANNELS[name];
  if (to.hasSubscribers) to.publish({ candidate, id: candidate.id, kind, ...fields });
}

module.exports = { publish };
