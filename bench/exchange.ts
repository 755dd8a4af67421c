import type { RedisServer } from '../__test__/fixtures/redis-server.ts';
import { msBetween } from '../__test__/fixtures/processes.ts';
import type { Circumstances } from './scenario.ts';
import { ourselves } from './lines.ts';
import { Program } from './program.ts';
import { account, type Account } from './server-load.ts';
import { withRedis } from './servers.ts';

/** How a sender goes about it, with what its function in programs/messages.cjs is given. */
export type Way =
  | { name: 'awaited' | 'forgotten' }
  | { name: 'windows'; size: number }
  | { name: 'paced'; perSecond: number; seconds: number };

export interface Exchange {
  /** The file in `messengers/`. */
  messenger: string;
  /** Options of Incumbent's candidates. */
  options: Record<string, unknown>;
  to: 'one' | 'leader' | 'all';
  receivers: number;
  way: Way;
  bytes: number;
  count: number;
}

/** What became of the messages of one exchange. CPU in seconds. */
export interface Outcome {
  perSecond: number;
  outOfOrder: number;
  lost: number;
  /** Not taken at first, since too many were waiting. */
  refused: number;
  senderCpu: number;
  receiverCpu: number;
  redisCpu: number;
  latencyMs?: { p50: number; p99: number };
}

/** Nothing more comes after such a silence. */
const patienceMs = 3000;

/** What is measured must not be the first that the programs do: they are compiled while they run. */
const warmUpShare = 0.2;

/** All messengers that were asked for, Incumbent first. */
export function messengers({ against }: Circumstances): string[] {
  const others = {
    redis: 'redis',
    ioredis: 'ioredis',
    '@valkey/valkey-glide': 'valkey-glide',
  };
  return [
    ourselves,
    ...Object.entries(others).flatMap(([name, file]) => (against(name) ? [file] : [])),
  ];
}

/** Sends messages from one process to others over a Redis of its own. */
export function exchange(settings: Exchange): Promise<Outcome> {
  // Nobody is cut off for reading too slowly: whoever sends faster than the others read is to be measured, too.
  const args = ['--client-output-buffer-limit', 'pubsub', '0', '0', '0'];
  return withRedis(args, (redis) => exchangeOver(redis, settings));
}

async function exchangeOver(redis: RedisServer, settings: Exchange): Promise<Outcome> {
  const programs: Program[] = [];
  const start = async () => {
    const { messenger, options, to, way } = settings;
    const task = { messenger, url: redis.url, kind: 'bench', options, to, way: way.name };
    const program = await Program.start('messages', task);
    programs.push(program);
    return program;
  };
  try {
    const receivers: Program[] = [];
    let address = '';
    while (receivers.length < settings.receivers) {
      receivers.push(await start());
      address = await receivers.at(-1)!.call('receive');
    }
    const sender = await start();
    await sender.call('connect', address);
    await send(settings, warmUp(settings), sender, receivers);
    return await timed(settings, redis, sender, receivers);
  } finally {
    await Promise.all(programs.map((program) => program.kill()));
  }
}

function warmUp({ way, count }: Exchange): { way: Way; count: number } {
  if (way.name !== 'paced') return { way, count: Math.ceil(count * warmUpShare) };
  return { way: { ...way, seconds: 1 }, count: way.perSecond };
}

async function timed(
  settings: Exchange,
  redis: RedisServer,
  sender: Program,
  receivers: Program[],
): Promise<Outcome> {
  const client = await redis.client();
  try {
    const before = await account(client);
    const { sent, received } = await send(settings, settings, sender, receivers);
    const after = await account(client);
    return outcomeOf(settings, sent, received, cpuBetween(before, after));
  } finally {
    client.destroy();
  }
}

const cpuBetween = (before: Account, after: Account) => after.cpuSeconds - before.cpuSeconds;

interface Sent {
  startedAt: bigint;
  refused: number;
  cpu: NodeJS.CpuUsage;
}

interface Received {
  received: number;
  outOfOrder: number;
  /** When the last one came. */
  doneAt: bigint;
  cpu: NodeJS.CpuUsage;
  latencyMs?: { p50: number; p99: number };
}

async function send(
  { bytes }: Exchange,
  { way, count }: { way: Way; count: number },
  sender: Program,
  receivers: Program[],
): Promise<{ sent: Sent; received: Received[] }> {
  await Promise.all(receivers.map((one) => one.call('expect', count, way.name === 'paced')));
  const sent = await sender.call('send', way.name, bytes, ...argumentsOf(way, count));
  const received = await Promise.all(receivers.map((one) => one.call('received', patienceMs)));
  return { sent, received };
}

function argumentsOf(way: Way, count: number): number[] {
  if (way.name === 'paced') return [way.perSecond, way.seconds];
  return way.name === 'windows' ? [count, way.size] : [count];
}

/** The rate counts to the moment at which the last receiver had all. */
function outcomeOf(
  { count }: Exchange,
  { startedAt, refused, cpu }: Sent,
  received: Received[],
  redisCpu: number,
): Outcome {
  const delivered = Math.min(...received.map((one) => one.received));
  if (delivered === 0) throw new Error(`none of ${count} messages was delivered`);
  const doneAt = received.reduce((last, one) => (one.doneAt > last ? one.doneAt : last), 0n);
  const latencyMs = received[0]!.latencyMs;
  return {
    perSecond: (1000 * delivered) / msBetween(startedAt, doneAt),
    outOfOrder: sum(received.map((one) => one.outOfOrder)),
    lost: sum(received.map((one) => count - one.received)),
    ...{ refused, redisCpu },
    senderCpu: seconds(cpu),
    receiverCpu: sum(received.map((one) => seconds(one.cpu))),
    ...(latencyMs && { latencyMs }),
  };
}

const seconds = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1e6;

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
