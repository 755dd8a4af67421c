// The packages as users have them, for what is to run these and not the source.

import path from 'node:path';
import { root, run } from './run.mjs';

/**
 * Puts them into the node_modules of a folder, from the addon that was built here.
 * @param {string} folder
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function installPackages(folder) {
  const program = path.join(root, 'packaging', 'put.ts');
  return run(process.execPath, ['--import', 'tsx', program, folder]);
}
