// Makes a program of each test file that any runtime takes: one CommonJS file, with all that it needs, the JavaScript of the package included.

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { root } from '../platforms.ts';

const directory = path.join(root, '__test__');

/**
 * These test no part of the library, but the tools of the project, and the command `incumbent` with the dashboard: whatever
 * installs that, its first line has Node.js run it.
 */
const ofTools = /^(bench|cli|dashboard|demo|doctor|faults|migrate-rounds|readme|start-main)/;

/** The names of the test files, without their ending. */
export function testNames(words: string[]): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.test.ts') && !ofTools.test(file))
    .map((file) => file.replace('.test.ts', ''))
    .filter((name) => !words.length || words.some((word) => name.includes(word)))
    .sort();
}

export async function compile(names: string[], outdir: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: names.map((name) => path.join(directory, `${name}.test.ts`)),
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['incumbent-*'],
    alias: {
      'node:test': path.join(__dirname, 'test-runner.ts'),
      // One copy, also where a test looks into it.
      incumbent: path.join(root, 'index.js'),
    },
    plugins: [whereItWas],
    logLevel: 'error',
  });
}

/** Tests find their programs beside themselves. */
const whereItWas: Plugin = {
  name: 'where-it-was',
  setup({ onLoad }) {
    onLoad({ filter: /\.(ts|cjs|js)$/ }, ({ path: file }) => {
      if (file.includes('node_modules')) return undefined;
      const text = readFileSync(file, 'utf8');
      const folder = `const __dirname = ${JSON.stringify(path.dirname(file))};`;
      const contents = text.replace(/^('use strict';)?/, `$1${folder}`);
      return { contents, loader: file.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};
