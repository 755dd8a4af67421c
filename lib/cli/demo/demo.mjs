// `incumbent demo`: three instances of a service elect a leader, which hands out jobs; then the leader goes, twice.
//
// Without a server they share one process and the embedded medium. With one they are three processes over that server, and
// the first leader is killed with SIGKILL.

import { styleText } from 'node:util';

/**
 * Tells the story. Gives the exit code.
 * @param {{ options: object, signal: AbortSignal }} context the options of the instances; what ends it before its end
 */
export async function demonstrate({ options, signal }) {
  const { Fleet } = await import(options.redis ? './processes.mjs' : './embedded.mjs');
  const fleet = new Fleet(options, signal);
  try {
    await tell(fleet);
    return 0;
  } catch (error) {
    if (!signal.aborted) say(styleText('red', `The demo failed: ${error.message}`));
    return 1;
  } finally {
    await fleet.end();
  }
}

/** The story, the same over both fleets. */
async function tell(fleet) {
  say(`Three instances of a service start, ${fleet.place}.`);
  fleet.onError = (name, error) => say(styleText('red', `  ${name}: ${error}`));
  await fleet.start(['anna', 'bert', 'cleo']);
  let leader = await fleet.leader();
  say(`${bold(leader.name)} leads, in term ${leader.term}. Only it hands out jobs:`);
  await handOutJobs(fleet, leader);

  if (fleet.canKill) {
    say(
      `\n${bold(leader.name)} is killed with SIGKILL. Nobody is told; its lease of 800 ms must run out.`,
    );
    leader = await takeover(fleet, leader, () => fleet.kill(leader.name));
  } else {
    say(`\n${bold(leader.name)} gives the leadership up: reelect().`);
    leader = await takeover(fleet, leader, () => fleet.reelect(leader.name));
  }
  await handOutJobs(fleet, leader);

  say(`\n${bold(leader.name)} stops in good order: stop().`);
  leader = await takeover(fleet, leader, () => fleet.stop(leader.name));
  await handOutJobs(fleet, leader);

  say('\nThat is all. The rest stops.');
}

/** The leader sends a job to each of the others, and each answers the leader. */
async function handOutJobs(fleet, leader) {
  const workers = fleet.names().filter((name) => name !== leader.name);
  for (const [index, worker] of workers.entries()) {
    const answer = await fleet.job(leader.name, worker, { job: index + 1 });
    say(
      `  ${leader.name} → ${worker}  ${JSON.stringify({ job: index + 1 })}   ${worker} → leader  ${answer}`,
    );
  }
  if (workers.length === 0) {
    say(`  ${leader.name} is alone: nobody to send to.`);
  }
}

async function takeover(fleet, old, cause) {
  const { leader, ms } = await fleet.takeover(old.name, cause);
  say(
    `  ${bold(leader.name)} leads ${styleText('green', `${ms.toFixed(1)} ms`)} later, in the higher term ${leader.term}.`,
  );
  return leader;
}

function bold(text) {
  return styleText('bold', text);
}

function say(text) {
  console.log(text);
}
