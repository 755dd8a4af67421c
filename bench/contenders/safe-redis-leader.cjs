'use strict';
// As its README shows, over ioredis. It takes part from elect() to shutdown().

const { Redis } = require('ioredis');
const { createSafeRedisLeader } = require('safe-redis-leader');

/** @param {any} settings */
module.exports = ({ url, kind, options, elected, failed }) => {
  const redis = new Redis(url, { lazyConnect: true });
  redis.on('error', failed);
  /** @type {any} */
  let leader;
  return {
    async start() {
      if (redis.status === 'wait') await redis.connect();
      leader = await createSafeRedisLeader({ asyncRedis: redis, key: kind, ...options });
      leader.on('elected', elected);
      leader.on('error', failed);
      await leader.elect();
    },
    stop: () => leader.shutdown(),
  };
};
