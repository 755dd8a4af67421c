import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../__test__/fixtures/redis-server.ts';
import { eventually } from '../__test__/fixtures/eventually.ts';
import {
  between,
  countTraffic,
  deliveries,
  sentCommands,
  type MonitoredWindow,
} from './commands.ts';

type Client = Awaited<ReturnType<RedisServer['client']>>;

/** What a Redis server did, by its own account. */
export interface Account {
  cpuSeconds: number;
  bytesIn: number;
  bytesOut: number;
  /** Those inside scripts included. */
  commands: number;
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
    commands: field('total_commands_processed'),
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
  const window = await monitored(redis, client, seconds);
  const found = countTraffic(window.lines);
  const subscribers = await subscribersOf([...found.published.keys()], client);
  return {
    commands: sentCommands(found) / window.seconds,
    deliveries: deliveries(found, subscribers) / window.seconds,
  };
}

const marks = { begin: 'the window begins', end: 'the window ends' };
const readingLimitMs = 60_000;

/** The marks bound the window where the server has carried them out, however late its lines are read here. */
async function monitored(
  redis: RedisServer,
  client: Client,
  seconds: number,
): Promise<MonitoredWindow> {
  const monitor = await redis.client();
  try {
    const lines: string[] = [];
    await monitor.monitor((line) => lines.push(String(line)));
    await client.sendCommand(['ECHO', marks.begin]);
    await sleep(seconds * 1000);
    await client.sendCommand(['ECHO', marks.end]);
    const window = () => between(lines, marks);
    return (await eventually(window, { within: readingLimitMs, every: 50 }))!;
  } finally {
    monitor.destroy();
  }
}

async function subscribersOf(channels: string[], client: Client): Promise<Map<string, number>> {
  // Each channel, and behind it its number.
  const answer: unknown = await client.sendCommand(['PUBSUB', 'NUMSUB', ...channels]);
  return new Map(
    channels.map((channel, index) => [channel, Number((answer as unknown[])[2 * index + 1])]),
  );
}
