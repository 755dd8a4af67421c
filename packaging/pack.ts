// Packs all that is published, from the addons of all platforms.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { manifestIn, platforms, type Manifest } from './platforms.ts';
import { stagePackage, stagePlatform } from './stage.ts';

export interface Packed {
  name: string;
  /** The file. */
  tarball: string;
  manifest: Manifest;
  /** In bytes. */
  packedSize: number;
  unpackedSize: number;
}

/**
 * The packages in the order in which they are to be published: those of the platforms first. `addons` is the folder with the addons, `repository`
 * where the source is, which npm compares with where a package with provenance was built.
 */
export async function packAll({
  addons,
  into,
  repository,
}: {
  addons: string;
  into: string;
  repository?: string | undefined;
}): Promise<Packed[]> {
  const staging = mkdtempSync(path.join(os.tmpdir(), 'incumbent-stage-'));
  try {
    const ofPlatforms = platforms.map((platform) => {
      const folder = path.join(staging, platform);
      stagePlatform(platform, addons, folder);
      return folder;
    });
    const last = path.join(staging, 'incumbent');
    mkdirSync(last);
    await stagePackage(last);
    const folders = [...ofPlatforms, last];
    if (repository) for (const folder of folders) nameRepository(folder, repository);
    return await pack(folders, into);
  } finally {
    rmSync(staging, { recursive: true });
  }
}

async function pack(folders: string[], into: string): Promise<Packed[]> {
  mkdirSync(into, { recursive: true });
  const args = ['pack', '--silent', '--json', '--pack-destination', into, ...folders];
  // The report names every file.
  const { stdout } = await promisify(execFile)('npm', args, { maxBuffer: 2 ** 26 });
  // An array, or an object by name.
  const told: Told[] = Object.values(JSON.parse(stdout));
  return folders.map((folder) => {
    const manifest = manifestIn(folder);
    const { filename, size, unpackedSize } = told.find(({ name }) => name === manifest.name)!;
    const tarball = path.join(into, filename);
    return { name: manifest.name, tarball, manifest, packedSize: size, unpackedSize };
  });
}

/** What npm says of a package that it has packed. */
interface Told {
  name: string;
  filename: string;
  size: number;
  unpackedSize: number;
}

function nameRepository(folder: string, url: string): void {
  const manifest = { ...manifestIn(folder), repository: { type: 'git', url } };
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
