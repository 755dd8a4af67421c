// `npm run endings [-- --rounds N]`: provides what is missing, then runs main.ts.

import { provideRedis } from '../../scripts/redis.mjs';
import { startMain } from '../../scripts/start-main.mjs';

await startMain(new URL('./main.ts', import.meta.url), [provideRedis]);
