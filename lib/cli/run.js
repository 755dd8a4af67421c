'use strict';

const { IncumbentError } = require('../errors.js');
const { candidateOptions } = require('./candidate-options.js');
const { unfit } = require('./keeper.js');
const { Runner } = require('./runner.js');
const { SERVER_HELP, addServerOptions, atLeast } = require('./server-options.js');

const DEFAULT_KILL_AFTER_MS = 5000;
/** What is left of the drain once the command was killed. */
const RELEASE_MS = 500;
const LONGEST_MS = 600_000 - RELEASE_MS;

const HELP = `
The command finds INCUMBENT_KIND, INCUMBENT_ID and INCUMBENT_TERM in its environment. When the
leadership is given up, its process group gets SIGTERM, and SIGKILL if it has not ended after
--kill-after; the leadership is released when it is dead. When the leadership is lost because Redis
cannot be reached, there is a tenth of leaseMs between the two, and it is dead before anybody else
can lead. It does not outlive this process, even if that is killed by SIGKILL. What moves to a
process group of its own is not reached.

Signals are passed on. When the command ends by itself, so does this: the leadership is released, and
the exit code is the command's. With --restart it is started again when this host leads again.
${SERVER_HELP}

Exit codes: the command's, or 128 and the number of the signal that ended it; 125 something else
failed, 126 the command cannot be executed, 127 it was not found, 2 wrong usage.`;

/** `incumbent run`: a program that runs while this host leads. */
function addRun(program) {
  addServerOptions(program.command('run'))
    .description('runs a command while this host leads, and only then')
    .usage('[options] -- command [args...]')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('--kind <kind>', 'the kind')
    .option('--lease-ms <ms>', 'as the option leaseMs of a candidate', Number)
    .option(
      '--kill-after <ms>',
      'how long the command may take to end',
      atLeast(0),
      DEFAULT_KILL_AFTER_MS,
    )
    .option('--restart', 'goes on when the command ends by itself', false)
    .option('--quiet', 'tells of failures alone', false)
    .option('--json', 'tells what happens on stderr as lines of JSON', false)
    .passThroughOptions()
    .addHelpText('after', HELP)
    .action(run);
}

async function run([command, ...args], given) {
  const { killAfter } = given;
  if (killAfter > LONGEST_MS) {
    throw new IncumbentError('ERR_INVALID_OPTION', `--kill-after must be at most ${LONGEST_MS}`);
  }
  const problem = unfit(command);
  if (problem) throw Object.assign(new Error(problem.message), problem);
  const options = { meta: { runs: command }, ...candidateOptions(given) };
  options.drainMs = killAfter + RELEASE_MS;
  process.exitCode = await new Runner(options, { command, args, ...given }).run();
}

module.exports = { addRun };
