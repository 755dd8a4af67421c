#!/usr/bin/env node
'use strict';

// The command `incumbent`. Exit codes: 0 all is well, 1 something is not, 2 it was called wrongly.

const { Command, CommanderError } = require('commander');
const { version } = require('../../package.json');
const { addDoctor } = require('./doctor.js');

const WRONG_USAGE = 2;

async function main() {
  const program = new Command('incumbent')
    .description('Leader election, discovery and messaging over Redis')
    .version(version)
    .showHelpAfterError('(--help tells how it is called)')
    .exitOverride();
  addDoctor(program);
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
  return ['ERR_INVALID_OPTION', 'ERR_LIMIT_EXCEEDED'].includes(error.code) ? WRONG_USAGE : 1;
}

void main();
