// Provides the redis-server that the tests start.

import { provideServer } from './debian.mjs';

/** @returns {Promise<{ ok: boolean, output: string }>} */
export function provideRedis({ announce = (_text) => {}, echo = false } = {}) {
  return provideServer({
    variable: 'INCUMBENT_REDIS_SERVER',
    command: 'redis-server',
    debianPackage: 'redis-server',
    advice:
      'redis-server was not found: install Redis 6.2 or newer, or set INCUMBENT_REDIS_SERVER to the path of its server',
    announce,
    echo,
  });
}
