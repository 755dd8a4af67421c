// One instance of the demo's service: followers do the jobs that the leader sends.

import { Candidate } from '../../../index.mjs';

/** Starts an instance; `tell` is called with what happens. */
export function startInstance(name, options, tell) {
  const candidate = new Candidate({ ...options, meta: name });
  candidate.on('elected', ({ term }) => tell({ type: 'elected', name, term, at: now() }));
  candidate.on('error', (error) =>
    tell({ type: 'error', name, text: `${error.code} ${error.message}` }),
  );
  candidate.on('message:from:leader', ({ message }) => {
    candidate.messageLeader({ done: message.job, by: name }).catch(() => {});
  });
  candidate.on('message:from:follower', ({ message, from }) =>
    tell({ type: 'done', name, message, from }),
  );
  return candidate;
}

/** What the fleet asks of an instance. */
export const actions = {
  start: (candidate) => candidate.start(),
  stop: (candidate) => candidate.stop(),
  reelect: (candidate) => candidate.reelect(),
  send: async (candidate, { to, message }) => {
    const instances = await candidate.getInstances();
    const addressee = instances.find((instance) => instance.meta === to);
    await candidate.messageTo(addressee?.id ?? '', message);
  },
};

/** Milliseconds on a clock that all processes of a machine share. */
function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}
