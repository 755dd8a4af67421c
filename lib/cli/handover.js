'use strict';

const { IncumbentError } = require('../errors.js');
const { observing } = require('./observing.js');
const { SERVER_HELP, addServerOptions, atLeast } = require('./server-options.js');
const { name, span } = require('./text.js');

const HELP = `
The leader is asked, and does it as it does its own reelect() or transferTo(): work that was given to
lead() ends first. It heeds a request only with the option acceptRequests, which is on by default
where the kind has a messageSecret; that secret must then stand in the file of --options.
${SERVER_HELP}

Exit codes: 0 done, 1 not done within --timeout or the server cannot be asked, 2 wrong usage,
3 nobody leads.`;

const NO_LEADER = 3;

/** `incumbent reelect`: has the leader give its leadership up. */
function addReelect(program) {
  addCommon(program.command('reelect'))
    .description('asks the leader of a kind to give its leadership up')
    .action((given) => observing(given, (observer) => handOver(observer, undefined, given)));
}

/** `incumbent transfer`: has the leader hand over to an instance. */
function addTransfer(program) {
  addCommon(program.command('transfer'))
    .description('asks the leader of a kind to hand over to an instance')
    .requiredOption('--to <id>', 'the instance that is to lead')
    .action((given) => observing(given, (observer) => handOver(observer, given.to, given)));
}

function addCommon(command) {
  return addServerOptions(command)
    .option('--kind <kind>', 'the kind')
    .option('--timeout <ms>', 'how long to wait until it is done', atLeast(1), 15_000)
    .option('--json', 'prints { from, to, term, ms } as JSON', false)
    .addHelpText('after', HELP);
}

async function handOver(observer, to, { timeout, json }) {
  const { leader, term, instances } = await observer.status(observer.kind);
  if (leader === null) {
    console.error('error: nobody leads');
    return NO_LEADER;
  }
  if (to === leader.id) throw wrong(`${name(to)} leads already`);
  if (to !== undefined) checkHeir(to, instances);
  const began = Date.now();
  const next = nextLeader(observer, term, timeout);
  await next.isWatching;
  const request = to === undefined ? { request: 'reelect' } : { request: 'transfer', to };
  if ((await observer.request(observer.kind, request)) === 0) throw wrong(NOBODY_TAKES_REQUESTS);
  const elected = await next.elected;
  if (elected === undefined) throw wrong(notDone(observer, timeout));
  const outcome = { from: leader.id, to: elected.id, term: elected.term, ms: Date.now() - began };
  if (json) console.log(JSON.stringify(outcome));
  else console.log(`${name(elected.id)} leads in term ${elected.term}, ${span(outcome.ms)} later`);
  if (to === undefined || elected.id === to) return 0;
  throw wrong(`the leadership went to ${name(elected.id)} instead of ${name(to)}`);
}

function checkHeir(to, instances) {
  const heir = instances.find(({ id }) => id === to);
  if (heir === undefined) throw wrong(`there is no living instance ${name(to)}`);
  if (!heir.eligible) throw wrong(`${name(to)} is not eligible: its option "eligible" is false`);
}

/** The election of the term that follows `term`; `undefined` when none comes in time. */
function nextLeader(observer, term, timeout) {
  let tellWatching;
  const isWatching = new Promise((resolve) => (tellWatching = resolve));
  const elected = new Promise((resolve) => {
    setTimeout(resolve, timeout).unref();
    observer.watch(observer.kind, (event) => {
      tellWatching();
      if (event.type === 'elected' && event.term > term) resolve(event);
      const { leader, term: shown } = event.status ?? {};
      if (leader && shown > term) resolve({ id: leader.id, term: shown });
    });
  });
  return { isWatching, elected };
}

const NOBODY_TAKES_REQUESTS = 'no instance takes requests: their option acceptRequests is off';

function notDone({ authenticates }, timeout) {
  const why = authenticates
    ? 'the leader takes no requests (option acceptRequests), has another messageSecret, heeded one a moment ago, or its work has not ended'
    : 'the leader takes no requests (option acceptRequests), wants a messageSecret, heeded one a moment ago, or its work has not ended';
  return `nobody else was elected within ${timeout} ms: ${why}`;
}

function wrong(message) {
  return new IncumbentError('ERR_NOT_LEADER', message);
}

module.exports = { addReelect, addTransfer };
