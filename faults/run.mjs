// `npm run faults`: provides what is missing (node modules, addon, redis-server, openssl), then runs main.ts.

import { provideOpenssl } from '../scripts/openssl.mjs';
import { provideRedis } from '../scripts/redis.mjs';
import { startMain } from '../scripts/start-main.mjs';

await startMain(new URL('./main.ts', import.meta.url), [provideRedis, provideOpenssl]);
