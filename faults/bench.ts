import {
  startRedis,
  type RedisOptions,
  type RedisServer,
} from '../__test__/fixtures/redis-server.ts';
import { startProxy, type TcpProxy } from '../__test__/fixtures/tcp-proxy.ts';
import { Group, type GroupSettings } from './group.ts';
import { RegisterEye } from './register-eye.ts';

/** What all candidates of a suite have in common. */
export interface Candidates {
  /** More options, of the fault or from the command line. */
  options?: Record<string, unknown>;
  /** A module that stands in for the package. */
  module?: string;
}

/** What one worker has for the runs of one fault: servers, proxies and processes of its own. */
export class Bench {
  readonly leaseMs: number;
  readonly groups: Group[] = [];
  /** What must hold in every run, where there are candidates beside the groups: each says what is wrong. */
  readonly judges: (() => string[])[] = [];
  /** For how many ms at most a thread of those candidates has waited for a core. */
  readonly waits: (() => number)[] = [];
  /** Whether bytes on their way pass through this process. */
  carriesBytes = false;
  readonly #candidates: Candidates;
  readonly #ends: (() => unknown)[] = [];

  constructor(leaseMs: number, candidates: Candidates) {
    this.leaseMs = leaseMs;
    this.#candidates = candidates;
  }

  async redis(options: RedisOptions = {}): Promise<RedisServer> {
    const server = await startRedis(options);
    this.after(() => server.stop());
    return server;
  }

  /** A proxy; hidden from candidates that would leave crash detection by connection off where they see one. */
  async proxy(server: RedisServer): Promise<TcpProxy> {
    const isHidden = this.#candidates.options?.crashDetection === 'connection';
    const proxy = await startProxy(server.port, { isHidden });
    this.carriesBytes = true;
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
    const { module, options } = this.#candidates;
    const group = new Group({
      kind: 'orders',
      ...(module === undefined ? {} : { module }),
      ...settings,
      options: { leaseMs: this.leaseMs, ...settings.options, ...options },
    });
    this.groups.push(group);
    this.after(() => group.end());
    return group;
  }

  /** The longest time in ms for which a thread of the candidates has waited for a core, in all, since the last call. */
  starvedMs(): number {
    return Math.max(
      0,
      ...this.groups.map((group) => group.starvedMs()),
      ...this.waits.map((wait) => wait()),
    );
  }

  /** Ends what the bench does not start itself. */
  after(end: () => unknown): void {
    this.#ends.push(end);
  }

  async tearDown(): Promise<void> {
    for (let end = this.#ends.pop(); end; end = this.#ends.pop()) await end();
  }
}
