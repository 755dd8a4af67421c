import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { guard } from '../__test__/fixtures/guard.ts';
import type { Records } from '../__test__/fixtures/oracle.ts';
import type { TcpProxy } from '../__test__/fixtures/tcp-proxy.ts';

/** What a process says of itself. */
export interface Status {
  members: { id: string; isUp: boolean; isLeader: boolean; leader?: string }[];
  elections: { id: string; term: number }[];
  counts: Counts;
}

export interface Counts {
  sent: number;
  received: number;
  gaps: number;
  missed: number;
  pending: number;
  refusals: Record<string, number>;
  violations: string[];
}

/** One process of the soak, behind a proxy of its own. It can be killed and made anew. */
export class Member {
  readonly name: string;
  readonly proxy: TcpProxy;
  /** Its resident memory over time, in bytes, since it was made. */
  memory: number[] = [];
  #child!: ChildProcess;
  #calls = new Map<number, { resolve(value: any): void; reject(error: Error): void }>();
  #next = 1;
  #lives = 0;
  readonly #settings: { kind: string; count: number; records: Records };

  constructor(
    name: string,
    proxy: TcpProxy,
    settings: { kind: string; count: number; records: Records },
  ) {
    this.name = name;
    this.proxy = proxy;
    this.#settings = settings;
  }

  /** Starts the process, not yet its candidates. */
  async spawn(): Promise<void> {
    const { kind, count, records } = this.#settings;
    const options = { redis: { url: this.proxy.url }, kind, meta: { process: this.name } };
    const spans = path.join(records.dir, `${this.name}-life-${++this.#lives}`);
    const child = fork(
      path.join(__dirname, 'member-process.cjs'),
      [JSON.stringify({ options, count, spans })],
      {
        // Small spaces for the young are full soon, so that the memory settles soon.
        execArgv: ['--expose-gc', '--max-semi-space-size=4'],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    );
    this.#child = child;
    this.memory = [];
    const release = guard(child.pid!);
    const ready = new Promise<void>((resolve) => {
      child.on('message', (report: any) => (report.ready ? resolve() : this.#settle(report)));
    });
    child.once('exit', () => {
      release();
      for (const { reject } of this.#calls.values()) reject(new Error(`${this.name} has ended`));
      this.#calls.clear();
    });
    await ready;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  call(name: 'status'): Promise<Status>;
  call(
    name: 'instances' | 'rss' | 'leftovers' | 'start' | 'stop' | 'reelect' | 'block',
    ...args: unknown[]
  ): Promise<any>;
  call(name: string, ...args: unknown[]): Promise<any> {
    if (this.hasEnded) return Promise.reject(new Error(`${this.name} has ended`));
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      this.#child.send({ call, name, args });
    });
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  /** Lets it go, after its candidates were stopped: nothing of theirs may hold it. Returns how it ended. */
  async release(withinMs: number): Promise<string> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), withinMs);
    const [code, signal] = await exited;
    clearTimeout(limit);
    return signal ? `did not end by itself within ${withinMs} ms` : `exit code ${code}`;
  }

  #settle({ call, value, error }: { call: number; value?: unknown; error?: string }) {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(`${this.name}: ${error}`));
  }
}
