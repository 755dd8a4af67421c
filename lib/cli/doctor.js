'use strict';

const { Option } = require('commander');
const { fromNative } = require('../errors.js');
const { OPTIONS, resolveOptions } = require('../options.js');
const { candidateOptions } = require('./candidate-options.js');
const { SERVER_HELP, addServerOptions } = require('./server-options.js');
const { print } = require('./print.js');

/** `incumbent doctor`: looks whether a server is fit for a kind. */
function addDoctor(program) {
  addServerOptions(program.command('doctor'))
    .description('looks whether a Redis server is fit for a kind, from where a candidate would run')
    .option('--kind <kind>', 'the kind whose rights are looked at')
    .option('--lease-ms <ms>', 'the leaseMs that the round trip must allow', Number)
    .addOption(
      new Option('--crash-detection <way>', 'as the option crashDetection').choices(
        OPTIONS.crashDetection.values,
      ),
    )
    .option('--wait-replicas <n>', 'as the option waitReplicas', Number)
    .addOption(
      new Option('--migrate <library>', 'as the option migrate').choices(OPTIONS.migrate.values),
    )
    .option('--fenced', 'looks also for the rights that fenced() needs', false)
    .option('--json', 'prints the report as JSON', false)
    .addHelpText('after', SERVER_HELP + help)
    .action(examine);
}

const help = `

Exit codes: 0 no failure, 1 a failure, 2 wrong usage. A warning is no failure.`;

async function examine(given) {
  const { settings, warnings } = resolveOptions(candidateOptions(given));
  for (const warning of warnings) console.error(`warning: ${warning}`);
  const report = await diagnose(settings, given);
  if (given.json) console.log(JSON.stringify(report, null, 2));
  else print(report, console.log);
  process.exitCode = report.ok ? 0 : 1;
}

function diagnose(settings, { fenced }) {
  const { diagnose } = require('../../native.js');
  return new Promise((resolve, reject) => {
    try {
      const options = JSON.stringify({ ...settings, debug: false });
      diagnose(options, fenced, (report) => resolve(JSON.parse(report)));
    } catch (error) {
      reject(fromNative(error));
    }
  });
}

module.exports = { addDoctor };
