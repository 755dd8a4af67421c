// `npm run planted [-- WORDS]`: plants each bug of bugs.mjs (or those whose text contains one of WORDS) into a copy of the sources, and prints
// what catches it. Fails when one is not caught, or when something is "caught" where no bug was planted. With `--texts` it only looks whether
// each can be planted.

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { provideRedis } from '../scripts/redis.mjs';
import { root, run } from '../scripts/run.mjs';
import { bugs } from './bugs.mjs';
import { copyCore } from './core.mjs';

const place = path.join(root, 'target', 'planted');
const core = path.join(place, 'core');
const whole = path.join(place, 'whole');
const simulator = path.join(core, 'target', 'release', 'simulate');

// An escaped bug was worth that many seeds.
const SEEDS = 20_000;
// A planted bug may loop for ever, or allocate for ever.
const LIMIT_MS = 300_000;
const MEMORY_LIMIT_KB = 8_000_000;

function copyWhole() {
  const sources = [
    'Cargo.toml',
    'Cargo.lock',
    'build.rs',
    'RUST.md',
    'src',
    'examples/rust',
    'simulator',
    'tests',
    'fixtures',
    'fuzz',
    'model',
  ];
  mkdirSync(whole, { recursive: true });
  for (const source of sources) {
    rmSync(path.join(whole, source), { recursive: true, force: true });
    cpSync(path.join(root, source), path.join(whole, source), { recursive: true });
  }
}

/** What catches `bug`; `undefined` when nothing does. */
async function hunt(bug) {
  const crate = bug.tests ? whole : core;
  const unplant = plant(bug, crate);
  try {
    if (bug.tests) return await test(crate, bug.tests);
    return (await simulate(bug)) ?? (bug.edits && (await test(crate, 'election')));
  } catch (error) {
    throw new Error(`"${bug.about}": ${error.message}`, { cause: error });
  } finally {
    unplant();
  }
}

/** Puts the bug in, and gives what takes it out again. */
function plant(bug, crate) {
  const changes = changesBy(bug, crate);
  changes.forEach(({ after }, at) => writeFileSync(at, after));
  return () => changes.forEach(({ before }, at) => writeFileSync(at, before));
}

/** By file, its text before and after. */
function changesBy({ about, edits = [] }, crate) {
  const changes = new Map();
  for (const { file, from, to } of edits) {
    const at = path.join(crate, file);
    const before = changes.get(at)?.before ?? readFileSync(at, 'utf8');
    const text = changes.get(at)?.after ?? before;
    const found = text.split(from).length - 1;
    if (found !== 1) {
      const what = `the text to be changed stands ${found} times in ${file}, not once`;
      throw new Error(`"${about}": ${what}; mend the bug's edit:\n${from}`);
    }
    changes.set(at, { before, after: text.replace(from, () => to) });
  }
  return changes;
}

async function simulate(bug) {
  const built = await cargo(core, ['build', '--release', '--bin', 'simulate']);
  if (!built.ok) throw new Error(`the simulator could not be built:\n${built.output}`);
  const planted = bug.simulation ? ['--bug', bug.simulation] : [];
  const args = ['--hunt', '--seeds', `${SEEDS}`, ...planted];
  const { ok, output } = await limited(core, simulator, args);
  if (ok) return undefined;
  const broken = /seed (\d+) breaks: (.*)/.exec(output);
  if (broken) return { by: `simulation: ${broken[2]}`, seeds: Number(broken[1]) + 1 };
  const panic = /panicked at [^\n]*\n([^\n]*)/.exec(output);
  if (panic) return { by: `simulation: it panics, "${panic[1]}"` };
  throw new Error(`the simulation did not run:\n${output}`);
}

/** The first of the tests with `word` in their names that fails. */
async function test(crate, word) {
  const built = await cargo(crate, ['test', '--lib', '--no-run']);
  if (!built.ok) throw new Error(`the tests could not be built:\n${built.output}`);
  const { ok, output } = await limited(crate, 'cargo', ['test', '--lib', '--', word]);
  if (ok) {
    const some = /test result: ok\. [1-9]/.test(output);
    if (!some) throw new Error(`no test has "${word}" in its name`);
    return undefined;
  }
  const failed = [...output.matchAll(/^test (\S+) .*FAILED$/gm)].map((match) => match[1]);
  if (failed.length > 0) return { by: `test: ${failed.toSorted()[0]}` };
  const isEndless = output.includes('ran for longer') || output.includes('memory allocation');
  if (isEndless) return { by: `tests of ${word}: they do not end` };
  throw new Error(`the tests did not run:\n${output}`);
}

function cargo(crate, args) {
  return run('cargo', args, { cwd: crate, env: { CARGO_TARGET_DIR: path.join(crate, 'target') } });
}

function limited(crate, command, args) {
  const script = `ulimit -v ${MEMORY_LIMIT_KB}; exec "$@"`;
  return run('bash', ['-c', script, command, command, ...args], {
    cwd: crate,
    env: { CARGO_TARGET_DIR: path.join(crate, 'target') },
    limitMs: LIMIT_MS,
  });
}

/** A check that fails where there is nothing to catch proves nothing. */
async function requireThatNothingIsCaughtWithoutABug(filters) {
  let caught = await simulate({});
  caught ??= await test(core, 'election');
  for (const filter of filters) caught ??= await test(whole, filter);
  if (caught) throw new Error(`without any bug, this fails: ${caught.by}`);
}

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { texts: { type: 'boolean', default: false } },
});
const isChosen = (about) => words.length === 0 || words.some((word) => about.includes(word));
const chosen = bugs.filter((bug) => isChosen(bug.about));
if (chosen.length === 0) {
  console.error(`no bug's text contains "${words.join('", "')}"`);
  process.exit(2);
}
// Before the first of them runs for minutes.
chosen.forEach((bug) => changesBy(bug, root));
if (options.texts) {
  console.log(`all ${chosen.length} can be planted`);
  process.exit(0);
}
const filters = new Set(chosen.flatMap((bug) => bug.tests ?? []));
copyCore(core);
if (filters.size > 0) {
  const { ok, output } = await provideRedis();
  if (!ok) throw new Error(output);
  copyWhole();
}
await requireThatNothingIsCaughtWithoutABug(filters);

const width = Math.max(...chosen.map((bug) => bug.about.length));
console.log(`${'bug'.padEnd(width)}  seeds  caught by`);
let escaped = 0;
for (const bug of chosen) {
  const caught = await hunt(bug);
  escaped += caught ? 0 : 1;
  const seeds = String(caught?.seeds ?? '–').padStart(5);
  console.log(`${bug.about.padEnd(width)}  ${seeds}  ${caught?.by ?? 'NOTHING'}`);
}
console.log(`\n${chosen.length - escaped} of ${chosen.length} planted bugs are caught`);
process.exit(escaped === 0 ? 0 : 1);
