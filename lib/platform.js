'use strict';

const { closeSync, openSync, readSync } = require('node:fs');

/** Those that a package `incumbent-<platform>` exists for, as napi names them. */
const PLATFORMS = Object.freeze([
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
  'win32-arm64-msvc',
]);

/** That of this process, in the same way. */
function platformName({ platform, arch } = process) {
  if (platform === 'win32') return `${platform}-${arch}-msvc`;
  if (platform !== 'linux') return `${platform}-${arch}`;
  return `${platform}-${arch}-${libc()}`;
}

/**
 * The C library of this process. The file that runs names its loader at its start: a look there
 * takes a fiftieth of the time of `process.report`, and is right where both libraries are installed.
 */
function libc(executable = process.execPath) {
  const loader = /\/ld-(musl|linux)[-.]/.exec(startOf(executable))?.[1];
  if (loader) return loader === 'musl' ? 'musl' : 'gnu';
  return glibcVersion() ? 'gnu' : 'musl';
}

function startOf(file) {
  const start = Buffer.alloc(4096);
  try {
    const opened = openSync(file);
    try {
      readSync(opened, start);
    } finally {
      closeSync(opened);
    }
  } catch {
    // It was replaced or deleted while it runs: the report knows.
  }
  return start.toString('latin1');
}

/** That of this process; none with musl, and where a runtime does not tell it. */
function glibcVersion() {
  const { report } = process;
  if (!report) return undefined;
  // It would else look up the names of all that this process is connected to.
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    return report.getReport()?.header?.glibcVersionRuntime;
  } catch {
    return undefined;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

module.exports = { PLATFORMS, glibcVersion, libc, platformName };
