#!/usr/bin/env node
'use strict';

// The command `incumbent`. docs/cli.md has its exit codes.

const { Command, CommanderError } = require('commander');
const { version } = require('../../package.json');
const { escaped } = require('./text.js');

/** In the order of --help. */
const COMMANDS = [
  require('./run.js').addRun,
  require('./status.js').addStatus,
  require('./watch.js').addWatch,
  require('./kinds.js').addKinds,
  require('./send.js').addSend,
  require('./listen.js').addListen,
  require('./handover.js').addReelect,
  require('./handover.js').addTransfer,
  require('./dashboard.js').addDashboard,
  require('./doctor.js').addDoctor,
  require('./bench.js').addBench,
  require('./demo.js').addDemo,
];

const WRONG_USAGE = 2;

async function main() {
  const program = new Command('incumbent')
    .description('Leader election, discovery and messaging over Redis')
    .version(version)
    .enablePositionalOptions()
    .showHelpAfterError('(--help tells how it is called)')
    .exitOverride();
  for (const add of COMMANDS) add(program);
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error) {
  // Commander has told it already; --help and --version end that way as well.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  console.error(`error: ${escaped(error.message)}`);
  if (error.exitCode !== undefined) return error.exitCode;
  return ['ERR_INVALID_OPTION', 'ERR_LIMIT_EXCEEDED'].includes(error.code) ? WRONG_USAGE : 1;
}

void main();
