// Makes a clone ready to run: the node modules installed, the addon built. Does only what is missing or stale, and says
// nothing when all is fresh. Uses nothing from node_modules, which may not be there yet.

import { existsSync, readFileSync, readdirSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { root, run } from './run.mjs';

/** @typedef {{ ok: boolean, output: string }} Outcome */

/** Prepares everything; throws with the whole output of what failed. */
export async function prepare() {
  for (const step of [install, build]) {
    const { ok, output } = await step({ announce: (text) => console.log(text) });
    if (!ok) throw new Error(`the preparation failed\n${output}`);
  }
}

/**
 * Installs the node modules where they differ from package-lock.json.
 * @param {{ announce?: (text: string) => void, echo?: boolean, directory?: string }} [options] `directory`: that of the
 *   package; without it, the root of the project.
 * @returns {Promise<Outcome>}
 */
export async function install({ announce = silent, echo = false, directory = root } = {}) {
  if (modulesAreFresh(directory)) return { ok: true, output: '' };
  const whose = path.relative(root, directory);
  announce(`Installing the node modules${whose && ` of ${whose}`} …`);
  return run('npm', ['ci'], { echo, cwd: directory });
}

/**
 * Builds the addon where a source is newer than it.
 * @returns {Promise<Outcome>}
 */
export async function build({ announce = silent, echo = false } = {}) {
  const built = addon();
  if (built && existsSync(typings) && modifiedAt(built) >= newestSource()) {
    return { ok: true, output: '' };
  }
  announce('Building the addon (the first build takes a minute or two) …');
  const startedAt = new Date();
  const outcome = await run('npm', ['run', 'build'], { echo });
  // The addon is as new as the sources it was made of: one that changed during the build is newer.
  if (outcome.ok) utimesSync(addon(), startedAt, startedAt);
  return outcome;
}

/** @param {string} _text */
const silent = (_text) => {};

// npm keeps what it has installed in a lock file of its own. Content is compared, not time: a checkout touches files.
function modulesAreFresh(directory) {
  const wanted = lockedPackages(path.join(directory, 'package-lock.json'));
  const found = lockedPackages(path.join(directory, 'node_modules/.package-lock.json'));
  if (!found) return false;
  return Object.entries(wanted).every(([location, { version, optional, devOptional }]) => {
    if (location === '') return true;
    const there = found[location];
    // Optional packages are those of other platforms.
    if (!there) return Boolean(optional || devOptional);
    return there.version === version && existsSync(path.join(directory, location));
  });
}

function lockedPackages(file) {
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

const typings = path.join(root, 'native.d.ts');

function addon() {
  const name = readdirSync(root).find((entry) => entry.endsWith('.node'));
  return name && path.join(root, name);
}

function newestSource() {
  const files = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'package.json']
    .map((name) => path.join(root, name))
    .filter((file) => existsSync(file));
  // Directories count too: their time changes when a file in them is removed.
  const tree = [path.join(root, 'src')];
  for (const entry of readdirSync(tree[0], { recursive: true }))
    tree.push(path.join(tree[0], entry));
  return Math.max(...[...files, ...tree].map(modifiedAt));
}

const modifiedAt = (file) => statSync(file).mtimeMs;
