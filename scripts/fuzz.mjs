// `npm run fuzz [-- --inputs N] [--only target]`: every decoder under libFuzzer, guided by coverage, and the options under
// fast-check. One row for each: inputs, seconds, resident memory when the first inputs were read and at the end.
//
// The toolchain is the stable one: LLVM's coverage is a pass like any other, so no sanitizer and no nightly is needed.

import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, install } from './prepare.mjs';
import { root, run } from './run.mjs';
import { temporaryDirectory } from './temporary.mjs';

const { values: options } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1e7' },
    only: { type: 'string' },
  },
});

const targets = [
  ['message', 3],
  ['announcement', 2],
  ['instance', 2],
  ['registry-change', 2],
  ['legacy-ballot', 2],
  ['legacy-record', 2],
  ['legacy-message', 2],
  ['answer', 2],
  ['resp', 3],
  ['greeting', 1],
  ['options', 2],
  ['url', 2],
].filter(([name]) => !options.only || options.only === name);
const ofOptions = !options.only || options.only === 'js-options';

const inputs = Number(options.inputs);
if (!Number.isSafeInteger(inputs) || inputs < 1) {
  fail(`--inputs must be a number of at least 1, such as 1e7; got ${options.inputs}`);
}
if (targets.length === 0 && !ofOptions) fail(`--only names no target: ${options.only}`);

const triple = 'x86_64-unknown-linux-gnu';
const coverage = [
  '-Cpasses=sancov-module',
  ...[
    '-sanitizer-coverage-level=4',
    '-sanitizer-coverage-inline-8bit-counters',
    '-sanitizer-coverage-pc-table',
    '-sanitizer-coverage-trace-compares',
  ].map((argument) => `-Cllvm-args=${argument}`),
  '--cfg=fuzzing',
];

const temporary = temporaryDirectory();
const rows = [];
let failed = false;
await main();

async function main() {
  const program = targets.length > 0 && (await fuzzer());
  if (ofOptions) await provide();
  console.log('target             inputs   seconds  memory at start  at the end');
  const jobs = targets.map(
    ([name, share]) =>
      () =>
        native(program, name, share),
  );
  if (ofOptions) jobs.push(jsOptions);
  const worker = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) await job();
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  console.log(`${total} inputs in all; ${failed ? 'FAILED' : 'no crash, no panic, no growth'}`);
  process.exitCode = failed ? 1 : 0;
}

/** Builds the program of all targets: the crate and what it depends on, with coverage. */
async function fuzzer() {
  console.log('Building the fuzzer (the first time takes some minutes) …');
  const args = ['build', '--profile', 'fuzz', '--package', 'incumbent-fuzz', '--target', triple];
  const { ok, output } = await run('cargo', args, { env: { RUSTFLAGS: coverage.join(' ') } });
  if (!ok) fail(output);
  return path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'), triple, 'fuzz/fuzz');
}

async function provide() {
  for (const step of [install, build]) {
    const { ok, output } = await step({ announce: console.log });
    if (!ok) fail(output);
  }
}

async function native(program, name, share) {
  const wanted = Math.ceil((inputs * share) / targets.reduce((sum, [, one]) => sum + one, 0));
  const folder = path.join(temporary, name);
  const corpus = path.join(folder, 'corpus');
  mkdirSync(corpus, { recursive: true });
  const startedAt = performance.now();
  const { ok, output } = await run(
    program,
    [`-runs=${wanted}`, '-max_len=65536', '-timeout=10', '-rss_limit_mb=1024', corpus],
    { cwd: folder, env: { INCUMBENT_FUZZ_TARGET: name, INCUMBENT_FUZZ_SEEDS: corpus } },
  );
  const memory = [...output.matchAll(/^#(\d+)\s+(INITED|DONE) .*rss: (\d+)Mb/gm)];
  const [start, end] = ['INITED', 'DONE'].map((mark) => memory.find((line) => line[2] === mark));
  const count = Number(end?.[1] ?? 0);
  row({ name, count, startedAt, startMb: start?.[3], endMb: end?.[3] });
  if (ok && count >= wanted) return;
  failed = true;
  console.log(explain(name, folder, output));
}

/** What broke, as a test can repeat it. */
function explain(name, folder, output) {
  const said = /panicked at [\s\S]*?(?=\nstack backtrace|\nnote:|\n==|$)/.exec(output)?.[0];
  const found = readdirSync(folder).find((file) => /^(crash|timeout|oom|slow)-/.test(file));
  if (!found) return output.slice(-4000);
  const input = readFileSync(path.join(folder, found)).toString('hex');
  return `target ${name}: ${said ?? found}\nthe input, in hexadecimal digits (a test for fixtures/wire): ${input}`;
}

async function jsOptions() {
  const startedAt = performance.now();
  const file = path.join(root, '__test__/options-random.test.ts');
  const count = Math.max(100_000, Math.ceil(inputs / 100));
  const memoryFile = path.join(temporary, 'js-options.json');
  const { ok, output } = await run(process.execPath, ['--expose-gc', '--import', 'tsx', file], {
    env: { INCUMBENT_FUZZ_INPUTS: String(count), INCUMBENT_FUZZ_MEMORY: memoryFile },
  });
  const memory = existsSync(memoryFile) ? JSON.parse(readFileSync(memoryFile, 'utf8')) : {};
  row({ name: 'js-options', count: memory.inputs ?? 0, startedAt, ...memory });
  if (ok && memory.inputs >= count) return;
  failed = true;
  console.log(output);
}

/** libFuzzer keeps the inputs that it goes on from: a few MB. More, and by more than the half, is growth of what it tests. */
function row({ name, count, startedAt, startMb, endMb }) {
  const seconds = (performance.now() - startedAt) / 1000;
  rows.push({ count });
  const grew = Number(endMb) > Number(startMb) * 1.5 + 64;
  failed ||= grew;
  console.log(
    [
      name.padEnd(16),
      String(count).padStart(8),
      seconds.toFixed(1).padStart(9),
      `${startMb ?? '?'} MB`.padStart(16),
      `${endMb ?? '?'} MB`.padStart(11),
      grew ? '  GREW' : '',
    ].join(' '),
  );
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
