import { setTimeout as sleep } from 'node:timers/promises';
import { msBetween, now } from '../../__test__/fixtures/processes.ts';
import { contenders, isOurs, type Contender } from '../contenders.ts';
import { atMost } from '../goals.ts';
import { withGroup, type Group, type Timed } from '../group.ts';
import type { Case, Scenario } from '../scenario.ts';
import { withRedis } from '../servers.ts';

const outageMs = 2000;
const size = 3;

export const redisRestart: Scenario = {
  name: 'redis-restart',
  title: 'Redis killed, and back after 2 s without its data: from there on, 3 instances',
  bound: {
    by: 'timer',
    text: 'the wait between two attempts to connect, then a lease, for which the new register is watched before it is taken',
  },
  runs: { full: 5, short: 1 },
  metrics: {
    'to elected': { unit: 'ms', better: 'lower' },
    'all reconnected': { unit: 'ms', better: 'lower' },
  },
  cases(circumstances) {
    const goal = atMost(circumstances.leaseMs + 200, 'maximum');
    return contenders(circumstances)
      .filter(({ server }) => server === 'redis')
      .map((one) => ({
        ...restartCase(one),
        ...(isOurs(one) ? { goals: { 'to elected': goal, 'all reconnected': goal } } : {}),
      }));
  },
};

function restartCase(contender: Contender): Case {
  return {
    who: contender.who,
    what: 'kill -9, 2 s, start',
    measure: () =>
      withRedis([], (redis) =>
        withGroup(contender, redis.url, async (group) => {
          await group.start(size);
          await redis.kill();
          await sleep(outageMs);
          await redis.restart();
          const backAt = now();
          const elected = group.takeover(backAt);
          const whole = isOurs(contender) ? allReconnected(group, backAt) : undefined;
          return {
            'to elected': await elected,
            ...(whole && { 'all reconnected': await whole }),
          };
        }),
      ),
  };
}

/** Until each of them reaches Redis again, sees all the others, and one leader among them. */
async function allReconnected(group: Group, backAt: bigint): Promise<number> {
  const seen = await Promise.all(
    group.members.map(({ program }): Promise<Timed> => program.call('whole', size)),
  );
  return Math.max(...seen.map(({ doneAt }) => msBetween(backAt, doneAt)));
}
