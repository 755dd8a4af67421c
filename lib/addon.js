'use strict';

const { existsSync } = require('node:fs');
const path = require('node:path');
const { version } = require('../package.json');
const { IncumbentError } = require('./errors.js');
const { PLATFORMS, glibcVersion, platformName } = require('./platform.js');

/**
 * The compiled part, from the first of `sources` that has it. Each is called with the name of this
 * platform; it returns nothing, or throws, when it has none.
 */
function loadAddon(...sources) {
  const platform = platformName();
  let failure;
  for (const load of sources) {
    try {
      const addon = load(platform);
      if (addon) return ofThisVersion(addon, platform);
    } catch (error) {
      if (error instanceof IncumbentError) throw error;
      // One that is there tells more than one that is not.
      if (!failure || isMissing(failure)) failure = error;
    }
  }
  const problem = explain(platform, failure, packagesBeside());
  throw new IncumbentError('ERR_NATIVE_MISSING', problem, { cause: failure });
}

/** Both parts speak a language of their own, which changes with any version. */
function ofThisVersion(addon, platform) {
  const other = addon.version?.() ?? 'another';
  if (other === version) return addon;
  const problem =
    `${whichOne(platform)} The one that was found is of version ${other}, and incumbent of ${version}. ` +
    `Remove node_modules and install again; in a source checkout: npm run build.`;
  throw new IncumbentError('ERR_NATIVE_MISSING', problem);
}

/** What is wrong, and the remedy. `installed`: the platforms whose packages are there. */
function explain(platform, failure, installed) {
  const name = `incumbent-${platform}`;
  if (failure && !isMissing(failure)) {
    const reason = String(failure.message).split('\n', 1)[0];
    return `${whichOne(platform)} The file is there, but could not be loaded: ${reason}. ${afterRefusal(reason)}`;
  }
  if (!PLATFORMS.includes(platform)) {
    return (
      `${whichOne(platform)} There are packages for ${PLATFORMS.join(', ')}. For this one, build it from source: ` +
      'in a checkout, npm ci && npm run build, and then install that folder, npm install <folder>.'
    );
  }
  const looked = `${whichOne(platform)} Looked for the package "${name}", and for incumbent.${platform}.node in the package "incumbent".`;
  if (installed.includes(platform)) {
    return `${looked} The package is there, but without its file: remove node_modules, and install again.`;
  }
  if (installed.length) {
    return (
      `${looked} There is ${installed.map((other) => `"incumbent-${other}"`).join(', ')}: node_modules was installed on, ` +
      'or for, another platform. Install on this one (npm ci), and copy no node_modules from another, as into a container; ' +
      `or install for this one: ${installFor(platform)}.`
    );
  }
  return (
    `${looked} It is an optional dependency, which npm installs by itself, but not with --omit=optional (or "omit" in .npmrc), ` +
    'nor where the lock file was written on another platform and names no package for this one. ' +
    'Install with optional dependencies; if it is still missing, remove node_modules and the lock file, and run npm install. ' +
    'In a source checkout: npm ci && npm run build.'
  );
}

function whichOne(platform) {
  return `no usable native addon for ${platform} (${runtime()}).`;
}

function runtime() {
  const { bun, deno, electron, node } = process.versions;
  if (bun) return `Bun ${bun}`;
  if (deno) return `Deno ${deno}`;
  if (electron) return `Electron ${electron}`;
  return `Node.js ${node}`;
}

/** The remedy, by what the system said when it refused the file. */
function afterRefusal(reason) {
  if (/GLIBC_[\d.]+/.test(reason)) {
    return `It needs glibc 2.17 or newer; this system has ${glibcVersion() ?? 'another C library'}.`;
  }
  if (/failed to map segment|Operation not permitted/.test(reason)) {
    return 'The file system on which node_modules lies may forbid to run code (the mount option noexec).';
  }
  return 'It may be damaged, or that of another platform: remove node_modules, and install again on this one.';
}

function installFor(platform) {
  const [os, cpu, libc] = platform.split('-');
  const which = os === 'linux' ? ` --libc=${libc === 'gnu' ? 'glibc' : libc}` : '';
  return `npm install --os=${os} --cpu=${cpu}${which}`;
}

function isMissing(error) {
  return /^(ERR_)?MODULE_NOT_FOUND$/.test(error.code);
}

/** The platforms whose packages lie where that of this one would. */
function packagesBeside() {
  const folders = require.resolve.paths?.('incumbent') ?? [];
  return PLATFORMS.filter((platform) =>
    folders.some((folder) => existsSync(path.join(folder, `incumbent-${platform}`))),
  );
}

module.exports = { explain, loadAddon };
