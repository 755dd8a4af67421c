'use strict';
// Its core pipelines by itself. It refuses more requests under way than a limit, which is raised above what is sent here.

const { GlideClient, GlideClientConfiguration } = require('@valkey/valkey-glide');

const exact = GlideClientConfiguration.PubSubChannelModes.Exact;

/** @param {any} task */
module.exports = ({ url, kind }) => {
  const { hostname, port } = new URL(url);
  const settings = {
    addresses: [{ host: hostname, port: Number(port) }],
    inflightRequestsLimit: 1_000_000,
    requestTimeout: 30_000,
  };
  /** @type {any} */
  let client;
  return {
    /** @param {(text: string) => void} listener */
    async receive(listener) {
      client = await GlideClient.createClient({
        ...settings,
        pubsubSubscriptions: {
          channelsAndPatterns: { [exact]: new Set([kind]) },
          callback: (/** @type {any} */ { message }) => listener(message),
          context: undefined,
        },
      });
      return kind;
    },
    async connect() {
      client = await GlideClient.createClient(settings);
    },
    /** @param {string} text */
    send: (text) => client.publish(text, kind),
  };
};
