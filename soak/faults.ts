import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../__test__/fixtures/redis-server.ts';
import { registerKey } from '../__test__/fixtures/register.ts';
import type { Direction, Which } from '../__test__/fixtures/tcp-proxy.ts';
import type { Member } from './member.ts';

/** What the faults strike. */
export interface Scene {
  redis: RedisServer;
  kind: string;
  members: Member[];
  /** How many candidates each member has. */
  count: number;
  leaseMs: number;
}

export interface Fault {
  name: string;
  /** How often it is chosen, against the others. */
  weight: number;
  /** Whether it strikes the server, which only one fault at a time may do. */
  ofServer?: boolean;
  /** Injects it, and ends it. Returns whether it was seen to take effect. */
  strike(scene: Scene, random: Random): Promise<boolean>;
}

/** Numbers from a seed (mulberry32), so that the choices of a run can be repeated. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1. */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  upTo(limit: number): number {
    return this.unit() * limit;
  }

  pick<T>(among: readonly T[]): T {
    return among[Math.floor(this.unit() * among.length)]!;
  }

  weighted<T extends { weight: number }>(among: readonly T[]): T {
    let left = this.upTo(among.reduce((sum, { weight }) => sum + weight, 0));
    return among.find(({ weight }) => (left -= weight) < 0) ?? among[0]!;
  }
}

/** Which bytes. A subscription asks for nothing as a rule, so that a fault of its requests alone would strike nothing. */
const lanes: readonly (readonly [Direction, Which])[] = [
  ['requests', 'all'],
  ['requests', 'commands'],
  ['replies', 'all'],
  ['replies', 'commands'],
  ['replies', 'subscriptions'],
  ['both', 'all'],
];

export const faults: Fault[] = [
  {
    name: 'a process is stopped (SIGSTOP) and goes on',
    weight: 3,
    async strike({ members, leaseMs }, random) {
      const member = random.pick(members);
      member.signal('SIGSTOP');
      let answered = false;
      const answer = member.call('rss').then(
        () => (answered = true),
        () => {},
      );
      await sleep(random.upTo(4 * leaseMs));
      const wasStill = !answered;
      member.signal('SIGCONT');
      await answer;
      return wasStill;
    },
  },
  {
    name: 'the JavaScript of a process is blocked',
    weight: 1,
    async strike({ members, leaseMs }, random) {
      const began = performance.now();
      const ms = random.upTo(2 * leaseMs);
      await random.pick(members).call('block', ms);
      return performance.now() - began >= ms;
    },
  },
  {
    name: 'CLIENT KILL',
    weight: 3,
    ofServer: true,
    async strike({ redis }, random) {
      const type = random.pick(['normal', 'pubsub'] as const);
      return (await redis.cli('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes')) > 0;
    },
  },
  {
    name: 'a process is cut off',
    weight: 2,
    async strike({ members }, random) {
      const { proxy } = random.pick(members);
      const { refused } = proxy.counts;
      proxy.cut();
      await sleep(200 + random.upTo(3000));
      proxy.pass();
      return proxy.counts.refused > refused;
    },
  },
  {
    name: 'the bytes of a process are held back',
    weight: 2,
    async strike({ members }, random) {
      const { proxy } = random.pick(members);
      const { lateBytes } = proxy.counts;
      proxy.hold(...random.pick(lanes));
      await sleep(400 + random.upTo(2000));
      proxy.pass();
      return proxy.counts.lateBytes > lateBytes;
    },
  },
  {
    name: 'the bytes of a process vanish',
    weight: 2,
    async strike({ members }, random) {
      const { proxy } = random.pick(members);
      const { lostBytes } = proxy.counts;
      proxy.blackhole(...random.pick(lanes));
      await sleep(500 + random.upTo(2500));
      proxy.pass();
      return proxy.counts.lostBytes > lostBytes;
    },
  },
  {
    name: 'the bytes of a process are late',
    weight: 1,
    async strike({ members }, random) {
      const { proxy } = random.pick(members);
      const { lateBytes } = proxy.counts;
      proxy.delay(random.upTo(60), { jitter: 40 });
      await sleep(500 + random.upTo(3000));
      proxy.pass();
      return proxy.counts.lateBytes > lateBytes;
    },
  },
  {
    name: 'Redis is restarted, or killed and started again, without its data',
    weight: 1,
    ofServer: true,
    async strike({ redis }, random) {
      const { pid } = redis;
      if (random.unit() < 0.5) {
        await redis.kill();
        await sleep(random.upTo(2000));
      }
      await redis.restart();
      return redis.pid !== pid;
    },
  },
  {
    name: 'the data are wiped',
    weight: 3,
    ofServer: true,
    async strike({ redis, kind }, random) {
      const wipes = [['FLUSHALL'], ['FLUSHDB'], ['DEL', registerKey(kind)]] as const;
      return Boolean(await redis.cli(...random.pick(wipes)));
    },
  },
  {
    name: 'SCRIPT FLUSH',
    weight: 1,
    ofServer: true,
    async strike({ redis }) {
      return (await redis.cli('SCRIPT', 'FLUSH')) === 'OK';
    },
  },
  {
    name: 'candidates are stopped and started',
    weight: 4,
    async strike({ members, count }, random) {
      const member = random.pick(members);
      const all = Array.from({ length: count }, (_, number) => number);
      const chosen = random.unit() < 0.2 ? all : all.filter(() => random.unit() < 0.4);
      if (chosen.length === 0) chosen.push(0);
      await member.call('stop', chosen);
      await sleep(random.upTo(500));
      await member.call('start', chosen);
      return true;
    },
  },
  {
    name: 'reelect()',
    weight: 3,
    async strike({ members }) {
      const asked = await Promise.all(members.map((member) => member.call('reelect')));
      return asked.some((candidates) => candidates.length > 0);
    },
  },
  {
    name: 'a process is killed (SIGKILL) and made anew',
    weight: 1,
    async strike({ members }, random) {
      // The first two never die, so that their memory can be judged.
      const member = random.pick(members.slice(2));
      await member.kill();
      await sleep(random.upTo(2000));
      await member.spawn();
      await member.call('start');
      return true;
    },
  },
];
