'use strict';

// The compiled part: of this folder, where `npm run build` leaves it, else of the package of this
// platform, which npm installs as one of the optional dependencies.

const { loadAddon } = require('./lib/addon.js');

module.exports = loadAddon(fromThisFolder, fromItsPackage);

function fromThisFolder(platform) {
  // The name is put together here, lest bundlers look for the files of all platforms.
  const file = `${__dirname}/incumbent.${platform}.node`;
  return require(file);
}

// Each name in full, where bundlers and tracers find it; in `try`, so that they let the others be missing.
function fromItsPackage(platform) {
  try {
    switch (platform) {
      case 'linux-x64-gnu':
        return require('incumbent-linux-x64-gnu');
      case 'linux-x64-musl':
        return require('incumbent-linux-x64-musl');
      case 'linux-arm64-gnu':
        return require('incumbent-linux-arm64-gnu');
      case 'linux-arm64-musl':
        return require('incumbent-linux-arm64-musl');
      case 'darwin-x64':
        return require('incumbent-darwin-x64');
      case 'darwin-arm64':
        return require('incumbent-darwin-arm64');
      case 'win32-x64-msvc':
        return require('incumbent-win32-x64-msvc');
      case 'win32-arm64-msvc':
        return require('incumbent-win32-arm64-msvc');
    }
  } catch (error) {
    throw error;
  }
  return undefined;
}
