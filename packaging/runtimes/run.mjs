// `npm run runtimes`: provides the runtimes and the rest, then runs main.ts. `-- --short` takes some of the tests, `--only bun` one of the runtimes, and
// words the files whose names contain one.

import { fileURLToPath } from 'node:url';
import { provideOpenssl } from '../../scripts/openssl.mjs';
import { install } from '../../scripts/prepare.mjs';
import { provideRedis } from '../../scripts/redis.mjs';
import { startMain } from '../../scripts/start-main.mjs';

const directory = fileURLToPath(new URL('.', import.meta.url));

await startMain(new URL('./main.ts', import.meta.url), [
  ({ announce }) => install({ announce, directory }),
  provideRedis,
  provideOpenssl,
]);
