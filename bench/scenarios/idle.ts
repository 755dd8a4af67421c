import type { RedisServer } from '../../__test__/fixtures/redis-server.ts';
import { contenders, isOurs, type Contender } from '../contenders.ts';
import { withCrowd } from '../crowd.ts';
import { atMost, below, type Goal } from '../goals.ts';
import type { Line } from '../lines.ts';
import { Program } from '../program.ts';
import type { Case, Circumstances, Scenario } from '../scenario.ts';
import { loadOf } from '../server-load.ts';
import { withRedis } from '../servers.ts';
import { growthExponent } from '../statistics.ts';

const sizes = [1, 10, 50, 200, 1000];
const comparedSize = 10;
const mostProcesses = 4;

/** What is measured is the rest, not the rush of a thousand that come at one moment to a machine that they all share. */
const atATime = 25;

export const idle: Scenario = {
  name: 'idle',
  title: 'Idle: what N instances of one kind cost while nothing happens',
  bound: {
    by: 'timer',
    text: 'five renewals in each lease, delivered to every instance, and one command of each instance a second',
  },
  runs: { full: 3, short: 1 },
  metrics: {
    'commands/s': { unit: '', better: 'lower' },
    'deliveries/s': { unit: '', better: 'lower' },
    'into Redis': { unit: 'bytes/s', better: 'lower' },
    'out of Redis': { unit: 'bytes/s', better: 'lower' },
    'CPU of Redis': { unit: '% of a core', better: 'lower' },
    'own CPU, all processes': { unit: '% of a core', better: 'lower' },
  },
  cases(circumstances) {
    const seconds = circumstances.isShort ? 2 : 5;
    const [ours, ...others] = contenders(circumstances);
    return [
      ...sizes.map((size) => ({ ...idleCase(ours!, size, seconds), goals: goalsAt(size) })),
      idleCase(ours!, 1000, seconds, 'shared'),
      floorCase(1000, seconds, circumstances.leaseMs),
      ...others
        .filter(({ server }) => server === 'redis')
        .map((one) => idleCase(one, comparedSize, seconds)),
    ];
  },
  remarks: (lines) => [
    'An instance has connections of its own, as if each were a process by itself, unless the line says that they are shared',
    'Commands are those that clients send, not the calls inside scripts',
    'The bare server has as many subscribers, a publication as long and as often as a heartbeat, and an empty script a second from each: what no library of this kind can do without',
    `They start ${atATime} at a time, and are at rest, under a leader, before anything is counted`,
    ...growth(lines),
  ],
};

function goalsAt(size: number): Record<string, Goal> {
  return {
    'commands/s': atMost(1.2 * size + 8),
    'deliveries/s': atMost(7 * size),
    ...(size === 1000 ? { 'CPU of Redis': below(5) } : {}),
  };
}

function idleCase(
  contender: Contender,
  size: number,
  seconds: number,
  connections: 'own' | 'shared' = 'own',
): Case {
  const processes = Math.min(size, mostProcesses);
  return {
    who: contender.who,
    what:
      connections === 'own' ? `N = ${size}` : `N = ${size}, in ${processes} processes that share`,
    measure: () =>
      withRedis(['--maxclients', '10000'], async (redis) => {
        const urls = connections === 'own' ? await ownUrls(redis, size) : undefined;
        const settings = {
          contender,
          redis,
          count: size,
          processes,
          atATime,
          ...(urls && { urls }),
        };
        return withCrowd(settings, async (crowd) => {
          const load = await crowd.idle(seconds);
          return {
            'commands/s': load.commands,
            'deliveries/s': load.deliveries,
            'into Redis': load.bytesIn,
            'out of Redis': load.bytesOut,
            'CPU of Redis': load.cpu,
            'own CPU, all processes': load.ownCpu,
          };
        });
      }),
  };
}

/** The least that so many instances with connections of their own can cost. */
function floorCase(size: number, seconds: number, leaseMs: number): Case {
  return {
    who: 'a bare server',
    what: `N = ${size}`,
    measure: () =>
      withRedis(['--maxclients', '10000'], async (redis) => {
        const count = size / mostProcesses;
        const programs = await Promise.all(
          Array.from({ length: mostProcesses }, (_, number) =>
            Program.start('floor', { port: redis.port, count, leaseMs, publishes: number === 0 }),
          ),
        );
        try {
          await Promise.all(programs.map((program) => program.call('start')));
          const load = await loadOf(redis, seconds);
          return { 'commands/s': load.commands, 'CPU of Redis': load.cpu };
        } finally {
          await Promise.all(programs.map((program) => program.kill()));
        }
      }),
  };
}

/** A user for each: candidates of one process share the connections of one user. */
async function ownUrls(redis: RedisServer, count: number): Promise<string[]> {
  const client = await redis.client();
  try {
    const users = Array.from({ length: count }, (_, number) => `user-${number}`);
    await Promise.all(
      users.map((user) =>
        client.sendCommand(['ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all']),
      ),
    );
    return users.map((user) => `redis://${user}:secret@127.0.0.1:${redis.port}`);
  } finally {
    client.destroy();
  }
}

/** By which power of N the figures of Incumbent grow. */
function growth(lines: Line[]): string[] {
  return Object.keys(idle.metrics).flatMap((metric) => {
    const points = lines.flatMap((line) => {
      const size = Number(/^N = (\d+)$/.exec(line.what)?.[1]);
      if (!isOurs(line) || line.metric !== metric || !size || !line.summary) return [];
      return [{ size, value: line.summary.median }];
    });
    const exponent = growthExponent(points);
    return exponent === undefined ? [] : [`${metric} grows as N^${exponent.toFixed(2)}`];
  });
}
