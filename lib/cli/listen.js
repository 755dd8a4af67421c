'use strict';

const { observing } = require('./observing.js');
const { SERVER_HELP, addServerOptions, atLeast } = require('./server-options.js');
const { escaped, moment, name, value } = require('./text.js');

const HELP = `
It listens from outside, to all messages of the kind whoever they are for, and takes no part. With
the messageSecret of the kind (in the file of --options) it tells which ones are genuine. What comes
faster than it can be printed is left out, and counted.
${SERVER_HELP}

Exit codes: 0 ended by Ctrl-C or after --count messages, 1 the server cannot be asked, 2 wrong usage.`;

/** `incumbent listen`: the messages of a kind, as they pass. */
function addListen(program) {
  addServerOptions(program.command('listen'))
    .description('prints the messages of a kind as they pass')
    .option('--kind <kind>', 'the kind')
    .option('--count <n>', 'ends after so many messages', atLeast(1), Infinity)
    .option('--json', 'prints each message as a line of JSON', false)
    .addHelpText('after', HELP)
    .action((given) => observing(given, (...context) => listen(given, ...context), true));
}

async function listen(given, observer, lifetime) {
  await observer.status(observer.kind);
  let left = given.count;
  const counted = new Promise((resolve) => {
    const take = (event) => {
      if (event.type === 'blind' || event.type === 'limited')
        console.error(`warning: ${escaped(event.reason)}`);
      if (event.unheard > 0) console.error(`warning: ${event.unheard} messages were left out`);
      if (event.type === 'status') console.error(`listening to ${name(event.kind)} …`);
      if (event.type !== 'message' || left <= 0) return;
      console.log(given.json ? JSON.stringify(event) : lineOf(event));
      left -= 1;
      if (left <= 0) resolve();
    };
    observer.watch(observer.kind, take, { messages: true });
  });
  await Promise.race([counted, lifetime.over()]);
}

function lineOf({ at, from, leads, to, instance, isGenuine, ...content }) {
  const sender = `${name(from)}${leads ? ' (leader)' : ''}`;
  const addressee = to === 'instance' ? name(instance) : to;
  const doubt = isGenuine === false ? '  NOT GENUINE' : '';
  return `${moment(at)}  ${sender} → ${addressee}  ${bodyText(content)}${doubt}`;
}

function bodyText({ message, bytes, undefined: isUndefined }) {
  if (isUndefined) return 'undefined';
  return bytes === undefined
    ? value(message)
    : `<${bytes.length / 2} bytes: ${bytes.slice(0, 64)}>`;
}

module.exports = { addListen };
