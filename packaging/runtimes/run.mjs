// `npm run runtimes`: provides the runtimes and the rest, then runs main.ts. `-- --short` takes some of the tests, `--only bun` one of the runtimes, and
// words the files whose names contain one.

import { provideOpenssl } from '../../scripts/openssl.mjs';
import { provideRedis } from '../../scripts/redis.mjs';
import { installRuntimes } from '../../scripts/runtimes.mjs';
import { startMain } from '../../scripts/start-main.mjs';

await startMain(new URL('./main.ts', import.meta.url), [
  installRuntimes,
  provideRedis,
  provideOpenssl,
]);
