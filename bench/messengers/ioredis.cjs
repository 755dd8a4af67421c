'use strict';
// With automatic pipelining where many are under way at a time; awaited one by one, it would only add a turn of the loop.

const { Redis } = require('ioredis');

/** @param {any} task */
module.exports = ({ url, kind, way }) => {
  const client = new Redis(url, {
    lazyConnect: true,
    enableAutoPipelining: way === 'windows' || way === 'forgotten',
  });
  client.on('error', () => {});
  return {
    /** @param {(text: string) => void} listener */
    async receive(listener) {
      await client.connect();
      client.on('message', (/** @type {string} */ _channel, /** @type {string} */ text) =>
        listener(text),
      );
      await client.subscribe(kind);
      return kind;
    },
    connect: () => client.connect(),
    /** @param {string} text */
    send: (text) => client.publish(kind, text),
  };
};
