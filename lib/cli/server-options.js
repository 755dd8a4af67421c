'use strict';

const { InvalidArgumentError } = require('commander');

/** The options by which every command is told its server. */
function addServerOptions(command) {
  return command
    .option('--redis <url>', 'the server: a URL, or the option "redis" of a candidate as JSON')
    .option('--options <file>', 'a file with the options of a candidate as JSON');
}

/** Reads a number that is no less than `minimum`. */
function atLeast(minimum, isWhole = true) {
  return (text) => {
    const number = Number(text);
    const isSound = text.trim() !== '' && number >= minimum && number <= Number.MAX_SAFE_INTEGER;
    if (isSound && (!isWhole || Number.isInteger(number))) return number;
    throw new InvalidArgumentError(
      `must be a ${isWhole ? 'whole ' : ''}number of at least ${minimum}`,
    );
  };
}

const SERVER_HELP = `
Without --redis and --options, the environment variable INCUMBENT_REDIS names the server, or else
REDIS_URL, or it is redis://localhost:6379. A password is better kept in a file, or in the
environment, than in the arguments of a command, which every user of the host can read.`;

module.exports = { SERVER_HELP, addServerOptions, atLeast };
