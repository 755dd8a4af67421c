'use strict';
// Commands of one turn of the loop go out together, without being asked for.

const { createClient } = require('redis');

/** @param {any} task */
module.exports = ({ url, kind }) => {
  const client = createClient({ url });
  client.on('error', () => {});
  return {
    /** @param {(text: string) => void} listener */
    async receive(listener) {
      await client.connect();
      await client.subscribe(kind, listener);
      return kind;
    },
    connect: () => client.connect(),
    /** @param {string} text */
    send: (text) => client.publish(kind, text),
  };
};
