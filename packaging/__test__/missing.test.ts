// No addon, or one that does not fit: each situation as a user gets into it, and what the error says.

import assert from 'node:assert/strict';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../platforms.ts';
import { Published, thisPlatform, type Project } from './published.ts';

const { explain } = require('../../lib/addon.js');
const { libc } = require('../../lib/platform.js');

const published = new Published();
const itsPackage = `incumbent-${thisPlatform}`;
const [os, cpu] = thisPlatform.split('-');
// One of another system, and the remedy for this one.
const other = os === 'darwin' ? ['linux', 'x64'] : ['darwin', 'arm64'];

async function refusal(project: Project): Promise<string> {
  const { stdout, stderr } = await project.node(
    '-e',
    `try { require('incumbent') } catch (error) { console.log(error.name, error.code, error.message) }`,
  );
  assert.match(stdout, /^IncumbentError ERR_NATIVE_MISSING /, stderr);
  assert.ok(
    stdout.includes(
      `no usable native addon for ${thisPlatform} (Node.js ${process.versions.node}).`,
    ),
  );
  return stdout;
}

async function installed(...options: string[]): Promise<Project> {
  const project = published.project();
  const { code, stderr } = await project.npm('install', 'incumbent', ...options);
  assert.equal(code, 0, stderr);
  return project;
}

test('installed without optional dependencies', async () => {
  const told = await refusal(await installed('--omit=optional'));
  assert.ok(
    told.includes(`Looked for the package "${itsPackage}", and for incumbent.${thisPlatform}.node`),
  );
  assert.match(told, /not with --omit=optional .* Install with optional dependencies/);
});

test('the lock file names no package for this platform', async () => {
  const project = await installed('--omit=optional');
  const lock = path.join(project.folder, 'package-lock.json');
  const content = require(lock);
  for (const where of Object.keys(content.packages)) {
    if (where.startsWith('node_modules/incumbent-')) delete content.packages[where];
  }
  delete content.packages['node_modules/incumbent'].optionalDependencies;
  writeFileSync(lock, JSON.stringify(content));
  assert.equal((await project.npm('ci')).code, 0);
  assert.match(
    await refusal(project),
    /remove node_modules and the lock file, and run npm install/,
  );
});

test('node_modules was copied from another system, as from a Mac into a container', async () => {
  const told = await refusal(await installed(`--os=${other[0]}`, `--cpu=${other[1]}`));
  assert.match(
    told,
    new RegExp(
      `There is "incumbent-${other.join('-')}[\\w-]*": node_modules was installed on, or for`,
    ),
  );
  assert.match(told, new RegExp(`copy no node_modules .* npm install --os=${os} --cpu=${cpu}`));
});

test('the package of this platform has lost its file', async () => {
  const project = await installed();
  rmSync(addonIn(project));
  assert.match(
    await refusal(project),
    /The package is there, but without its file: remove node_modules/,
  );
});

test('the file is damaged, or that of another platform', async () => {
  const project = await installed();
  writeFileSync(addonIn(project), 'no addon');
  const told = await refusal(project);
  assert.match(told, /The file is there, but could not be loaded: .*incumbent\.[\w-]+\.node/);
  assert.match(told, /It may be damaged, or that of another platform: remove node_modules/);
});

test('the addon is of another version', async () => {
  const project = await installed();
  writeFileSync(addonIn(project).replace(/node$/, 'js'), `exports.version = () => '0.0.1';`);
  const manifest = path.join(path.dirname(addonIn(project)), 'package.json');
  writeFileSync(manifest, JSON.stringify({ main: `incumbent.${thisPlatform}.js` }));
  const { version } = published.main.manifest;
  assert.ok(
    (await refusal(project)).includes(
      `of version 0.0.1, and incumbent of ${version}. Remove node_modules and install again`,
    ),
  );
});

test('the command says so as well, and exits with 1', async () => {
  const project = await installed('--omit=optional');
  const doctor = ['--no-install', 'incumbent', 'doctor', '--redis', 'redis://127.0.0.1:1'];
  const { code, stderr } = await project.run('npx', doctor);
  assert.equal(code, 1);
  assert.match(stderr, /^error: no usable native addon for/m);
});

test('an addon that was built by hand is taken from the folder of the package', async () => {
  const project = await installed('--omit=optional');
  const name = `incumbent.${thisPlatform}.node`;
  copyFileSync(path.join(root, name), path.join(project.folder, 'node_modules/incumbent', name));
  const { code, stderr } = await project.node('-e', `require('incumbent')`);
  assert.equal(code, 0, stderr);
});

test('the C library of the system is older than the addon needs', () => {
  const error = refused("/app/x.node: version `GLIBC_2.17' not found (required by x)");
  const told = explain('linux-x64-gnu', error, ['linux-x64-gnu']);
  assert.match(
    told,
    /not found \(required by x\)\. It needs glibc 2\.17 or newer; this system has \S+/,
  );
});

test('the file system forbids to run code', () => {
  const error = refused('/app/x.node: failed to map segment from shared object');
  assert.match(explain('linux-x64-gnu', error, []), /\(the mount option noexec\)/);
});

test('there is no package for the platform', () => {
  const told = explain('freebsd-x64', undefined, []);
  assert.match(told, /There are packages for linux-x64-gnu, .* npm ci && npm run build/);
});

test('the C library is that of the program that runs, not that of the system', () => {
  const program = path.join(published.folder('programs'), 'node');
  for (const [loader, name] of [
    ['/lib/ld-musl-aarch64.so.1', 'musl'],
    ['/lib64/ld-linux-x86-64.so.2', 'gnu'],
    ['/nix/store/0-glibc/lib/ld-linux-aarch64.so.1', 'gnu'],
  ]) {
    writeFileSync(program, `\x7fELF\0${loader}\0`);
    assert.equal(libc(program), name);
  }
});

function refused(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_DLOPEN_FAILED' });
}

function addonIn(project: Project): string {
  return path.join(project.folder, 'node_modules', itsPackage, `incumbent.${thisPlatform}.node`);
}
