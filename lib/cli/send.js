'use strict';

const { IncumbentError } = require('../errors.js');
const { observing } = require('./observing.js');
const { SERVER_HELP, addServerOptions } = require('./server-options.js');

const HELP = `
VALUE is JSON where it reads as JSON, otherwise text: 5 is a number, abc and "abc" are both the text
abc. With --text it is text in any case. The sender is no instance: nobody sees it join, and its id
is another each time, so it cannot be answered.

A kind with a messageSecret believes only messages that bear it: name it in the file of --options.
${SERVER_HELP}

Exit codes: 0 sent, 1 nobody is there to hear it or the server cannot be asked, 2 wrong usage.`;

/** `incumbent send`: one message. */
function addSend(program) {
  addServerOptions(program.command('send'))
    .description('sends a message to instances of a kind')
    .argument('<value>', 'the message')
    .option('--kind <kind>', 'the kind')
    .option('--to <id>', 'to the instance of this id')
    .option('--leader', 'to the leader', false)
    .option('--followers', 'to all but the leader', false)
    .option('--all', 'to all instances', false)
    .option('--text', 'takes the value as text, whatever it looks like', false)
    .option('--json', 'prints { to, value, receivers } as JSON', false)
    .addHelpText('after', HELP)
    .action((value, given) => {
      const to = addressee(given);
      return observing(given, (observer) => send(observer, to, read(value, given), given));
    });
}

function addressee({ to, leader, followers, all }) {
  const named = { leader, followers, all };
  const names = Object.keys(named).filter((one) => named[one]);
  const given = to === undefined ? names : [...names, { id: to }];
  if (given.length === 1) return given[0];
  const problem = 'name exactly one of --to <id>, --leader, --followers and --all';
  throw new IncumbentError('ERR_INVALID_OPTION', problem);
}

function read(text, { text: isText }) {
  if (isText) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function send(observer, to, value, { json }) {
  const receivers = await observer.send(observer.kind, to, value);
  if (json) console.log(JSON.stringify({ to, value, receivers }));
  if (receivers > 0) return 0;
  const { leader, instances } = await observer.status(observer.kind);
  console.error(`error: ${whyNobody(to, leader, instances)}`);
  return 1;
}

function whyNobody(to, leader, instances) {
  if (instances.length === 0) return 'nobody heard it: the kind has no instances';
  if (to === 'leader' && leader === null) return 'nobody heard it: nobody leads';
  if (to.id !== undefined) return `nobody heard it: there is no instance ${JSON.stringify(to.id)}`;
  return 'nobody heard it';
}

module.exports = { addSend };
