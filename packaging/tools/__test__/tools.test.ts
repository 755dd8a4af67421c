// Bundlers and test runners, as README.md says that they are used: a small service is bundled and run, and a small suite passes and comes to its end.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { build, type BuildOptions } from 'esbuild';
import { Published, thisPlatform, type Outcome, type Project } from '../../__test__/published.ts';

const published = new Published();
const modules = path.join(__dirname, '..', 'node_modules');

const service = `
  const { Candidate } = require('incumbent');
  async function main() {
    const candidate = new Candidate({ medium: 'memory', kind: 'bundled', leaseMs: 100 });
    await candidate.start();
    await candidate.waitForLeader();
    console.log(candidate.isLeader());
    await candidate.stop();
  }
  void main();`;

async function installed(files: Record<string, string>): Promise<Project> {
  const project = published.project(files);
  succeeded(await project.npm('install', 'incumbent'));
  return project;
}

function succeeded({ code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}

/** What a bundler has made, in a folder of its own, beside the given packages alone. */
function deployed(project: Project, ...packages: string[]): Project {
  const deployment = published.project();
  const [from, to] = [project.folder, deployment.folder];
  cpSync(path.join(from, 'out'), path.join(to, 'out'), { recursive: true });
  for (const name of packages) {
    cpSync(path.join(from, 'node_modules', name), path.join(to, 'node_modules', name), {
      recursive: true,
    });
  }
  return deployment;
}

const both = ['incumbent', `incumbent-${thisPlatform}`];

async function esbuilt(project: Project, options: BuildOptions): Promise<void> {
  await build({
    absWorkingDir: project.folder,
    entryPoints: ['service.cjs'],
    bundle: true,
    platform: 'node',
    outdir: 'out',
    logLevel: 'silent',
    ...options,
  });
}

test('esbuild with the package as external', async () => {
  const project = await installed({ 'service.cjs': service });
  await esbuilt(project, { external: ['incumbent'] });
  assert.equal(succeeded(await deployed(project, ...both).node('out/service.js')), 'true\n');
});

test('esbuild with the addon copied beside the bundle needs no node_modules', async () => {
  const project = await installed({ 'service.cjs': service });
  await esbuilt(project, { loader: { '.node': 'copy' } });
  assert.equal(readdirSync(path.join(project.folder, 'out')).length, 2);
  assert.equal(succeeded(await deployed(project).node('out/service.js')), 'true\n');
});

test('esbuild to an ES module, with the package as external', async () => {
  const source = service.replace(/const (.*) = require\((.*)\);/, 'import $1 from $2;');
  const project = await installed({ 'service.mjs': source });
  const options = { entryPoints: ['service.mjs'], outExtension: { '.js': '.mjs' } };
  await esbuilt(project, { ...options, format: 'esm', external: ['incumbent'] });
  assert.equal(succeeded(await deployed(project, ...both).node('out/service.mjs')), 'true\n');
});

test('webpack with the package as external', async () => {
  const config = `module.exports = {
    mode: 'production', target: 'node', entry: './service.cjs',
    output: { path: __dirname + '/out', filename: 'service.js' },
    externals: { incumbent: 'commonjs incumbent' },
  };`;
  const project = await installed({ 'service.cjs': service, 'webpack.config.js': config });
  const compile = `
    require(${JSON.stringify(path.join(modules, 'webpack'))})(require('./webpack.config.js'), (error, stats) => {
      if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString());
    });`;
  succeeded(await project.node('-e', compile));
  assert.equal(succeeded(await deployed(project, ...both).node('out/service.js')), 'true\n');
});

// In each file the package is loaded anew: twice in a process, where the files share one.
const suite = (name: string) => `
  const { Candidate } = require('incumbent');
  test('${name} leads', async () => {
    const candidate = new Candidate({ medium: 'memory', kind: '${name}', leaseMs: 100 });
    await candidate.start();
    await candidate.waitForLeader();
    expect(candidate.isLeader()).toBe(true);
    await candidate.stop();
  });`;

async function suites(): Promise<Project> {
  const project = await installed({});
  mkdirSync(path.join(project.folder, 'suite'));
  for (const name of ['one', 'two', 'three', 'four']) {
    writeFileSync(path.join(project.folder, 'suite', `${name}.test.js`), suite(name));
  }
  return project;
}

const limited = { CI: 'true', NO_COLOR: '1' };

for (const [where, option] of [
  ['one process', '--runInBand'],
  ['processes', '--maxWorkers=2'],
  ['threads', '--workerThreads'],
] as const) {
  test(`jest in ${where}`, async () => {
    const project = await suites();
    const jest = path.join(modules, 'jest/bin/jest.js');
    const args = [
      jest,
      option,
      '--rootDir',
      project.folder,
      ...(where === 'threads' ? ['--maxWorkers=2'] : []),
    ];
    const outcome = await project.run(process.execPath, args, limited);
    succeeded(outcome);
    assert.match(outcome.stderr, /Tests: +4 passed/);
    assert.doesNotMatch(outcome.stderr, /did not exit|force exited/);
  });
}

for (const pool of ['threads', 'forks', 'vmThreads'] as const) {
  test(`vitest with the pool ${pool}`, async () => {
    const project = await suites();
    const vitest = path.join(modules, 'vitest/vitest.mjs');
    const options = ['run', '--globals', `--pool=${pool}`, '--root', project.folder];
    const told = succeeded(await project.run(process.execPath, [vitest, ...options], limited));
    assert.match(told, /Tests +4 passed/);
  });
}
