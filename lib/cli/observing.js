'use strict';

const { candidateOptions } = require('./candidate-options.js');
const { Lifetime } = require('./lifetime.js');
const { Observer } = require('./observer.js');

/**
 * Runs a command that looks from outside: `work(observer, lifetime)` until it is done, or the
 * command is told to end. The exit code is what `work` gives.
 * @param isEndless whether being told to end is how it ends well
 */
async function observing(given, work, isEndless = false) {
  const lifetime = new Lifetime();
  const observer = new Observer(candidateOptions(given));
  for (const warning of observer.warnings) console.error(`warning: ${warning}`);
  try {
    const code = await lifetime.race(work(observer, lifetime));
    process.exitCode = code ?? (isEndless ? 0 : lifetime.exitCode);
  } finally {
    observer.close();
  }
}

module.exports = { observing };
