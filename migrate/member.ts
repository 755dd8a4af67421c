// One instance of a mixed fleet, old or new, seen in the same way.

import type { EventEmitter } from 'node:events';
import { Candidate } from 'incumbent';
import { OldInstance } from '../__test__/fixtures/old-instance.ts';

export interface Place {
  url: string;
  kind: string;
  leaseMs: number;
}

type Any = EventEmitter & {
  id: string;
  messageAll(message: unknown): Promise<void>;
  messageLeader(message: unknown): Promise<void>;
  messageFollowers(message: unknown): Promise<void>;
  messageTo(id: string, message: unknown): Promise<void>;
};

export class Member {
  readonly is: 'old' | 'new';
  readonly self: Any;
  /** By performance.now(): when its start() had ended, when its stop() began. */
  startedAt = Infinity;
  stoppedAt = Infinity;
  /** When it was told that another leads in its place. */
  readonly defeats: number[] = [];
  readonly #self: OldInstance | Candidate;

  constructor(is: 'old' | 'new', { url, kind, leaseMs }: Place) {
    this.is = is;
    const meta = { is };
    this.#self =
      is === 'old'
        ? new OldInstance({ url, kind, meta })
        : new Candidate({ redis: { url }, kind, leaseMs, meta, migrate: 'node-raft-redis' });
    this.self = this.#self as Any;
    this.#self.on('defeated', () => this.defeats.push(performance.now()));
  }

  get id(): string {
    return this.#self.id;
  }

  /** Whether it takes part: from the end of its start to the beginning of its stop. */
  get lives(): boolean {
    return this.startedAt < Infinity && this.stoppedAt === Infinity;
  }

  livesThrough(from: number, to: number): boolean {
    return this.startedAt < from && to < this.stoppedAt;
  }

  leads(): boolean {
    return this.#self instanceof OldInstance ? this.#self.leads : this.#self.isLeader();
  }

  /** How many old instances it knows; a new one alone can tell. */
  get legacyInstances(): number | undefined {
    return this.#self instanceof Candidate ? this.#self.stats().legacyInstances : undefined;
  }

  async list(): Promise<string[]> {
    const instances = await this.#self.getInstances();
    return instances.map(({ id, meta }) => `${id} ${meta.is}`).sort();
  }

  async leader(): Promise<string | undefined> {
    return (await this.#self.getLeader())?.id;
  }

  get crashes(): Error[] {
    return this.#self instanceof OldInstance ? this.#self.crashes : [];
  }

  async start(): Promise<void> {
    await this.#self.start();
    this.startedAt = performance.now();
  }

  async stop(): Promise<void> {
    this.stoppedAt = Math.min(this.stoppedAt, performance.now());
    await this.#self.stop();
  }
}
