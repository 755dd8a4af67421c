'use strict';

const { describeType } = require('./rules.js');
const { firstLine } = require('./messages.js');

/**
 * Gives for each function its one object of the native side, by which candidates with the same
 * function know that they can share their connections.
 */
function providers(NativeCredentials) {
  const known = new WeakMap();
  return (ask) => {
    if (!ask) return undefined;
    if (!known.has(ask)) known.set(ask, provider(NativeCredentials, new WeakRef(ask)));
    return known.get(ask);
  };
}

/** Holds the function weakly, as the map does: otherwise neither could ever be let go of. */
function provider(NativeCredentials, reference) {
  return new NativeCredentials(async (question) => {
    let answer;
    try {
      answer = read(await reference.deref()());
    } catch (error) {
      answer = { refusal: `threw: ${wordsOf(error)}` };
    }
    const { username = null, password = null, refusal = null } = answer;
    NativeCredentials.answer(question, username, password, refusal);
  });
}

function read(given) {
  if (given === null || typeof given !== 'object') {
    return { refusal: `must give { username?, password }; gave ${describeType(given)}` };
  }
  const { username, password } = given;
  if (typeof password !== 'string' || password === '') {
    return { refusal: `must give a password as a string; gave ${describeType(password)}` };
  }
  if (typeof (username ?? '') !== 'string') {
    return { refusal: `must give a username as a string; gave ${describeType(username)}` };
  }
  return { username: username || undefined, password };
}

function wordsOf(error) {
  try {
    return firstLine(error);
  } catch {
    return 'something that has no text';
  }
}

module.exports = { providers };
