import { registerKey } from '../__test__/fixtures/register.ts';
import type { RedisServer } from '../__test__/fixtures/redis-server.ts';
import { now, type CandidateProcess } from '../__test__/fixtures/processes.ts';
import type { Group } from './group.ts';
import type { Run } from './run.ts';

/** Looks at the register over one standing connection, made anew where it broke. */
export class RegisterEye {
  readonly #server: RedisServer;
  readonly #kind: string;
  #client: ReturnType<RedisServer['client']> | undefined;

  constructor(server: RedisServer, kind = 'orders') {
    this.#server = server;
    this.#kind = kind;
    this.#client = server.client();
    // Whoever looks hears of it.
    this.#client.catch(() => {});
  }

  async read(): Promise<{ holder: string; term: number; beat: number; stamp: string }> {
    const command = ['HMGET', registerKey(this.#kind), 'holder', 'term', 'beat', 'stamp'];
    const [holder, term, beat, stamp] = (await this.send(...command)) as (string | null)[];
    return {
      holder: holder ?? '',
      term: Number(term ?? 0),
      beat: Number(beat ?? 0),
      stamp: stamp ?? '',
    };
  }

  /** Sends a command over that connection. */
  async send(...command: string[]): Promise<unknown> {
    this.#client ??= this.#server.client();
    const client = await this.#client.catch((error) => {
      this.#client = undefined;
      throw error;
    });
    try {
      return await client.sendCommand(command);
    } catch (error) {
      // An answer that is an error leaves the connection as it is.
      if (!client.isReady) {
        client.destroy();
        this.#client = undefined;
      }
      throw error;
    }
  }

  /**
   * Waits until one leader stands: the register names a process, was written since `since`, and that process says that it
   * leads. Returns it, and when that was: the moment of its `elected`, where it was elected since then.
   */
  async standing(
    run: Run,
    group: Group,
    since: { at: bigint; stamp: string },
  ): Promise<{ leader: CandidateProcess; at: bigint; wasElected: boolean }> {
    return run.becomes('one leader stands', async () => {
      const { holder, stamp } = await this.read();
      if (stamp === since.stamp) return undefined;
      const leader = group.living.find(({ id }) => holder.startsWith(id));
      if (!leader || !(await leader.call('isLeader'))) return undefined;
      const at = now();
      const election = group.electedSince(since.at).find(({ process }) => process === leader);
      return { leader, at: election?.event.at ?? at, wasElected: election !== undefined };
    });
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    client?.destroy();
  }
}
