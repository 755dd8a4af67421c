// The packages of npm/, one for each platform, which bring the compiled part.

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

export const root = path.join(__dirname, '..');
const directory = path.join(root, 'npm');

/** Their names after `incumbent-`: linux-x64-gnu. */
export const platforms = readdirSync(directory).sort();

export const folderOf = (platform: string) => path.join(directory, platform);

export const addonOf = (platform: string) => `incumbent.${platform}.node`;

export type Manifest = Record<string, any> & { name: string; version: string };

export const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
