// What `npm test` runs, in this order: cheap checks first.

import path from 'node:path';
import { provideChromium } from './chromium.mjs';
import { build, install } from './prepare.mjs';
import { installDocumentTools } from './document-tools.mjs';
import { installExamples } from './examples.mjs';
import { installRuntimes } from './runtimes.mjs';
import { provideOpenssl } from './openssl.mjs';
import { providePostgres } from './postgres.mjs';
import { provideRedis } from './redis.mjs';
import { buildRustExamples } from './rust-examples.mjs';
import { jsTests } from './js-tests.mjs';
import { checkCrate } from './crate.mjs';
import { installed, root, run } from './run.mjs';

/**
 * @typedef {{ passed: number, failed: number, output: string }} Result `output` is shown when something failed.
 * @typedef {{ echo: boolean, files: string[], announce: (text: string) => void }} Context
 * @typedef {object} Step
 * @property {string} name for `--only`
 * @property {string} does the heading
 * @property {('modules' | 'redis' | 'openssl' | 'chromium' | 'addon' | 'documentTools' | 'runtimes' | 'examples' | 'rustExamples' | 'postgres')[]} needs
 * @property {boolean} [check] whether it is a check, not a test: `npm run check` runs these
 * @property {(context: Context) => Promise<Result>} run
 */

/** @type {Step[]} */
export const steps = [
  {
    name: 'rustfmt',
    does: 'the form of the Rust code',
    needs: [],
    check: true,
    run: (context) => check(context, 'cargo', ['fmt', '--check']),
  },
  {
    name: 'prettier',
    does: 'the form of everything else',
    needs: ['modules'],
    check: true,
    run: (context) => check(context, installed('prettier'), ['--check', '.']),
  },
  {
    name: 'types',
    does: 'the types of the tests, and the typings of the package',
    needs: ['modules', 'documentTools'],
    check: true,
    run: (context) => check(context, installed('tsc'), ['--project', 'tsconfig.json']),
  },
  {
    name: 'planted',
    does: 'whether the known bugs can still be planted',
    needs: [],
    check: true,
    run: (context) => check(context, process.execPath, ['planted/run.mjs', '--texts']),
  },
  {
    name: 'clippy',
    does: 'the lints of the crate',
    needs: [],
    check: true,
    run: (context) => clippy(context, ['--workspace', '--all-targets']),
  },
  {
    name: 'clippy-node',
    does: 'the lints of the addon',
    needs: [],
    check: true,
    run: (context) => clippy(context, ['--features', 'node']),
  },
  {
    name: 'rust',
    does: 'the tests of the crate',
    needs: ['redis'],
    run: (context) => cargoTests(context, ['--no-fail-fast']),
  },
  {
    name: 'crate',
    does: 'the documents of the crate, and the crate as it would be published',
    needs: [],
    check: true,
    run: checkCrate,
  },
  {
    name: 'model',
    does: 'the model of the election, in small',
    needs: [],
    run: (context) => cargoTests(context, ['--release', '--package', 'incumbent-model']),
  },
  {
    name: 'package',
    does: 'the packages, as users install them',
    needs: ['modules', 'addon'],
    check: true,
    run: ({ echo }) => jsTests({ only: [], echo, directory: 'packaging/__test__' }),
  },
  {
    name: 'js',
    does: 'the JavaScript tests',
    needs: ['modules', 'redis', 'openssl', 'chromium', 'addon'],
    run: ({ files, echo }) => jsTests({ only: files, echo }),
  },
  {
    name: 'documents',
    does: 'the documents: every block of code, every link and table, and the reference',
    needs: ['modules', 'redis', 'addon', 'documentTools'],
    run: ({ files, echo }) => jsTests({ only: files, echo, directory: 'docs/__test__' }),
  },
  {
    name: 'runtimes',
    does: 'other runtimes, bundlers and test runners, and processes that end at any moment, in short',
    needs: ['modules', 'redis', 'openssl', 'addon', 'runtimes'],
    run: otherPlaces,
  },
  {
    name: 'examples',
    does: 'the examples, as programs of their own',
    needs: ['modules', 'redis', 'addon', 'examples', 'rustExamples', 'postgres'],
    run: ({ files, echo }) => jsTests({ only: files, echo, directory: 'examples/__test__' }),
  },
  {
    name: 'faults',
    does: 'the faults on real processes and a real Redis, in short',
    needs: ['modules', 'redis', 'openssl', 'addon'],
    run: faultSuite,
  },
];

/** What steps need; each does nothing where it is there already. */
export const preparations = {
  modules: install,
  redis: provideRedis,
  openssl: provideOpenssl,
  chromium: provideChromium,
  addon: build,
  documentTools: installDocumentTools,
  runtimes: installRuntimes,
  examples: installExamples,
  rustExamples: buildRustExamples,
  postgres: providePostgres,
};

async function check({ echo }, command, args) {
  const { ok, output } = await run(command, args, { echo });
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, output };
}

// What napi exports to JavaScript looks unused to a build of the tests, so the addon is looked at without them.
function clippy(context, options) {
  return check(context, 'cargo', ['clippy', ...options, '--', '-D', 'warnings']);
}

// A fault counts as a test.
function faultSuite({ echo }) {
  return program({ echo }, 'faults/main.ts', []);
}

async function otherPlaces({ echo }) {
  const results = [
    await program({ echo }, 'packaging/runtimes/main.ts', ['--short']),
    await program({ echo }, 'packaging/endings/main.ts', ['--rounds', '60']),
    await jsTests({ only: [], echo, directory: 'packaging/tools/__test__' }),
  ];
  const sum = (field) => results.reduce((total, result) => total + result[field], 0);
  const output = results.map((result) => (result.failed ? result.output : '')).join('');
  return { passed: sum('passed'), failed: sum('failed'), output };
}

// Its closing line says how many passed.
async function program({ echo }, file, args) {
  const main = path.join(root, file);
  const { ok, output } = await run(process.execPath, ['--import', 'tsx', main, ...args], { echo });
  const [, passed, failed] = output.match(/^(\d+) passed, (\d+) failed$/m)?.map(Number) ?? [];
  if (passed === undefined) return { passed: 0, failed: 1, output };
  return { passed, failed: ok ? failed : Math.max(1, failed), output };
}

async function cargoTests({ echo }, args) {
  const { ok, output } = await run('cargo', ['test', ...args], {
    echo,
    env: { CARGO_TERM_COLOR: 'never' },
  });
  // One such line for each binary of tests.
  const results = [...output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)];
  const sum = (group) => results.reduce((total, result) => total + Number(result[group]), 0);
  const passed = sum(1);
  const failed = sum(2);
  // Without a failed test, it did not compile, or a test took its whole binary down.
  return { passed, failed: !ok && failed === 0 ? 1 : failed, output };
}
