import type { RedisServer } from '../__test__/fixtures/redis-server.ts';
import { isOurs, type Contender } from './contenders.ts';
import { Program } from './program.ts';
import { comeToRest } from './rest.ts';
import { account, loadOf, type Load } from './server-load.ts';

export interface CrowdSettings {
  contender: Contender;
  redis: RedisServer;
  /** How many contenders there are, over how many processes. */
  count: number;
  processes: number;
  /** How many start together. @default all of a process */
  atATime?: number;
  /** The URL of each, where they differ. */
  urls?: string[];
  /** The kind of each, where they differ. */
  kinds?: string[];
}

/** What a crowd costs while nothing happens. */
export interface IdleLoad extends Load {
  /** That of all its processes, in % of a core. */
  ownCpu: number;
}

/** Many contenders in a few processes. */
export class Crowd {
  readonly #programs: Program[] = [];
  readonly #settings: CrowdSettings;

  constructor(settings: CrowdSettings) {
    this.#settings = settings;
  }

  /** Starts all of them, and waits until what follows a start is over. */
  async start(): Promise<void> {
    const { contender, redis, count, processes, atATime, urls, kinds } = this.#settings;
    const { module, options } = contender;
    const each = Math.ceil(count / processes);
    for (let first = 0; first < count; first += each) {
      const own = <T>(all: T[] | undefined) => all?.slice(first, first + each);
      const task = {
        contender: module,
        url: redis.url,
        kind: 'bench',
        options,
        urls: own(urls),
        kinds: own(kinds),
      };
      const program = await Program.start('election', task);
      this.#programs.push(program);
      await startAll(program, Math.min(each, count - first), atATime);
    }
    await this.#whole();
    const client = await redis.client();
    try {
      await comeToRest(async () => (await account(client)).commands);
    } finally {
      client.destroy();
    }
  }

  /** Watches it and its server, as `loadOf` does. */
  async idle(seconds: number): Promise<IdleLoad> {
    const [before, startedAt] = [await this.#cpuMs(), performance.now()];
    const load = await loadOf(this.#settings.redis, seconds);
    const usedMs = (await this.#cpuMs()) - before;
    const passedMs = performance.now() - startedAt;
    // Without a leader, the crowd would look cheap.
    await this.#whole();
    return { ...load, ownCpu: (100 * usedMs) / passedMs };
  }

  /** The first of each kind sees all the others, and one of them leads. */
  async #whole(): Promise<void> {
    const { contender, count, kinds } = this.#settings;
    if (!isOurs(contender)) return;
    await this.#programs[0]!.call('whole', kinds ? 1 : count, kinds?.length ?? 1);
  }

  async #cpuMs(): Promise<number> {
    const used: NodeJS.CpuUsage[] = await Promise.all(
      this.#programs.map((program) => program.call('cpu')),
    );
    return used.reduce((sum, { user, system }) => sum + (user + system) / 1000, 0);
  }

  async end(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill()));
  }
}

async function startAll(program: Program, count: number, atATime = count): Promise<void> {
  for (let first = 0; first < count; first += atATime)
    await program.call('startSome', first, Math.min(atATime, count - first));
}

/** Runs `use` with a crowd, and ends it. */
export async function withCrowd<T>(
  settings: CrowdSettings,
  use: (crowd: Crowd) => Promise<T>,
): Promise<T> {
  const crowd = new Crowd(settings);
  try {
    await crowd.start();
    return await use(crowd);
  } finally {
    await crowd.end();
  }
}
