'use strict';
// As its documents show: a campaign, renewed where it fails. `ttlSeconds` is that of its lease; 60 by default.

const { Etcd3 } = require('etcd3');

/** @param {any} settings */
module.exports = ({ url, kind, options: { ttlSeconds }, elected, failed }) => {
  const client = new Etcd3({ hosts: url });
  const election = client.election(kind, ttlSeconds);
  let isWanted = false;
  /** @type {any} */
  let campaign;

  function run() {
    campaign = election.campaign(String(process.pid));
    campaign.on('elected', elected);
    campaign.on('error', (/** @type {Error} */ error) => {
      failed(error);
      if (isWanted) run();
    });
  }

  return {
    async start() {
      isWanted = true;
      run();
      await campaign.getCampaignKey();
    },
    async stop() {
      isWanted = false;
      await campaign.resign();
    },
  };
};
