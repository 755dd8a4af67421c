import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { guard } from '../__test__/fixtures/guard.ts';

/** What a program tells without being asked. */
export type Report = { elected: number; at: bigint } | { failed: string };

export interface ProgramSettings {
  /** More arguments of Node. */
  execArgv?: string[];
  onReport?: (report: Report) => void;
}

/** Far more than any call takes, so that one that hangs fails its run and not the whole benchmark. */
const callLimitMs = 180_000;

/** A process of the benchmark: one of `programs/`, in plain JavaScript, so that nothing compiles in it. */
export class Program {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #calls = new Map<number, { resolve(value: any): void; reject(error: Error): void }>();
  #nextCall = 1;
  readonly #ready: Promise<void>;
  #output = '';

  /** Starts it, and waits until it takes calls. */
  static async start(name: string, task: object, settings: ProgramSettings = {}): Promise<Program> {
    const program = new Program(name, task, settings);
    await program.#ready;
    return program;
  }

  private constructor(name: string, task: object, { execArgv = [], onReport }: ProgramSettings) {
    this.#name = name;
    const file = path.join(__dirname, 'programs', `${name}.cjs`);
    this.#child = fork(file, [JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Moments are BigInts.
      serialization: 'advanced',
      execArgv,
    });
    const release = guard(this.#child.pid!);
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (text) => (this.#output += text));
    this.#ready = new Promise((resolve, reject) => {
      this.#child.on('message', (report: any) => {
        if (report.ready) resolve();
        else if (report.call) this.#settle(report);
        else onReport?.(report);
      });
      this.#child.once('exit', (code, signal) => {
        release();
        const error = new Error(`${name} ended (${signal ?? `code ${code}`}) ${this.#output}`);
        reject(error);
        for (const call of this.#calls.values()) call.reject(error);
        this.#calls.clear();
      });
    });
  }

  call(name: string, ...args: unknown[]): Promise<any> {
    if (!this.isRunning) return Promise.reject(new Error(`${this.#name} has ended`));
    const call = this.#nextCall++;
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#calls.delete(call);
        reject(new Error(`${this.#name}: no answer to ${name} within ${callLimitMs / 1000} s`));
      }, callLimitMs);
      const ended =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(limit);
          settle(value);
        };
      this.#calls.set(call, { resolve: ended(resolve), reject: ended(reject) });
      this.#child.send({ call, name, args });
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Kills it, and returns the moment just after the signal was sent. */
  async kill(): Promise<bigint> {
    if (!this.isRunning) return process.hrtime.bigint();
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    const at = process.hrtime.bigint();
    await exited;
    return at;
  }

  #settle({ call, value, error }: { call: number; value?: unknown; error?: string }): void {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(`${this.#name}: ${error}`));
  }
}
