// A reader: somebody with an empty folder, the package installed from its tarballs in place of the registry, and a Redis of
// their own, who saves, runs and compares what a document shows.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { guard } from '../../__test__/fixtures/guard.ts';
import { Program } from '../../__test__/fixtures/program.ts';
import { startRedis, type RedisServer } from '../../__test__/fixtures/redis-server.ts';
import { root, type Block } from './document.ts';
import { packAll } from './package.ts';
import { fromScripts } from './scripts.ts';

// One database for each block: the same kind in two of them is two kinds.
const databases = 1024;

/** What a command has left. */
interface Ended {
  status: number | string | null;
  stdout: string;
  /** stdout and stderr, for a person who wonders. */
  output: string;
}

export class Desk {
  readonly folder: string;
  readonly #redis: RedisServer;
  readonly #tarballs: string[];
  #readers = 0;

  private constructor(folder: string, redis: RedisServer, tarballs: string[]) {
    this.folder = folder;
    this.#redis = redis;
    this.#tarballs = tarballs;
  }

  static async make(): Promise<Desk> {
    const { temporaryDirectory } = await fromScripts('temporary.mjs');
    const tarballs = await packAll(temporaryDirectory());
    const redis = await startRedis({ args: ['--databases', String(databases)] });
    const desk = new Desk(temporaryDirectory(), redis, tarballs);
    makeProject(desk.folder);
    const { status, output } = await desk.#sh('npm install incumbent', desk.folder, {});
    if (status === 0) return desk;
    await redis.stop();
    throw new Error(output);
  }

  get redis(): RedisServer {
    return this.#redis;
  }

  close(): Promise<void> {
    return this.#redis.stop();
  }

  /** A reader with a folder and a database that nobody else has. */
  reader(t: TestContext): Reader {
    this.#readers += 1;
    if (this.#readers >= databases) throw new Error('more blocks than databases');
    const folder = path.join(this.folder, `reader-${this.#readers}`);
    mkdirSync(folder);
    makeProject(folder);
    return new Reader(t, folder, `${this.#redis.url}/${this.#readers}`, (script, env) =>
      this.#sh(script, folder, env),
    );
  }

  #sh(script: string, cwd: string, env: Record<string, string>): Promise<Ended> {
    return ended('bash', ['-euc', this.installable(script)], cwd, env);
  }

  /**
   * What is installed comes from this project: the package from its tarballs, anything else from docs/package.json, which pins
   * its version.
   */
  installable(script: string): string {
    return script.replace(/npm install ([^\n]*)/g, (_, list: string) => {
      const sources = list.split(' ').flatMap((name) => {
        if (name === 'incumbent') return this.#tarballs;
        return [path.join(root, 'docs', 'node_modules', pinned(name))];
      });
      return `npm install --offline --ignore-scripts --silent ${sources.join(' ')}`;
    });
  }
}

/** So that npm installs here, and not in a folder above. */
function makeProject(folder: string): void {
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
}

/** The name of a package, of which docs/package.json has the version that the document names, if it names one. */
function pinned(specifier: string): string {
  const [, name, version] = /^(.[^@]*)(?:@(.*))?$/.exec(specifier)!;
  const { devDependencies } = JSON.parse(
    readFileSync(path.join(root, 'docs', 'package.json'), 'utf8'),
  );
  const wanted = devDependencies[name!];
  if (wanted === undefined) throw new Error(`docs/package.json does not have ${name}`);
  if (version && version !== wanted) throw new Error(`docs/package.json has ${name}@${wanted}`);
  return name!;
}

export class Reader {
  readonly folder: string;
  /** Of a database of its own. */
  readonly redisUrl: string;
  readonly #t: TestContext;
  readonly #started: Program[] = [];
  readonly #run: (script: string, env: Record<string, string>) => Promise<Ended>;

  /** Use {@link Desk.reader}. */
  constructor(
    t: TestContext,
    folder: string,
    redisUrl: string,
    run: (script: string, env: Record<string, string>) => Promise<Ended>,
  ) {
    this.#t = t;
    this.folder = folder;
    this.redisUrl = redisUrl;
    this.#run = run;
  }

  save(name: string, text: string): string {
    const file = path.join(this.folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Starts a program of a document. Its file has the ending that its language asks for. */
  start(block: Block, env: Record<string, string> = {}): Program {
    const file = this.save(`block-${block.line}.${block.language}`, block.code);
    const program = new Program(this.#t, file, {
      args: [],
      cwd: this.folder,
      env: { REDIS_URL: this.redisUrl, ...env },
    });
    this.#started.push(program);
    return program;
  }

  /** Runs a script until it has printed what is wanted, ends it by Ctrl-C, and gives what it printed on stdout up to there. */
  async shellUntil(script: string, tells: RegExp): Promise<string> {
    const child = spawn('bash', ['-euc', this.#localized(script)], {
      cwd: this.folder,
      env: { ...process.env, REDIS_URL: this.redisUrl },
      stdio: ['ignore', 'pipe', 'pipe'],
      // As a terminal does: Ctrl-C goes to all that the script has started.
      detached: true,
    });
    const group = -child.pid!;
    const release = guard(group);
    let [stdout, output] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
    const closed = once(child, 'close');
    try {
      await this.until(() => tells.test(output) || child.exitCode !== null);
      const printed = stdout;
      assert.match(output, tells);
      process.kill(group, 'SIGINT');
      const [status, signal] = await closed;
      const byInterrupt = status === 0 || status === 130 || signal === 'SIGINT';
      assert.ok(byInterrupt, `${status ?? signal}: ${output}`);
      return printed;
    } finally {
      if (child.exitCode === null && child.signalCode === null) process.kill(group, 'SIGKILL');
      release();
    }
  }

  /** Runs a program of a document to its end. */
  run(block: Block): Promise<Ended> {
    const file = this.save(`block-${block.line}.${block.language}`, block.code);
    return ended(process.execPath, [file], this.folder, { REDIS_URL: this.redisUrl });
  }

  /** Waits for a condition; where it does not come, the error has what the programs have printed. */
  async until<T>(condition: () => T | Promise<T>) {
    try {
      return await eventually(condition, { within: 30_000, every: 10 });
    } catch (error) {
      const printed = this.#started.map(({ output, isRunning }, index) => {
        return `program ${index + 1}, which ${isRunning ? 'runs' : 'has ended'}, printed:\n${output}`;
      });
      throw new Error([(error as Error).message, ...printed].join('\n'));
    }
  }

  /** Runs a script of a shell, in which the server of the documents means the reader's own. */
  shell(script: string): Promise<Ended> {
    return this.#run(this.#localized(script), { REDIS_URL: this.redisUrl });
  }

  #localized(script: string): string {
    return script.replaceAll('redis://localhost:6379', this.redisUrl);
  }
}

function ended(
  command: string,
  args: string[],
  cwd: string,
  env: Record<string, string>,
): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd, env: { ...process.env, ...env }, timeout: 60_000 };
    execFile(command, args, options, (error, stdout, stderr) => {
      const status = error ? (error.code ?? error.signal ?? null) : 0;
      resolve({ status, stdout, output: `${stdout}${stderr}` });
    });
  });
}
