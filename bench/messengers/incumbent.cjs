'use strict';

const ours = require('../ours.cjs');

/** @type {typeof import("../..")} */
const { Candidate } = require(ours);

/** @param {any} task `to`: 'one', 'leader' or 'all'. */
module.exports = ({ url, kind, options, to }) => {
  const candidate = new Candidate({ redis: url, kind, ...options });
  candidate.on('error', () => {});
  /** @type {(text: string) => Promise<void>} */
  let send;
  return {
    /** @param {(text: string) => void} listener */
    async receive(listener) {
      candidate.on('message', ({ message }) => listener(message));
      await candidate.start();
      return candidate.id;
    },
    /** @param {string} address */
    async connect(address) {
      await candidate.start();
      if (to === 'one') send = (text) => candidate.messageTo(address, text);
      else if (to === 'leader') send = (text) => candidate.messageLeader(text);
      else send = (text) => candidate.messageAll(text);
    },
    /** @param {string} text */
    send: (text) => send(text),
  };
};
