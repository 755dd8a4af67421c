// Installs what the examples depend on: each is a package of its own.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { install } from './prepare.mjs';
import { root } from './run.mjs';

/** @returns {Promise<{ ok: boolean, output: string }>} */
export async function installExamples(options) {
  const examples = path.join(root, 'examples');
  for (const name of readdirSync(examples)) {
    const directory = path.join(examples, name);
    if (!existsSync(path.join(directory, 'package.json'))) continue;
    const outcome = await install({ ...options, directory });
    if (!outcome.ok) return outcome;
  }
  return { ok: true, output: '' };
}
