'use strict';

const MARKS = { ok: 'ok  ', warning: 'warn', failure: 'FAIL', skipped: '-   ' };

/** The report of the doctor for people: a line for each check, and what to do below it. */
function print({ server, kind, ok, checks, leastAcl, leastAclAtSentinels }, line) {
  const rights = checks.filter(isRight);
  const lacking = rights.filter(({ status }) => status !== 'ok');
  const isReached = checks[0].status === 'ok';
  line(`Redis at ${server}, for the kind ${JSON.stringify(kind)}`);
  // Of a server that was not reached nothing else is known.
  for (const check of isReached ? checks : checks.filter(({ status }) => status !== 'skipped')) {
    if (!isRight(check)) printOne(check, line);
    else if (check === rights[0]) printRights(rights, lacking, line);
  }
  if (isReached && lacking.length) line(`\nThe least rights of this kind:\n\n${leastAcl}`);
  if (leastAclAtSentinels && checks.some(isDoubtfulSentinel)) {
    line(`\nThe least rights at the sentinels:\n\n${leastAclAtSentinels}`);
  }
  line(`\n${summary(ok, checks)}`);
}

const isDoubtfulSentinel = ({ name, status }) => name === 'sentinel' && status !== 'ok';
const isRight = ({ name }) => name.startsWith('right');

/** One line for all that are there; those that are not have one each. */
function printRights(rights, lacking, line) {
  for (const check of lacking) printOne(check, line);
  const granted = rights.length - lacking.length;
  if (granted) {
    printOne(
      { status: 'ok', name: 'rights', found: `${granted} of ${rights.length} granted` },
      line,
    );
  }
}

function printOne({ name, status, found, advice }, line) {
  line(`${MARKS[status]}  ${name.padEnd(14)}  ${found}`);
  if (advice) line(`${' '.repeat(22)}→ ${advice}`);
}

function summary(ok, checks) {
  const count = (wanted) => checks.filter(({ status }) => status === wanted).length;
  const [failures, warnings] = [count('failure'), count('warning')];
  const told = `${failures} failed, ${warnings} warned of`;
  if (!ok) return `Not fit: ${told}.`;
  return warnings ? `Fit, with care: ${told}.` : 'Fit.';
}

module.exports = { print };
