'use strict';

const path = require('node:path');

const installed = process.env.INCUMBENT_INSTALLED;

/** The folder of the package: as it is published, which `npm run bench` lays out; in the tests of the benchmark that of the source. */
module.exports = installed
  ? path.join(installed, 'node_modules', 'incumbent')
  : path.join(__dirname, '..');
