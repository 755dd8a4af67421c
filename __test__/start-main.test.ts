// How `npm run bench`, `npm run faults` and `npm run soak` start their programs, and how these end.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { eventually } from './fixtures/eventually.ts';
import { guard } from './fixtures/guard.ts';

const root = path.join(__dirname, '..');
const script = pathToFileURL(path.join(root, 'scripts', 'start-main.mjs')).href;
const directory = mkdtempSync(path.join(tmpdir(), 'incumbent-start-main-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Starts a program of this text by the script, with these arguments. */
function start(program: string, ...args: string[]) {
  const main = path.join(directory, 'main.ts');
  writeFileSync(main, program);
  const run = `import { runMain } from '${script}'; runMain(new URL('${pathToFileURL(main)}'));`;
  const runner = path.join(directory, 'run.mjs');
  writeFileSync(runner, run);
  const child = spawn(process.execPath, [runner, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const release = guard(child.pid!);
  child.once('exit', release);
  const started = { child, output: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (started.output += text));
  return started;
}

async function end(child: ChildProcess) {
  const [code] = await once(child, 'close');
  return code;
}

test('a program has the arguments, and its exit code is that of the script', async () => {
  const program =
    'const args: string[] = process.argv.slice(2); console.log(args.join()); process.exit(7);';
  const started = start(program, '--row', '1,2');
  assert.equal(await end(started.child), 7);
  assert.equal(started.output.trim(), '--row,1,2');
});

test('a program that a signal ends does not pass for one that succeeded', async () => {
  assert.equal(await end(start("process.kill(process.pid, 'SIGKILL');").child), 128 + 9);
});

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  test(`${signal} lets the program end in good order before the script does`, async () => {
    const started = start(`
      process.once('SIGTERM', () => {
        console.log('ended');
        process.exit(0);
      });
      setInterval(() => {}, 1000);
      console.log('started');
    `);
    await eventually(() => started.output.includes('started'));
    started.child.kill(signal);
    assert.equal(await end(started.child), 128 + number);
    assert.match(started.output, /ended/);
  });
}
