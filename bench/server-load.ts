import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../__test__/fixtures/redis-server.ts';
import { countTraffic, deliveries, sentCommands } from './commands.ts';

type Client = Awaited<ReturnType<RedisServer['client']>>;

/** What a Redis server did, by its own account. */
export interface Account {
  cpuSeconds: number;
  bytesIn: number;
  bytesOut: number;
  at: number;
}

export async function account(client: Client): Promise<Account> {
  const fields = new Map<string, number>();
  for (const section of ['stats', 'cpu']) {
    const text = String(await client.sendCommand(['INFO', section]));
    for (const [, name, value] of text.matchAll(/^(\w+):([\d.]+)/gm))
      fields.set(name!, Number(value));
  }
  const field = (name: string) => fields.get(name) ?? NaN;
  return {
    cpuSeconds: field('used_cpu_sys') + field('used_cpu_user'),
    bytesIn: field('total_net_input_bytes'),
    bytesOut: field('total_net_output_bytes'),
    at: performance.now(),
  };
}

/** What the server does in a second. CPU in % of a core. */
export interface Load {
  cpu: number;
  bytesIn: number;
  bytesOut: number;
  commands: number;
  deliveries: number;
}

/**
 * Watches a server for so many seconds; then, with MONITOR, which costs it CPU itself, for some more, to count the
 * commands: its own counts do not tell those of clients from those of scripts.
 */
export async function loadOf(redis: RedisServer, seconds: number): Promise<Load> {
  const client = await redis.client();
  try {
    const before = await account(client);
    await sleep(seconds * 1000);
    const after = await account(client);
    const elapsed = (after.at - before.at) / 1000;
    return {
      cpu: (100 * (after.cpuSeconds - before.cpuSeconds)) / elapsed,
      bytesIn: (after.bytesIn - before.bytesIn) / elapsed,
      bytesOut: (after.bytesOut - before.bytesOut) / elapsed,
      ...(await traffic(redis, client, seconds)),
    };
  } finally {
    client.destroy();
  }
}

async function traffic(redis: RedisServer, client: Client, seconds: number) {
  const monitor = await redis.client();
  try {
    const lines: string[] = [];
    await monitor.monitor((line) => lines.push(String(line)));
    const startedAt = performance.now();
    await sleep(seconds * 1000);
    const found = countTraffic(lines);
    const elapsed = (performance.now() - startedAt) / 1000;
    const channels = [...found.published.keys()];
    const answer: (string | number)[] = (await client.sendCommand([
      'PUBSUB',
      'NUMSUB',
      ...channels,
    ])) as never;
    const subscribers = new Map(
      channels.map((channel, index) => [channel, Number(answer[2 * index + 1])]),
    );
    return {
      commands: sentCommands(found) / elapsed,
      deliveries: deliveries(found, subscribers) / elapsed,
    };
  } finally {
    monitor.destroy();
  }
}
