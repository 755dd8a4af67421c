// A reader: somebody with an empty folder, the package installed from its tarballs in place of the registry, and a Redis of
// their own, who saves, runs and compares what a document shows.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { Program } from '../../__test__/fixtures/program.ts';
import { startRedis, type RedisServer } from '../../__test__/fixtures/redis-server.ts';
import { root, type Block } from './document.ts';
import { fromScripts } from './scripts.ts';

// One database for each block: the same kind in two of them is two kinds.
const databases = 1024;

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
    const { packAll } = await fromScripts('packed.mjs');
    const { temporaryDirectory } = await fromScripts('temporary.mjs');
    const packed = await packAll();
    if (!packed.ok) throw new Error(packed.output);
    const redis = await startRedis({ args: ['--databases', String(databases)] });
    const desk = new Desk(temporaryDirectory(), redis, packed.tarballs);
    makeProject(desk.folder);
    const { status, output } = desk.#sh('npm install incumbent', desk.folder, {});
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

  #sh(script: string, cwd: string, env: Record<string, string>) {
    const { status, stdout, stderr } = spawnSync('bash', ['-euc', this.installable(script)], {
      cwd,
      env: { ...process.env, ...env },
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status, output: `${stdout}${stderr}`, stdout };
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
  readonly #run: (
    script: string,
    env: Record<string, string>,
  ) => { status: number | null; output: string; stdout: string };

  /** Use {@link Desk.reader}. */
  constructor(
    t: TestContext,
    folder: string,
    redisUrl: string,
    run: (
      script: string,
      env: Record<string, string>,
    ) => { status: number | null; output: string; stdout: string },
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
  shell(script: string) {
    const own = script.replaceAll('redis://localhost:6379', this.redisUrl);
    return this.#run(own, { REDIS_URL: this.redisUrl });
  }
}
