import { ourselves } from './lines.ts';
import type { Circumstances } from './scenario.ts';

/** Who stands for election, and at which settings. */
export interface Contender {
  /** In the tables. */
  who: string;
  /** The file in `contenders/`. */
  module: string;
  /** What it is given beside URL and kind. */
  options: Record<string, unknown>;
  server: 'redis' | 'etcd';
  /** How long it waits at most for a leader that has died. */
  leaseMs: number;
}

/** Where a lease is longer than this, a crash is measured once, and in a short run not at all. */
export const longLeaseMs = 20_000;

const others: (Contender & { package: string })[] = [
  // As its documents show it.
  {
    ...{ package: 'safe-redis-leader', module: 'safe-redis-leader', server: 'redis' },
    ...{ who: 'safe-redis-leader', options: { ttl: 1500, wait: 3000 }, leaseMs: 4500 },
  },
  {
    ...{ package: 'safe-redis-leader', module: 'safe-redis-leader', server: 'redis' },
    ...{ who: 'safe-redis-leader, 1 s', options: { ttl: 1000, wait: 100 }, leaseMs: 1100 },
  },
  {
    ...{ package: 'redlock', module: 'redlock', server: 'redis' },
    ...{ who: 'redlock', options: { durationMs: 5000 }, leaseMs: 5400 },
  },
  {
    ...{ package: 'redlock', module: 'redlock', server: 'redis' },
    ...{ who: 'redlock, 1 s', options: { durationMs: 1000 }, leaseMs: 1400 },
  },
  {
    ...{ package: 'etcd3', module: 'etcd3', server: 'etcd' },
    ...{ who: 'etcd3', options: {}, leaseMs: 60_000 },
  },
  // The server makes a lease of 2 s of it.
  {
    ...{ package: 'etcd3', module: 'etcd3', server: 'etcd' },
    ...{ who: 'etcd3, 1 s', options: { ttlSeconds: 1 }, leaseMs: 2000 },
  },
];

/** Incumbent first, then the others that were asked for. */
export function contenders({ choice, leaseMs, against }: Circumstances): Contender[] {
  return [
    { who: ourselves, module: ourselves, options: choice.options, server: 'redis', leaseMs },
    ...others.filter((other) => against(other.package)),
  ];
}

export const isOurs = ({ who }: { who: string }) => who === ourselves;
