'use strict';

const { candidateOptions } = require('./candidate-options.js');
const { Lifetime } = require('./lifetime.js');
const { Observer } = require('./observer.js');

/**
 * Runs a command that looks from outside: `work(observer, lifetime)` until it is done, or the
 * command is told to end. Sets the exit code, unless `work` gives one.
 */
async function observing(given, work) {
  const lifetime = new Lifetime();
  const observer = new Observer(candidateOptions(given));
  for (const warning of observer.warnings) console.error(`warning: ${warning}`);
  try {
    const code = await lifetime.race(work(observer, lifetime));
    process.exitCode = code ?? lifetime.exitCode;
  } finally {
    observer.close();
  }
}

module.exports = { observing };
