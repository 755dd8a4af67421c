import {
  startRedis,
  type RedisOptions,
  type RedisServer,
} from '../__test__/fixtures/redis-server.ts';
import { startProxy, type TcpProxy } from '../__test__/fixtures/tcp-proxy.ts';
import { Group, type GroupSettings } from './group.ts';
import { RegisterEye } from './register-eye.ts';

/** What one worker has for the runs of one fault: servers, proxies and processes of its own. */
export class Bench {
  readonly leaseMs: number;
  readonly groups: Group[] = [];
  readonly #options: Record<string, unknown>;
  readonly #ends: (() => unknown)[] = [];

  /** `options`: more options for every candidate, from the command line. */
  constructor(leaseMs: number, options: Record<string, unknown>) {
    this.leaseMs = leaseMs;
    this.#options = options;
  }

  async redis(options: RedisOptions = {}): Promise<RedisServer> {
    const server = await startRedis(options);
    this.after(() => server.stop());
    return server;
  }

  async proxy(server: RedisServer): Promise<TcpProxy> {
    const proxy = await startProxy(server.port);
    this.after(() => proxy.close());
    return proxy;
  }

  /** One proxy for each of the processes of a group, so that each can be cut off alone. */
  proxies(server: RedisServer, count: number): Promise<TcpProxy[]> {
    return Promise.all(Array.from({ length: count }, () => this.proxy(server)));
  }

  /** Somebody outside who looks at the register. */
  eye(server: RedisServer): RegisterEye {
    const eye = new RegisterEye(server);
    this.after(() => eye.close());
    return eye;
  }

  /** A group of processes, none of which runs before `steady()`. */
  group(settings: Omit<GroupSettings, 'kind'> & { kind?: string }): Group {
    const group = new Group({
      kind: 'orders',
      ...settings,
      options: { leaseMs: this.leaseMs, ...settings.options, ...this.#options },
    });
    this.groups.push(group);
    this.after(() => group.end());
    return group;
  }

  /** Ends what the bench does not start itself. */
  after(end: () => unknown): void {
    this.#ends.push(end);
  }

  async tearDown(): Promise<void> {
    for (let end = this.#ends.pop(); end; end = this.#ends.pop()) await end();
  }
}
