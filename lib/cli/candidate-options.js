'use strict';

const { readFileSync } = require('node:fs');
const { IncumbentError } = require('../errors.js');

/**
 * The options of a candidate, as the arguments of a command name them: a file first, which the
 * other arguments beat.
 */
function candidateOptions(given) {
  const { options: file, redis, kind, leaseMs, crashDetection, waitReplicas, migrate } = given;
  const fromFile = file === undefined ? {} : optionsIn(file);
  const named = {
    redis: redisOf('--redis', redis),
    kind,
    leaseMs,
    crashDetection,
    waitReplicas,
    migrate,
  };
  const present = Object.entries(named).filter(([, value]) => value !== undefined);
  const options = { ...fromFile, ...Object.fromEntries(present) };
  // A variable that is empty counts as none.
  options.redis ??=
    redisOf('INCUMBENT_REDIS', process.env.INCUMBENT_REDIS || undefined) ??
    redisOf('REDIS_URL', process.env.REDIS_URL || undefined);
  return options;
}

/** A URL as it is. JSON begins with a brace, which no URL does. */
function redisOf(what, text) {
  if (!text?.trimStart().startsWith('{')) return text;
  return parse(what, text);
}

function optionsIn(file) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw wrong(`the file of --options cannot be read: ${cause.message}`);
  }
  const options = parse(`the file ${file}`, text);
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw wrong(`the file ${file} must hold an object, such as { "redis": "redis://…" }`);
  }
  return options;
}

/** The parser's own words would repeat the text, which may hold a password. */
function parse(what, text) {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(`${what} is not JSON`);
  }
}

function wrong(message) {
  return new IncumbentError('ERR_INVALID_OPTION', message);
}

module.exports = { candidateOptions };
