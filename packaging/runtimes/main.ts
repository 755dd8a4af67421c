// `npm run runtimes`: the JavaScript tests of the library on each runtime. See run.mjs.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { guard } from '../../__test__/fixtures/guard.ts';
import { compile, testNames } from './compile.ts';
import { runtimes, type Runtime } from './runtimes.ts';
import { prefix, type Told } from './told.ts';

/** A choice that touches all that leans on a runtime: threads, processes, buffers, events, timers, the garbage collector. */
const short = ['drop-in-messages', 'drop-in-surface', 'fenced-real', 'surface', 'threads'];
const fileLimitMs = 400_000;
const concurrency = 2;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    short: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

interface Tally {
  passed: number;
  differ: number;
  failures: string[];
}

async function main(): Promise<void> {
  const chosen = runtimes.filter(({ name }) =>
    name.toLowerCase().includes((values.only ?? '').toLowerCase()),
  );
  const names = testNames(positionals).filter((name) => !values.short || short.includes(name));
  if (!chosen.length || !names.length) throw new Error('no such runtime, or no such test');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'incumbent-runtimes-'));
  try {
    await compile(names, folder);
    const total = { passed: 0, failed: 0 };
    for (const runtime of chosen) {
      const { passed, differ, failures } = await suite(runtime, names, folder);
      const differing = differ ? `, ${differ} differ` : '';
      console.log(`${named(runtime)}: ${passed} passed, ${failures.length} failed${differing}`);
      for (const failure of failures) console.log(failure.replace(/^/gm, '  '));
      total.passed += passed;
      total.failed += failures.length;
    }
    console.log(`\n${total.passed} passed, ${total.failed} failed`);
    process.exitCode = total.failed ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function named({ name, command }: Runtime): string {
  if (!existsSync(command)) return name;
  const version = execFileSync(command, ['--version'], { encoding: 'utf8' });
  return `${name.split(' ')[0]} ${version.match(/\d+\.\d+\.\d+/)}`;
}

async function suite(runtime: Runtime, names: string[], folder: string): Promise<Tally> {
  const tally: Tally = { passed: 0, differ: 0, failures: [] };
  if (!existsSync(runtime.command)) {
    tally.failures.push(`${runtime.command} is not installed: there is none for this platform`);
    return tally;
  }
  const waiting = [...names];
  const worker = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) {
      add(tally, runtime, name, await runFile(runtime, path.join(folder, `${name}.test.cjs`)));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return tally;
}

interface Run {
  told: Told[];
  /** Why the file did not come to its end. */
  broken: string | undefined;
}

async function runFile({ command, args }: Runtime, file: string): Promise<Run> {
  const child = spawn(command, [...args, file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const release = guard(child.pid!);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, fileLimitMs);
  const [code, signal] = await once(child, 'close');
  clearTimeout(limit);
  release();
  if (values.verbose) console.log(output);
  const lines = output.split('\n').filter((line) => line.startsWith(prefix));
  const told: Told[] = lines.map((line) => JSON.parse(line.slice(prefix.length)));
  const how = isLate ? 'it hung' : `it ended with ${signal ?? `code ${code}`}`;
  return { told, broken: code === 0 ? undefined : `${how}\n${output.slice(-2000)}` };
}

function add(tally: Tally, { differs }: Runtime, name: string, { told, broken }: Run): void {
  const expected = differs.filter(({ file }) => file === name);
  for (const { test, error } of told) {
    const difference = expected.find((one) => one.test.test(test));
    if (error === undefined) tally.passed += 1;
    else if (difference) tally.differ += 1;
    else tally.failures.push(`${name}: ${test}\n${error}`);
  }
  if (broken) tally.failures.push(`${name}: ${broken}`);
  else if (!told.length) tally.failures.push(`${name}: it ran no test`);
  for (const { test, why, isByChance } of expected) {
    if (isByChance) continue;
    const failed = told.some((one) => one.error !== undefined && test.test(one.test));
    if (!failed) tally.failures.push(`${name}: ${test} passes by now; it differed since ${why}`);
  }
}

void main();
