import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** What a package and all that it depends on take on the disk. */
export interface Footprint {
  packages: number;
  bytes: number;
}

/** Of an installed package. `modules`: the folder `node_modules` that has it. */
export function footprintOf(names: string[], modules: string): Footprint {
  const found = new Set<string>();
  for (const name of names) addWithDependencies(name, modules, found);
  const bytes = [...found].reduce((sum, directory) => sum + bytesIn(directory), 0);
  return { packages: found.size, bytes };
}

function addWithDependencies(name: string, modules: string, found: Set<string>): void {
  const directory = path.join(modules, name);
  // A package for another platform is not installed.
  if (found.has(directory) || !existsSync(directory)) return;
  found.add(directory);
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync(path.join(directory, 'package.json'), 'utf8'),
  );
  for (const other of Object.keys({ ...dependencies, ...optionalDependencies }))
    addWithDependencies(other, nearest(other, directory, modules), found);
}

/** A package can have another version of a dependency for itself. */
function nearest(name: string, directory: string, modules: string): string {
  const own = path.join(directory, 'node_modules');
  return existsSync(path.join(own, name)) ? own : modules;
}

/** The packages as they are published: what package.json lists, and the one with the addon of this platform. */
export function ownFootprint(root: string): Footprint & { addonBytes: number } {
  const about = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const always = ['package.json', 'README.md', 'LICENSE'];
  const bundled = about.bundleDependencies.map((name: string) => path.join('node_modules', name));
  const bytes = [...about.files, ...always, ...bundled]
    .map((name: string) => path.join(root, name))
    .reduce((sum, file) => sum + bytesIn(file), 0);
  const addon = readdirSync(root).find((name) => name.endsWith('.node'));
  if (!addon) throw new Error('the addon is not built');
  const addonBytes = statSync(path.join(root, addon)).size;
  return { packages: 2, bytes: bytes + addonBytes, addonBytes };
}

function bytesIn(file: string): number {
  const about = statSync(file);
  if (!about.isDirectory()) return about.size;
  return readdirSync(file).reduce((sum, name) => sum + bytesIn(path.join(file, name)), 0);
}
