'use strict';

const { observing } = require('./observing.js');
const { SERVER_HELP, addServerOptions } = require('./server-options.js');
const { name, table } = require('./text.js');

const HELP = `
A kind stays listed when its last instance has gone: its register is the memory of its terms. The
keys are walked through with SCAN, slowly enough to leave the server time for others, and never
with KEYS.
${SERVER_HELP}

Exit codes: 0 done, 1 the server cannot be asked, 2 wrong usage.`;

/** `incumbent kinds`: which kinds there are on a server. */
function addKinds(program) {
  addServerOptions(program.command('kinds'))
    .description('lists the kinds on a server, with leader and number of instances')
    .option('--json', 'prints an array of { kind, leader, term, instances }', false)
    .addHelpText('after', HELP)
    .action((given) => observing(given, (observer) => list(observer, given)));
}

async function list(observer, { json }) {
  const kinds = [];
  for (const kind of await observer.kinds()) kinds.push(await brief(observer, kind));
  if (json) console.log(JSON.stringify(kinds, null, 2));
  else if (kinds.length === 0) console.error(`There are no kinds at ${observer.address}.`);
  else printTable(kinds);
}

async function brief(observer, kind) {
  const { leader, term, instances } = await observer.status(kind);
  return { kind, leader: leader?.id ?? null, term, instances: instances.length };
}

function printTable(kinds) {
  const row = ({ kind, leader, term, instances }) => [
    name(kind),
    leader === null ? '-' : name(leader),
    leader === null ? '-' : String(term),
    String(instances),
  ];
  const lines = table([['KIND', 'LEADER', 'TERM', 'INSTANCES'], ...kinds.map(row)]);
  console.log(lines.join('\n'));
}

module.exports = { addKinds };
