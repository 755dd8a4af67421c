'use strict';

const { setTimeout: sleep } = require('node:timers/promises');
const ours = require('../ours.cjs');

/** @type {typeof import("../..")} */
const { Candidate } = require(ours);

/** @param {any} settings */
module.exports = ({ url, kind, options, elected, failed }) => {
  const candidate = new Candidate({ redis: url, kind, ...options });
  candidate.on('elected', elected);
  candidate.on('error', failed);
  return {
    start: () => candidate.start(),
    stop: () => candidate.stop(),
    reelect: () => candidate.reelect(),
    /** Until it reaches Redis again, and sees so many instances and a leader among them. @param {number} count */
    async whole(count) {
      for (;;) {
        const instances = await candidate.getInstances().catch(() => []);
        const leaders = instances.filter(({ state }) => state === 'leader');
        if (instances.length === count && leaders.length === 1) return;
        await sleep(2);
      }
    },
  };
};
