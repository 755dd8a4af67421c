'use strict';

const { observing } = require('./observing.js');
const { Screen } = require('./screen.js');
const { SERVER_HELP, addServerOptions } = require('./server-options.js');
const { Story } = require('./story.js');
const { escaped, moment, name, span, value } = require('./text.js');

const HELP = `
On a terminal the picture is drawn anew as things change; elsewhere there is a line for each event,
and with --json an event is one JSON object a line. Ctrl-C ends it.

A takeover is told with its length: from the release, or from the last beat of a leader that fell
silent, to the election of the next one.
${SERVER_HELP}

Exit codes: 0 ended by Ctrl-C, 1 it could not begin, 2 wrong usage. When the server goes away later
on, watch says so and waits for it.`;

/** `incumbent watch`: one kind, live. */
function addWatch(program) {
  addServerOptions(program.command('watch'))
    .description('shows live what happens to a kind: terms, takeovers, instances, messages')
    .option('--kind <kind>', 'the kind')
    .option('--json', 'prints each event as a line of JSON', false)
    .option('--lines', 'prints a line for each event on a terminal, too', false)
    .addHelpText('after', HELP)
    .action((given) => observing(given, (...context) => watch(given, ...context), true));
}

async function watch(given, observer, lifetime) {
  // A server that cannot be asked at all is an error; one that goes away later is waited for.
  await observer.status(observer.kind);
  const showsPicture = process.stdout.isTTY && !given.json && !given.lines;
  const story = new Story(observer.kind, observer.address);
  const screen = showsPicture ? new Screen((size) => story.lines(size)) : undefined;
  screen?.open();
  try {
    observer.watch(observer.kind, (event) => {
      if (given.json) return console.log(JSON.stringify(event));
      story.add(event);
      if (screen) screen.refresh();
      else if (lineOf(event)) console.log(`${moment(event.at)}  ${lineOf(event)}`);
    });
    await lifetime.over();
  } finally {
    screen?.close();
  }
}

/** An event for people; `undefined` for what happens all the time. */
function lineOf(event) {
  switch (event.type) {
    case 'status':
      return summary(event.status);
    case 'elected':
      return `elected   ${name(event.id)} in term ${event.term}${takeoverText(event.takeover)}`;
    case 'vacant': {
      const heir = event.heir === null ? '' : `; ${name(event.heir)} is to follow`;
      return `vacant    ${event.id === null ? 'nobody leads' : `${name(event.id)} has released`}${heir}`;
    }
    case 'silent':
      return `silent    ${name(event.id)} has not renewed for a lease`;
    case 'joined':
    case 'left':
    case 'changed':
      return `${event.type.padEnd(8)}  ${name(event.instance.id)}  ${value(event.instance.meta, 60)}`;
    case 'blind':
      return `blind     ${escaped(event.reason)}`;
    case 'limited':
      return `limited   ${escaped(event.reason)}`;
    case 'traffic':
      return messagesText(event);
  }
}

function summary({ leader, term, instances, problem }) {
  const leads = leader === null ? 'nobody leads' : `${name(leader.id)} leads in term ${term}`;
  const count = instances.length === 1 ? '1 instance' : `${instances.length} instances`;
  return `status    ${leads}; ${count}${problem === null ? '' : `; ${problem}`}`;
}

function takeoverText(takeover) {
  if (takeover === null) return '';
  const since = takeover.after === 'handover' ? 'after the release' : 'after the last beat';
  return `, ${span(takeover.ms)} ${since}${takeover.from === null ? '' : ` of ${name(takeover.from)}`}`;
}

function messagesText({ messages, seconds }) {
  const counts = Object.entries(messages).filter(([, count]) => count > 0);
  if (counts.length === 0) return undefined;
  const rates = counts.map(([to, count]) => `${(count / seconds).toFixed(0)}/s to ${to}`);
  return `messages  ${rates.join(', ')}`;
}

module.exports = { addWatch, lineOf };
