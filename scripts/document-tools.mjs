// What generates the reference, and what the tests of the documents read and run: a package of its own in docs/, since
// typedoc needs another TypeScript than the rest.

import path from 'node:path';
import { install } from './prepare.mjs';
import { root, run } from './run.mjs';

const directory = path.join(root, 'docs');

/** @returns {Promise<{ ok: boolean, output: string }>} */
export function installDocumentTools(options) {
  return install({ ...options, directory });
}

/**
 * Generates the reference from index.d.ts, as HTML. A warning is an error: of a link that leads nowhere, of anything public
 * without a word to it.
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function generateReference({ out = path.join(directory, 'reference'), echo = false } = {}) {
  const typedoc = path.join(directory, 'node_modules', '.bin', 'typedoc');
  return run(typedoc, ['--options', 'typedoc.json', '--out', out], { cwd: directory, echo });
}
