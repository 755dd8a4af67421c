import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from './contenders.ts';
import { Program } from './program.ts';

export interface CrowdSettings {
  contender: Contender;
  url: string;
  /** How many contenders there are, over how many processes. */
  count: number;
  processes: number;
  /** The URL of each, where they differ. */
  urls?: string[];
  /** The kind of each, where they differ. */
  kinds?: string[];
}

/** Many contenders in a few processes. */
export class Crowd {
  readonly #programs: Program[] = [];

  /** Starts all of them, and waits until what follows a start is over. */
  async start({ contender, url, count, processes, urls, kinds }: CrowdSettings): Promise<void> {
    const { module, options } = contender;
    const each = Math.ceil(count / processes);
    for (let first = 0; first < count; first += each) {
      const own = <T>(all: T[] | undefined) => all?.slice(first, first + each);
      const task = {
        contender: module,
        url,
        kind: 'bench',
        options,
        urls: own(urls),
        kinds: own(kinds),
      };
      const program = await Program.start('election', task);
      this.#programs.push(program);
      await program.call('startAll', Math.min(each, count - first));
    }
    await sleep(2000 + count);
  }

  /** The CPU that all its processes use while `deed` lasts, in % of a core, and what the deed gives. */
  async whileUsing<T>(deed: () => Promise<T>): Promise<{ cpu: number; value: T }> {
    const [before, startedAt] = [await this.#cpuMs(), performance.now()];
    const value = await deed();
    const usedMs = (await this.#cpuMs()) - before;
    return { cpu: (100 * usedMs) / (performance.now() - startedAt), value };
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

/** Runs `use` with a crowd, and ends it. */
export async function withCrowd<T>(
  settings: CrowdSettings,
  use: (crowd: Crowd) => Promise<T>,
): Promise<T> {
  const crowd = new Crowd();
  try {
    await crowd.start(settings);
    return await use(crowd);
  } finally {
    await crowd.end();
  }
}
