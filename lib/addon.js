'use strict';

const { IncumbentError } = require('./errors.js');

/**
 * Loads the compiled part. `load` requires the generated loader, which picks the file for this
 * platform.
 */
function loadAddon(load) {
  try {
    return load();
  } catch (cause) {
    throw new IncumbentError('ERR_NATIVE_MISSING', explain(cause), { cause });
  }
}

function explain(cause) {
  const platform = platformName();
  const refusal = loadFailure(cause);
  return [
    `no usable native addon for ${platform} (Node.js ${process.version}).`,
    `Looked for incumbent.${platform}.node in the package "incumbent" and for the package "incumbent-${platform}".`,
    refusal && `The file is there, but could not be loaded: ${refusal}`,
    'Install on the platform that it shall run on, with optional dependencies (no --omit=optional), ' +
      'or build it in a source checkout: npm ci && npm run build.',
  ]
    .filter(Boolean)
    .join(' ');
}

/** As napi names platforms: linux-x64-gnu, darwin-arm64, win32-x64-msvc. */
function platformName() {
  const { platform, arch } = process;
  if (platform === 'win32') return `${platform}-${arch}-msvc`;
  if (platform !== 'linux') return `${platform}-${arch}`;
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  return `${platform}-${arch}-${glibc ? 'gnu' : 'musl'}`;
}

/**
 * Of the errors that the loader gathered, the one that is not 'no such file': a glibc too old, say.
 */
function loadFailure(error) {
  for (let one = error, depth = 0; one && depth < 20; one = one.cause, depth++) {
    if (one.code === 'ERR_DLOPEN_FAILED') return one.message.split('\n', 1)[0];
  }
  return undefined;
}

module.exports = { loadAddon };
