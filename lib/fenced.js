'use strict';

const { isUint8Array } = require('node:util').types;
const { IncumbentError } = require('./errors.js');
const { describe, toJson } = require('./rules.js');

const MAX_CHECKPOINT_BYTES = 64 * 1024;

/** Of all commands of one call together. Each argument counts for its frame as well. */
const LIMITS = { commands: 1000, arguments: 4096, bytes: 1024 * 1024 };
const FRAME_BYTES = 16;

/** The manner of what a draining leader may still ask for. */
const WORK = { stopped: 'wait' };

/** What the leader writes in Redis so that no deposed one can, and what it leaves to the next. */
class FencedWrites {
  #requests;

  constructor(requests) {
    this.#requests = requests;
  }

  run(commands, options) {
    return this.#requests.ask('fenced', encodeFenced(commands, options), decodeReplies, WORK);
  }

  setCheckpoint(value, options) {
    return this.#requests.ask('setCheckpoint', encodeCheckpoint(value, options), undefined, WORK);
  }

  getCheckpoint() {
    return this.#requests.ask('checkpoint', undefined, (found) => found?.value, WORK);
  }
}

/** What `fenced()` was given, as the native side takes it. */
function encodeFenced(commands, options) {
  const { term, checkpoint, buffers = false } = checkOptions('fenced', options);
  if (typeof buffers !== 'boolean') {
    throw invalid(`buffers given to fenced() must be true or false; got ${describe(buffers)}`);
  }
  if (!Array.isArray(commands) || (commands.length === 0 && checkpoint === undefined)) {
    throw invalid(
      `fenced() takes a list of commands such as [["LPUSH", "jobs", "a"]]; got ${describe(commands)}`,
    );
  }
  limit(commands.length, LIMITS.commands, 'commands');
  const size = { bytes: 0 };
  const given = { commands: commands.map((one, at) => encodeCommand(one, at, size)), buffers };
  limit(size.bytes, LIMITS.bytes, 'bytes of commands');
  if (term !== undefined) given.term = checkTerm('fenced', term);
  const json = JSON.stringify(given);
  if (checkpoint === undefined) return json;
  return `${json.slice(0, -1)},"checkpoint":{"value":${checkpointToJson('fenced', checkpoint)}}}`;
}

function encodeCommand(command, at, size) {
  if (!Array.isArray(command) || command.length === 0) {
    throw invalid(
      `command ${at + 1} of fenced() must be a list such as ["SET", "key", "value"]; got ${describe(command)}`,
    );
  }
  limit(command.length, LIMITS.arguments, `arguments of command ${at + 1}`);
  if (typeof command[0] !== 'string') {
    throw invalid(
      `command ${at + 1} of fenced() must begin with its name, a string; got ${describe(command[0])}`,
    );
  }
  return command.map((argument) => {
    const encoded = encodeArgument(argument, at);
    const length = typeof encoded === 'string' ? Buffer.byteLength(encoded) : argument.byteLength;
    size.bytes += length + FRAME_BYTES;
    return encoded;
  });
}

function encodeArgument(argument, at) {
  if (typeof argument === 'string' && argument.isWellFormed()) return argument;
  if (typeof argument === 'bigint' || Number.isFinite(argument)) return String(argument);
  if (isUint8Array(argument)) {
    const { buffer, byteOffset, byteLength } = argument;
    return { b: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
  }
  // An object would go out as "[object Object]", null as "null": never what was meant.
  throw invalid(
    `an argument of command ${at + 1} of fenced() must be a string (well-formed), a number or bytes; ` +
      `got ${describe(argument)}`,
  );
}

/** Replies as the caller sees them: bytes become a Buffer, at any depth. */
function decodeReplies(replies) {
  return replies.map(decodeReply);
}

function decodeReply(reply) {
  if (Array.isArray(reply)) return reply.map(decodeReply);
  if (reply !== null && typeof reply === 'object') return Buffer.from(reply.b, 'base64');
  return reply;
}

/** What `setCheckpoint()` was given, as the native side takes it. */
function encodeCheckpoint(value, options) {
  const { term } = checkOptions('setCheckpoint', options);
  const json = checkpointToJson('setCheckpoint', value);
  if (term === undefined) return `{"value":${json}}`;
  return `{"value":${json},"term":${checkTerm('setCheckpoint', term)}}`;
}

function checkpointToJson(method, value) {
  const subject = `the checkpoint given to ${method}()`;
  return toJson(subject, value, MAX_CHECKPOINT_BYTES, 'ERR_INVALID_ARGUMENT');
}

function checkOptions(method, options = {}) {
  if (options !== null && typeof options === 'object') return options;
  throw invalid(
    `the options of ${method}() must be an object such as { term }; got ${describe(options)}`,
  );
}

function checkTerm(method, term) {
  if (Number.isSafeInteger(term) && term > 0) return term;
  throw invalid(
    `the term given to ${method}() must be one that "elected" or lead() told; got ${describe(term)}`,
  );
}

function limit(value, maximum, unit) {
  if (value <= maximum) return;
  throw new IncumbentError(
    'ERR_LIMIT_EXCEEDED',
    `fenced() takes at most ${maximum} ${unit}; got ${value}`,
  );
}

function invalid(message) {
  return new IncumbentError('ERR_INVALID_ARGUMENT', message);
}

module.exports = { FencedWrites };
