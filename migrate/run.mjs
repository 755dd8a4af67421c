// `npm run migrate`: provides what is missing (node modules, addon, redis-server), then runs main.ts.

import { provideRedis } from '../scripts/redis.mjs';
import { startMain } from '../scripts/start-main.mjs';

await startMain(new URL('./main.ts', import.meta.url), [provideRedis]);
