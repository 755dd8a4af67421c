// Runs the JavaScript tests: each file in a process of its own, two at a time.

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from './run.mjs';
import { temporaryDirectory } from './temporary.mjs';

const concurrency = 2;

// For a file as a whole, and only against a blocked loop: a single test that hangs is ended by the reporter.
const fileLimitMs = 240_000;

const reporter = fileURLToPath(new URL('./js-reporter.mjs', import.meta.url));

/**
 * @param {{ only: string[], echo: boolean, directory?: string }} options `only`: parts of the names of the files to run;
 *   none: all of `directory`.
 * @returns {Promise<{ passed: number, failed: number, output: string }>}
 */
export async function jsTests({ only, echo, directory = '__test__' }) {
  const files = testFiles(directory).filter(
    (file) => !only.length || only.some((part) => file.includes(part)),
  );
  if (files.length === 0) return { passed: 0, failed: 1, output: 'no test file was found\n' };

  const counts = temporaryDirectory();
  const sum = { passed: 0, failed: 0, output: '' };
  const worker = async () => {
    for (let file = files.shift(); file; file = files.shift()) {
      const { passed, failed, skipped, output } = await testFile(
        file,
        path.join(counts, encodeURIComponent(file)),
        echo,
      );
      const others = skipped ? `, ${skipped} skipped` : '';
      console.log(
        `  ${failed ? 'failed' : 'ok'} ${file}: ${passed} passed, ${failed} failed${others}`,
      );
      sum.passed += passed;
      sum.failed += failed;
      if (failed) sum.output += `--- ${file}\n${output}`;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return sum;
}

function testFiles(directory) {
  return readdirSync(path.join(root, directory), { recursive: true })
    .filter((name) => /\.test\.[cm]?ts$/.test(name))
    .map((name) => path.join(directory, name))
    .sort();
}

// The file is run as a plain program, not by `node --test`: on Node 20 a time limit there holds for the whole file, and
// hides which test hangs.
async function testFile(file, counts, echo) {
  const reporters = ['spec', 'stdout', reporter, counts].map(
    (value, index) => `--test-reporter${index % 2 ? '-destination' : ''}=${value}`,
  );
  const { ok, output } = await run(process.execPath, ['--import', 'tsx', ...reporters, file], {
    echo,
    limitMs: fileLimitMs,
  });
  const results = readResults(counts);
  const count = (wanted) => results.filter((result) => result === wanted).length;
  const [passed, failed, skipped] = [count('pass'), count('fail'), count('skip')];
  // A file can fail beside its tests: when it is loaded, by an exception after them, by an empty file.
  const failedOtherwise = failed === 0 && (!ok || passed === 0);
  return { passed, failed: failedOtherwise ? 1 : failed, skipped, output };
}

function readResults(file) {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
