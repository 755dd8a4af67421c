'use strict';

const { observing } = require('./observing.js');
const { SERVER_HELP, addServerOptions } = require('./server-options.js');
const { escaped, moment, name, span, table, value } = require('./text.js');

/** As the exit code. */
const NO_LEADER = 3;
/** Instances refresh their records each second; after two, the others count one as gone. */
const LONG_UNSEEN_MS = 2000;

const HELP = `
It looks from outside, and takes no part. "seen" is how long ago an instance last refreshed its
record; after 2 s of silence the others count it as gone. A leader that has crashed stays named
until another one takes over.
${SERVER_HELP}

Exit codes: 0 somebody leads, 3 nobody leads, 1 the server cannot be asked, 2 wrong usage.`;

/** `incumbent status`: one kind as it is now. */
function addStatus(program) {
  addServerOptions(program.command('status'))
    .description('shows a kind: its leader, term, instances and register')
    .option('--kind <kind>', 'the kind')
    .option('--json', 'prints it as JSON', false)
    .addHelpText('after', HELP)
    .action((given) => observing(given, (observer) => show(observer, given)));
}

async function show(observer, given) {
  const { kind } = observer;
  const [found, legacy] = await Promise.all([observer.status(kind), observer.legacy(kind)]);
  const status = { ...found, legacy };
  if (given.json) console.log(JSON.stringify(status, null, 2));
  else console.log(linesOf(status).join('\n'));
  return status.leader === null ? NO_LEADER : 0;
}

/** A status for people, as lines. */
function linesOf(status) {
  const { kind, at, address, instances, register, problem } = status;
  const facts = [
    ['kind', `${name(kind)} at ${address}`],
    ['at', `${moment(at)} (the server's time)`],
    ['leader', leaderText(status)],
    ['term', termText(status)],
  ];
  if (problem) facts.push(['problem', problem]);
  return [
    ...table(facts),
    '',
    ...instanceLines(status, true),
    ...(instances.length === 0 ? [] : ['']),
    ...legacyLines(status),
    register === null ? 'register: there is none' : 'register:',
    ...table(Object.entries(register ?? {}).map(([field, text]) => [`  ${field}`, escaped(text)])),
  ];
}

function leaderText({ leader, leaseMs, crashDetection, heir }) {
  if (leader === null) return heir === null ? 'nobody' : `nobody; ${name(heir)} is to follow`;
  const lease = `lease ${leaseMs} ms, crash detection by ${crashDetection}`;
  if (!leader.isListed) return `${name(leader.id)} (no living instance; ${lease})`;
  return `${name(leader.id)} (${lease})`;
}

function termText({ term, since, at, leader }) {
  if (term === null) return 'none yet';
  if (leader === null) return `${term}, which has ended`;
  if (since === null) return String(term);
  return `${term}, since ${moment(since)} (${span(at - since)})`;
}

/** A table of the instances. `showsSeen`: with the time since each was last heard of. */
function instanceLines({ instances, at }, showsSeen) {
  if (instances.length === 0) return ['No instances.'];
  const row = ({ id, state, seenMs, joinedAt, priority, eligible, meta }) => [
    name(id),
    state,
    ...(showsSeen ? [seenText(seenMs)] : []),
    joinedAt === null ? '-' : span(Math.max(0, at - joinedAt)),
    eligible ? String(priority) : 'none',
    value(meta, 60),
  ];
  const seen = showsSeen ? ['SEEN'] : [];
  return table([['INSTANCE', 'STATE', ...seen, 'AGE', 'PRIORITY', 'META'], ...instances.map(row)]);
}

/** Who is still there of node-raft-redis, while the kind is moved away from it. */
function legacyLines({ legacy }) {
  if (legacy === null) return [];
  const { instances, silent, leftBehind } = legacy;
  const row = ({ id, state, seenMs, meta }) => [name(id), state, ownClock(seenMs), value(meta, 60)];
  const rows = [['NODE-RAFT-REDIS', 'STATE', 'SEEN, BY ITS CLOCK', 'META'], ...instances.map(row)];
  const live =
    instances.length > 0
      ? table(rows)
      : ['node-raft-redis: no instance is left; the option migrate may be left out'];
  const dead = [
    ...(silent > 0 ? [`records that nobody has written for 2 s: ${silent}`] : []),
    ...(leftBehind > 0 ? [`left behind for more than a day, to be deleted: ${leftBehind}`] : []),
  ];
  return [...live, ...dead, ''];
}

function ownClock(ms) {
  return ms < 0 ? `${span(-ms)} ahead` : `${span(ms)} ago`;
}

function seenText(ms) {
  if (ms === null) return 'never';
  return `${span(ms)} ago${ms > LONG_UNSEEN_MS ? ' (!)' : ''}`;
}

module.exports = { addStatus, instanceLines, leaderText, termText };
