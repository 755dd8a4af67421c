// `npm run demo`: the demo of the command line, in a clone that may not be built yet.

import { prepare } from './prepare.mjs';

await prepare();
process.argv.splice(2, 0, 'demo');
await import('../lib/cli/main.js');
