import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { guard } from '../../__test__/fixtures/guard.ts';

/** A running copy of an example in Rust. It is killed when the test ends. */
export class RustExample {
  /** What it wrote to stdout and stderr. */
  output = '';
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcessWithoutNullStreams;
  #seen = 0;

  private constructor(t: TestContext, program: string, args: string[]) {
    const child = spawn(program, args);
    this.#child = child;
    const release = guard(child.pid!);
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    this.ended = once(child, 'close').then(([code, signal]) => code ?? signal);
    t.after(async () => {
      child.kill('SIGKILL');
      await this.ended;
      release();
    });
  }

  static async start(t: TestContext, name: string, ...args: string[]): Promise<RustExample> {
    return new RustExample(t, await programOf(name), args);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Gives it a line to read. */
  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  endInput(): void {
    this.#child.stdin.end();
  }

  /** Waits for what it says after all that was waited for before, and gives the first group, or the whole. */
  async says(pattern: RegExp): Promise<string> {
    const found = await eventually(() => pattern.exec(this.output.slice(this.#seen)), {
      within: 30_000,
    }).catch((cause) => {
      throw new Error(`it did not say ${pattern}; it said:\n${this.output}`, { cause });
    });
    this.#seen += found.index + found[0].length;
    return found[1] ?? found[0];
  }
}

/** The program of an example, which is built where it is not. */
async function programOf(name: string): Promise<string> {
  const args = ['build', '--quiet', '--example', name, '--message-format', 'json'];
  const { stdout } = await promisify(execFile)('cargo', args, {
    cwd: path.join(__dirname, '..', '..'),
    maxBuffer: 64 * 1024 * 1024,
  });
  const messages = stdout.split('\n').filter(Boolean);
  const built = messages
    .map((line) => JSON.parse(line))
    .find((message) => message.target?.name === name && message.executable);
  if (!built) throw new Error(`cargo has built no example "${name}"`);
  return built.executable;
}
