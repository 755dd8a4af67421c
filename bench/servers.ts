import { startRedis, type RedisServer } from '../__test__/fixtures/redis-server.ts';
import type { Contender } from './contenders.ts';
import { EtcdServer } from './etcd-server.ts';

/** Runs `use` on a server of its own of the sort that the contender needs. */
export async function withServer<T>(
  { server }: Pick<Contender, 'server'>,
  use: (url: string) => Promise<T>,
): Promise<T> {
  if (server === 'redis') return withRedis([], ({ url }) => use(url));
  return whileRunning(await EtcdServer.start(), ({ url }) => use(url));
}

/** Runs `use` on a Redis of its own, which is started with these arguments. */
export async function withRedis<T>(
  args: string[],
  use: (redis: RedisServer) => Promise<T>,
): Promise<T> {
  return whileRunning(await startRedis({ args }), use);
}

async function whileRunning<S extends { stop(): Promise<void> }, T>(
  server: S,
  use: (server: S) => Promise<T>,
): Promise<T> {
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}
