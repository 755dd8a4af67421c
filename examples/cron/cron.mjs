// Jobs of a schedule, each of which fires once in a fleet, over crashes and restarts of its instances.

import { setTimeout as sleep } from 'node:timers/promises';
import { Cron } from 'croner';

/**
 * Runs `commandsOf(tick)` in Redis for each tick of `pattern`, while `candidate` leads. Commands and
 * checkpoint are written in one step, so a tick is neither lost nor repeated, wherever a leader dies.
 * Ticks that nobody was there for are made up for.
 */
export function cron(candidate, pattern, commandsOf) {
  const schedule = new Cron(pattern, { paused: true });
  return candidate.lead(async ({ term, signal, checkpoint }) => {
    let last = lastOf(checkpoint) ?? new Date();
    while (!signal.aborted) {
      const tick = schedule.nextRun(last);
      await sleep(Math.max(0, tick - Date.now()), undefined, { signal });
      try {
        await candidate.fenced(commandsOf(tick), { term, checkpoint: { last: tick } });
        last = tick;
      } catch (error) {
        if (error.code !== 'ERR_REDIS_UNREACHABLE') throw error;
        // Whether it was written is told by the checkpoint, once Redis is back.
        last = lastOf(await read(candidate, signal)) ?? last;
      }
    }
  });
}

function lastOf(checkpoint) {
  return checkpoint && new Date(checkpoint.last);
}

async function read(candidate, signal) {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await candidate.getCheckpoint();
    } catch (error) {
      if (error.code !== 'ERR_REDIS_UNREACHABLE') throw error;
      await sleep(50, undefined, { signal });
    }
  }
}
