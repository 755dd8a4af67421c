#!/usr/bin/env node
'use strict';

// The command `incumbent`. docs/cli.md has its exit codes.

const { Command, CommanderError } = require('commander');
const { version } = require('../../package.json');

const COMMANDS = {
  run: ['./run.js', 'addRun'],
  status: ['./status.js', 'addStatus'],
  watch: ['./watch.js', 'addWatch'],
  kinds: ['./kinds.js', 'addKinds'],
  send: ['./send.js', 'addSend'],
  listen: ['./listen.js', 'addListen'],
  reelect: ['./handover.js', 'addReelect'],
  transfer: ['./handover.js', 'addTransfer'],
  bench: ['./bench.js', 'addBench'],
  demo: ['./demo.js', 'addDemo'],
  doctor: ['./doctor.js', 'addDoctor'],
};

const WRONG_USAGE = 2;

async function main() {
  const program = new Command('incumbent')
    .description('Leader election, discovery and messaging over Redis')
    .version(version)
    .enablePositionalOptions()
    .showHelpAfterError('(--help tells how it is called)')
    .exitOverride();
  for (const [file, add] of Object.values(COMMANDS)) require(file)[add](program);
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error) {
  // Commander has told it already; --help and --version end that way as well.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  console.error(`error: ${error.message}`);
  if (error.exitCode !== undefined) return error.exitCode;
  return ['ERR_INVALID_OPTION', 'ERR_LIMIT_EXCEEDED'].includes(error.code) ? WRONG_USAGE : 1;
}

void main();
