// `node packaging/build.mjs PLATFORM`: builds the addon of a platform as it is published, into the root. For Linux it takes cargo-zigbuild, which links for
// glibc 2.17, or for musl, on any machine; for macOS and Windows the system's own tools. Needs nothing from node_modules.

import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const oldestGlibc = '2.17';

const targets = {
  'linux-x64-gnu': 'x86_64-unknown-linux-gnu',
  'linux-x64-musl': 'x86_64-unknown-linux-musl',
  'linux-arm64-gnu': 'aarch64-unknown-linux-gnu',
  'linux-arm64-musl': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
  'win32-x64-msvc': 'x86_64-pc-windows-msvc',
  'win32-arm64-msvc': 'aarch64-pc-windows-msvc',
};
const libraries = {
  linux: 'libincumbent.so',
  darwin: 'libincumbent.dylib',
  win32: 'incumbent.dll',
};

build(process.argv[2]);

function build(platform) {
  const target = targets[platform];
  if (!target) {
    fail(`which platform? One of ${Object.keys(targets).join(', ')}`);
    return;
  }
  const [os, , libc] = platform.split('-');
  const command = os === 'linux' ? 'zigbuild' : 'build';
  const linkedFor = libc === 'gnu' ? `${target}.${oldestGlibc}` : target;
  const what = ['--locked', '--release', '--lib', '--features', 'node', '--target', linkedFor];
  if (!run('rustup', ['target', 'add', target]) || !run('cargo', [command, ...what])) return;

  const folder = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');
  const built = path.join(folder, target, 'release', libraries[os]);
  const needs = newestGlibc(built);
  if (libc === 'gnu' && isNewer(needs, oldestGlibc)) {
    fail(`${built} needs glibc ${needs}; it was to run with ${oldestGlibc}`);
    return;
  }
  copyFileSync(built, path.join(root, `incumbent.${platform}.node`));
  console.log(`incumbent.${platform}.node${needs ? `, which needs glibc ${needs}` : ''}`);
}

/** The newest version of glibc that symbols of a file are bound to. */
function newestGlibc(file) {
  const versions = readFileSync(file, 'latin1').matchAll(/\0GLIBC_(\d+\.\d+(\.\d+)?)(?=\0)/g);
  return [...versions].map(([, version]) => version).reduce(newer, '');
}

const newer = (one, other) => (isNewer(other, one) ? other : one);

function isNewer(one, other) {
  return one.localeCompare(other, 'en', { numeric: true }) > 0;
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
  return status === 0;
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}
