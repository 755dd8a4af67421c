'use strict';

/** The options by which every command is told its server. */
function addServerOptions(command) {
  return command
    .option('--redis <url>', 'the server: a URL, or the option "redis" of a candidate as JSON')
    .option('--options <file>', 'a file with the options of a candidate as JSON');
}

const SERVER_HELP = `
Without --redis and --options, the environment variable INCUMBENT_REDIS names the server, or else
REDIS_URL, or it is redis://localhost:6379. A password is better kept in a file, or in the
environment, than in the arguments of a command, which every user of the host can read.`;

module.exports = { SERVER_HELP, addServerOptions };
