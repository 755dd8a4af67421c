import type { RedisServer } from '../../__test__/fixtures/redis-server.ts';
import { contenders, type Contender } from '../contenders.ts';
import { withCrowd } from '../crowd.ts';
import { atMost, below } from '../goals.ts';
import type { Case, Scenario } from '../scenario.ts';
import { withRedis } from '../servers.ts';

const kindsOfOne = 1000;

export const kinds: Scenario = {
  name: 'kinds',
  title: 'Idle: 1000 kinds in one process, which leads them all',
  bound: {
    by: 'timer',
    text: 'five renewals of each kind in each lease, and one command for its registry a second',
  },
  runs: { full: 3, short: 1 },
  metrics: {
    connections: { unit: '', better: 'lower' },
    'commands/s': { unit: '', better: 'lower' },
    'deliveries/s': { unit: '', better: 'lower' },
    'CPU of Redis': { unit: '% of a core', better: 'lower' },
    'own CPU': { unit: '% of a core', better: 'lower' },
  },
  cases(circumstances) {
    const [ours] = contenders(circumstances);
    return [kindsCase(ours!, circumstances.isShort ? 2 : 5)];
  },
};

function kindsCase(contender: Contender, seconds: number): Case {
  return {
    who: contender.who,
    what: `${kindsOfOne} kinds`,
    goals: {
      connections: atMost(2),
      'own CPU': below(4),
      'CPU of Redis': below(8),
    },
    measure: () =>
      withRedis([], (redis) => {
        const all = Array.from({ length: kindsOfOne }, (_, number) => `kind-${number}`);
        const settings = { contender, redis, count: kindsOfOne, processes: 1, kinds: all };
        return withCrowd(settings, async (crowd) => {
          const connections = await connectionsOf(redis);
          const load = await crowd.idle(seconds);
          return {
            connections,
            'commands/s': load.commands,
            'deliveries/s': load.deliveries,
            'CPU of Redis': load.cpu,
            'own CPU': load.ownCpu,
          };
        });
      }),
  };
}

/** Those that stand, but for the one that asks. */
async function connectionsOf(redis: RedisServer): Promise<number> {
  const list = String(await redis.cli('CLIENT', 'LIST'));
  return list.trim().split('\n').length - 1;
}
