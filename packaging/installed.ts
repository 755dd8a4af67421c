// Puts the packages into a folder's node_modules as npm does for a user, from the addon that was
// built here. For programs that are to run what is published: the benchmark, other runtimes.

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root } from './platforms.ts';
import { stagePackage, stagePlatform } from './stage.ts';

const { platformName } = require('../lib/platform.js');

export async function putInto(modules: string): Promise<void> {
  const platform: string = platformName();
  const [main, addon] = ['incumbent', `incumbent-${platform}`].map((name) =>
    path.join(modules, name),
  );
  for (const folder of [main!, addon!]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(main!, { recursive: true });
  await stagePackage(main!);
  stagePlatform(platform, root, addon!);
}
