import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { packAll, type Packed } from '../pack.ts';
import { addonOf, platforms, root } from '../platforms.ts';
import { Registry } from './registry.ts';

const { platformName } = require('../../lib/platform.js');

export const thisPlatform: string = platformName();

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** All packages, packed and published to a registry of their own, for the tests of a file. */
export class Published {
  packages: Packed[] = [];
  #directory = '';
  #registry: Registry | undefined;

  constructor() {
    before(async () => {
      this.#directory = mkdtempSync(path.join(tmpdir(), 'incumbent-published-'));
      const addons = this.#addons();
      this.packages = await packAll({ addons, into: this.folder('tarballs') });
      this.#registry = await Registry.of(this.packages);
    });
    after(() => {
      this.#registry?.close();
      rmSync(this.#directory, { recursive: true, force: true });
    });
  }

  get main(): Packed {
    return this.packages.at(-1)!;
  }

  of(platform: string): Packed {
    return this.packages.find(({ name }) => name === `incumbent-${platform}`)!;
  }

  /** A new, empty project. */
  project(files: Record<string, string> = {}): Project {
    const folder = mkdtempSync(path.join(this.#directory, 'project-'));
    return new Project(folder, this.#registry!.url, this.folder('cache'), {
      'package.json': '{ "private": true }',
      ...files,
    });
  }

  folder(name: string): string {
    const folder = path.join(this.#directory, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** That of this platform as it was built, and for each other a file that is none. */
  #addons(): string {
    const folder = this.folder('addons');
    for (const platform of platforms) {
      writeFileSync(path.join(folder, addonOf(platform)), `for ${platform}`);
    }
    const built = addonOf(thisPlatform);
    copyFileSync(path.join(root, built), path.join(folder, built));
    return folder;
  }
}

export class Project {
  readonly folder: string;
  readonly #registry: string;
  readonly #cache: string;

  constructor(folder: string, registry: string, cache: string, files: Record<string, string>) {
    this.folder = folder;
    this.#registry = registry;
    this.#cache = cache;
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): void {
    writeFileSync(path.join(this.folder, name), text);
  }

  /** What is in node_modules. */
  get installed(): string[] {
    const modules = path.join(this.folder, 'node_modules');
    if (!existsSync(modules)) return [];
    return readdirSync(modules).filter((name) => !name.startsWith('.'));
  }

  npm(...args: string[]): Promise<Outcome> {
    const options = ['--registry', this.#registry, '--cache', this.#cache, '--no-update-notifier'];
    return this.run('npm', [...args, ...options, '--no-audit', '--no-fund']);
  }

  node(...args: string[]): Promise<Outcome> {
    return this.run(process.execPath, args);
  }

  /** A command in this project; one without a slash may be that of a package. */
  run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const options = { cwd: this.folder, env: { ...process.env, ...env }, timeout: 100_000 };
    return new Promise((resolve) => {
      execFile(command, args, options, (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
        resolve({ code, stdout, stderr });
      });
    });
  }
}
