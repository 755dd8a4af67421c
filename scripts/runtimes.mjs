// Installs the other runtimes, and the bundlers and test runners that the packages are tried with.

import path from 'node:path';
import { install } from './prepare.mjs';
import { root } from './run.mjs';

/** @returns {Promise<{ ok: boolean, output: string }>} */
export async function installRuntimes(options) {
  for (const name of ['runtimes', 'tools']) {
    const outcome = await install({ ...options, directory: path.join(root, 'packaging', name) });
    if (!outcome.ok) return outcome;
  }
  return { ok: true, output: '' };
}
