// What a user's `npm install` would fetch: the package, and that of this machine's platform with the addon, as tarballs.

import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { stagePackage, stagePlatform } from '../../packaging/stage.ts';
import { root } from './document.ts';

const { platformName } = require('../../lib/platform.js');

const execute = promisify(execFile);

/** Packs both, and gives the paths of the tarballs. */
export async function packAll(into: string): Promise<string[]> {
  const [main, platform] = ['main', 'platform'].map((name) => path.join(into, name));
  mkdirSync(main!);
  await stagePackage(main!);
  stagePlatform(platformName(), root, platform!);
  await execute('npm', ['pack', '--pack-destination', into, main!, platform!]);
  return readdirSync(into)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => path.join(into, name));
}
