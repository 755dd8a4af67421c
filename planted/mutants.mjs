// `npm run mutants`: changes the election's core in every small way that cargo-mutants knows, and expects a test to fail each time.
//
// What no test can tell from the original is listed in
// planted/equivalent-mutants.json with the reason; any other survivor fails, and so does an entry that no longer survives.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { root } from '../scripts/run.mjs';
import { copyCore, copyElection } from './core.mjs';

const place = path.join(root, 'target', 'mutants');
// A mutant may loop and allocate for ever.
const MEMORY_LIMIT_KB = 8_000_000;

function requireCargoMutants() {
  if (spawnSync('cargo', ['mutants', '--version'], { stdio: 'ignore' }).status !== 0) {
    console.error('cargo-mutants is missing: cargo install --locked cargo-mutants');
    process.exit(2);
  }
}

/** Tries all mutants against the tests of this crate; `--iterate` leaves out those that were caught before. */
function runMutants(crate, given) {
  const mutants = [
    'mutants',
    '--dir',
    crate,
    '--output',
    place,
    '--file',
    'src/election/**/*.rs',
    ...given,
  ];
  const limited = [
    '-c',
    `ulimit -v ${MEMORY_LIMIT_KB}; exec cargo "$@"`,
    'cargo',
    ...mutants,
    '--',
    '--lib',
  ];
  const { status } = spawnSync('bash', limited, { stdio: 'inherit' });
  // 2: some were missed; 3: some timed out. Both are judged below.
  if (![0, 2, 3].includes(status)) process.exit(status ?? 1);
}

/** The file and what was changed, without the line, which moves. */
function names(list) {
  const file = path.join(place, 'mutants.out', list);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return lines.filter(Boolean).map((line) => line.replace(/:\d+:\d+:/, ':'));
}

function judge() {
  const known = JSON.parse(
    readFileSync(path.join(root, 'planted', 'equivalent-mutants.json'), 'utf8'),
  );
  const missed = names('missed.txt');
  const unknown = missed.filter((name) => !(name in known));
  const obsolete = Object.keys(known).filter((name) => !missed.includes(name));
  for (const name of missed.filter((name) => name in known))
    console.log(`cannot change behaviour: ${name}\n  ${known[name]}`);
  for (const name of unknown) console.log(`SURVIVED: ${name}`);
  if (process.argv.length === 2)
    for (const name of obsolete) console.log(`LISTED, BUT CAUGHT: ${name}`);
  const caught = names('caught.txt').length + names('previously_caught.txt').length;
  const timedOut = names('timeout.txt').length;
  console.log(
    `${caught} caught or not even compiled, ${timedOut} caught by running for ever, ${missed.length - unknown.length} that change nothing, ${unknown.length} survived`,
  );
  return unknown.length === 0 && (process.argv.length > 2 || obsolete.length === 0);
}

requireCargoMutants();
const given = process.argv.slice(2);
const [election, core] = ['election', 'core'].map((name) => path.join(place, name));
// The election's own tests take a moment, the simulation most of a minute: it has to catch only what passes those.
copyElection(election);
runMutants(election, ['--timeout', '10', ...given]);
copyCore(core);
runMutants(core, ['--iterate', ...given]);
process.exit(judge() ? 0 : 1);
