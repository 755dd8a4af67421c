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

/** Of our own, with what is bundled with them: two, where `npm run bench` has laid them out. */
export function ownFootprint(modules: string): Footprint & { addonBytes: number } {
  const names = readdirSync(modules).filter((name) => name.startsWith('incumbent'));
  const sizes = names.map((name) => bytesIn(path.join(modules, name)));
  const addon = names.find((name) => name !== 'incumbent');
  if (!addon) throw new Error('the packages are not laid out: npm run bench does so');
  const { main } = JSON.parse(readFileSync(path.join(modules, addon, 'package.json'), 'utf8'));
  const addonBytes = statSync(path.join(modules, addon, main)).size;
  return { packages: names.length, bytes: sizes.reduce((sum, size) => sum + size), addonBytes };
}

function bytesIn(file: string): number {
  const about = statSync(file);
  if (!about.isDirectory()) return about.size;
  return readdirSync(file).reduce((sum, name) => sum + bytesIn(path.join(file, name)), 0);
}
