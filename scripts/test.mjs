// `npm test`: installs, builds and runs everything, and closes with the line `N passed, N failed`.
// CONTRIBUTING.md shows its options; `npm test -- --help` lists them.

import { parseArgs } from 'node:util';
import { leaks } from './run.mjs';
import { preparations, steps } from './steps.mjs';

const help = `npm test                             everything
npm run check                        what needs no running candidate: form, types, lints, the packed package
npm test -- --only rust,js           some of the steps: ${steps.map(({ name }) => name).join(', ')}
npm test -- --only js events once    the JavaScript tests in files whose names contain one of these; of the examples as well
npm test -- --verbose                shows the output of every step while it comes`;

const { values: options, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', multiple: true },
    checks: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) console.log(help);
else await main(chosenSteps());

async function main(chosen) {
  const total = { passed: 0, failed: 0 };
  const add = ({ passed, failed, output }) => {
    total.passed += passed;
    total.failed += failed;
    // With --verbose, it was shown already.
    if (failed && !options.verbose) console.log(output.trimEnd());
  };

  const missing = await provide(new Set(chosen.flatMap(({ needs }) => needs)), add);
  for (const step of chosen) {
    console.log(`\n# ${step.name}: ${step.does}`);
    const lacking = step.needs.filter((need) => missing.has(need));
    if (lacking.length) {
      add({ passed: 0, failed: 1, output: `not run, for want of: ${lacking.join(', ')}` });
      continue;
    }
    const startedAt = performance.now();
    const result = await step.run({ echo: options.verbose, files, announce: console.log });
    add(result);
    console.log(
      `${result.failed ? 'FAILED' : 'ok'}: ${result.passed} passed, ${result.failed} failed, ${since(startedAt)}`,
    );
  }

  add(searchForPasswords());
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed ? 1 : 0;
}

/** No password may be in anything that was printed. Only a failure counts. */
function searchForPasswords() {
  if (leaks.length === 0) return { passed: 0, failed: 0, output: '' };
  const shown = leaks.map(({ command, lines }) => `${command}\n${lines.join('\n')}`);
  const output = `\n# a password was shown\n${shown.join('\n')}`;
  return { passed: 0, failed: leaks.length, output };
}

/** Provides what is needed, and returns what could not be provided. Only a failure counts. */
async function provide(needs, add) {
  const missing = new Set();
  for (const [need, preparation] of Object.entries(preparations)) {
    if (!needs.has(need)) continue;
    // The addon is built with what is among the node modules.
    if (need === 'addon' && missing.has('modules')) {
      missing.add(need);
      continue;
    }
    const startedAt = performance.now();
    let announced = false;
    const announce = (text) => {
      announced = true;
      console.log(`\n# ${text}`);
    };
    const { ok, output } = await preparation({ announce, echo: options.verbose });
    if (!ok) {
      missing.add(need);
      add({ passed: 0, failed: 1, output });
    }
    if (announced) console.log(`${ok ? 'ok' : 'FAILED'}: ${since(startedAt)}`);
  }
  return missing;
}

function chosenSteps() {
  if (options.checks) return steps.filter(({ check }) => check);
  const names = options.only?.flatMap((list) => list.split(','));
  // Names of test files alone mean the JavaScript tests.
  if (!names) return files.length ? steps.filter(({ name }) => name === 'js') : steps;
  const unknown = names.find((name) => !steps.some((step) => step.name === name));
  if (unknown !== undefined) {
    console.error(`there is no step '${unknown}'\n\n${help}`);
    process.exit(2);
  }
  return steps.filter(({ name }) => names.includes(name));
}

function since(startedAt) {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}
