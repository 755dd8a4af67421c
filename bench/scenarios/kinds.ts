import { startRedis, type RedisServer } from '../../__test__/fixtures/redis-server.ts';
import { contenders, type Contender } from '../contenders.ts';
import { withCrowd } from '../crowd.ts';
import { atMost, below } from '../goals.ts';
import type { Case, Scenario } from '../scenario.ts';
import { loadOf } from '../server-load.ts';

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
    async measure() {
      const redis = await startRedis();
      const all = Array.from({ length: kindsOfOne }, (_, number) => `kind-${number}`);
      const settings = { contender, url: redis.url, count: kindsOfOne, processes: 1, kinds: all };
      try {
        return await withCrowd(settings, async (crowd) => {
          const connections = await connectionsOf(redis);
          const { cpu, value: load } = await crowd.whileUsing(() => loadOf(redis, seconds));
          return {
            connections,
            'commands/s': load.commands,
            'deliveries/s': load.deliveries,
            'CPU of Redis': load.cpu,
            'own CPU': cpu,
          };
        });
      } finally {
        await redis.stop();
      }
    },
  };
}

/** Those that stand, but for the one that asks. */
async function connectionsOf(redis: RedisServer): Promise<number> {
  const list = String(await redis.cli('CLIENT', 'LIST'));
  return list.trim().split('\n').length - 1;
}
