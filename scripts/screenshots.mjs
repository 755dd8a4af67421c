// `npm run screenshots`: takes the pictures of the dashboard that the documents show, into docs/images/.

import path from 'node:path';
import { provideChromium } from './chromium.mjs';
import { prepare } from './prepare.mjs';
import { root, run } from './run.mjs';

await prepare();
const chromium = await provideChromium({ announce: console.log });
const taken = chromium.ok
  ? await run(process.execPath, [
      '--import',
      'tsx',
      path.join(root, '__test__/screenshots/take.ts'),
    ])
  : chromium;
console.log(taken.output.trimEnd());
process.exitCode = taken.ok ? 0 : 1;
