'use strict';
// The loop that a lock needs to be an election: acquire, extend before it expires, release. Its settings are its defaults: 10
// attempts, 200 to 400 ms apart, and an extension 500 ms before the end (automaticExtensionThreshold).

const { Redis } = require('ioredis');
const { default: Redlock } = require('redlock');

const extensionThresholdMs = 500;

/** @param {any} settings */
module.exports = ({ url, kind, options: { durationMs }, elected, failed }) => {
  const redis = new Redis(url, { lazyConnect: true });
  redis.on('error', failed);
  const redlock = new Redlock([redis]);
  redlock.on('error', (/** @type {Error} */ error) => {
    if (error.name !== 'ResourceLockedError') failed(error);
  });
  let isWanted = false;
  /** @type {any} */
  let lock;
  /** @type {NodeJS.Timeout | undefined} */
  let extension;

  async function campaign() {
    while (isWanted && !lock) {
      try {
        lock = await redlock.acquire([kind], durationMs);
      } catch {
        continue;
      }
      if (!isWanted) return release();
      elected();
      extendLater();
    }
  }

  function extendLater() {
    extension = setTimeout(async () => {
      try {
        lock = await lock.extend(durationMs);
        extendLater();
      } catch {
        lock = undefined;
        campaign();
      }
    }, durationMs - extensionThresholdMs);
  }

  async function release() {
    const held = lock;
    lock = undefined;
    await held?.release();
  }

  return {
    async start() {
      if (redis.status === 'wait') await redis.connect();
      isWanted = true;
      campaign();
    },
    async stop() {
      isWanted = false;
      clearTimeout(extension);
      await release();
    },
  };
};
