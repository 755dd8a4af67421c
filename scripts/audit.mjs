// `npm run audit`: known weaknesses, licences and sources of everything that is built in, by cargo-deny, cargo-audit and npm.
//
// Their databases are fetched each time. What could not be looked at for want of one, or of a tool, is said, and is no success: exit code 0
// when all was looked at and nothing was found, 1 when something was found, 2 when something could not be looked at.

import { run } from './run.mjs';

/**
 * @typedef {'fine' | 'found' | 'not done'} Outcome
 * @typedef {{ outcome: Outcome, text: string }} Finding
 */

const checks = [
  {
    what: 'crates: licences, sources, bans',
    look: () => cargo('deny', ['--all-features', 'check', 'bans', 'licenses', 'sources']),
  },
  {
    what: 'crates: advisories (cargo-deny)',
    look: () => cargo('deny', ['--all-features', 'check', 'advisories']),
  },
  { what: 'crates: advisories (cargo-audit)', look: () => cargo('audit', []) },
  { what: 'npm: what users install', look: () => npm(['--omit=dev']) },
  { what: 'npm: the tools of the project', look: () => npm([]) },
];

/** @type {Finding} */
const fine = { outcome: 'fine', text: '' };

const findings = [];
for (const { what, look } of checks) {
  const finding = await look();
  findings.push(finding);
  console.log(`${finding.outcome.padEnd(8)}  ${what}`);
  if (finding.outcome !== 'fine') console.log(indented(finding.text));
}
const has = (wanted) => findings.some(({ outcome }) => outcome === wanted);
process.exitCode = has('found') ? 1 : has('not done') ? 2 : 0;

/** @returns {Promise<Finding>} */
async function cargo(tool, args) {
  const { ok, output } = await run('cargo', [tool, ...args], {
    env: { CARGO_TERM_COLOR: 'never' },
  });
  if (ok) return fine;
  if (/no such command/.test(output)) {
    return notDone(`cargo-${tool} was not found: cargo install --locked cargo-${tool}`);
  }
  if (/(failed|couldn't|unable) to (fetch|clone|open|load).*(advisory|database|db)/i.test(output)) {
    return notDone(`the advisory database could not be fetched:\n${lastLines(output)}`);
  }
  return { outcome: 'found', text: lastLines(output, 60) };
}

/** @returns {Promise<Finding>} */
async function npm(args) {
  const { output } = await run('npm', ['audit', '--json', ...args]);
  const report = jsonIn(output);
  const count = report?.metadata?.vulnerabilities?.total;
  if (count === undefined) {
    return notDone(`the registry did not tell:\n${report?.message ?? lastLines(output)}`);
  }
  if (count === 0) return fine;
  const names = Object.values(report.vulnerabilities).map(
    ({ name, severity, range }) => `${name} ${range}: ${severity}`,
  );
  return { outcome: 'found', text: names.join('\n') };
}

/** npm warns on stderr, before and behind its report. */
function jsonIn(output) {
  const [start, end] = [output.indexOf('{'), output.lastIndexOf('}')];
  try {
    return JSON.parse(output.slice(start, end + 1));
  } catch {
    return undefined;
  }
}

function notDone(text) {
  return /** @type {Finding} */ ({ outcome: 'not done', text });
}

function lastLines(output, count = 4) {
  return output.trimEnd().split('\n').slice(-count).join('\n');
}

function indented(text) {
  return text.replace(/^/gm, '          ');
}
