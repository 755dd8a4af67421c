// What a user's `npm install` would fetch: the package, and that of this machine's platform with the addon, as tarballs.

import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from './document.ts';

const execute = promisify(execFile);

/** Packs both, and gives the paths of the tarballs. */
export async function packAll(into: string): Promise<string[]> {
  const addon = readdirSync(root).find((name) => name.endsWith('.node'));
  if (addon === undefined) throw new Error('the addon is not built');
  const platform = path.join(into, 'platform');
  cpSync(path.join(root, 'npm', addon.split('.')[1]!), platform, { recursive: true });
  copyFileSync(path.join(root, addon), path.join(platform, addon));
  await execute('npm', ['pack', '--pack-destination', into, root, platform]);
  return readdirSync(into)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => path.join(into, name));
}
