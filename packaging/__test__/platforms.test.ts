// The packages of the platforms: which one npm takes, and that they agree with one another and with the source.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { folderOf, manifestIn, platforms, root } from '../platforms.ts';
import { Published } from './published.ts';

const { PLATFORMS } = require('../../lib/platform.js');
const source = require('../../package.json');

const published = new Published();
const read = (name: string) => readFileSync(path.join(root, name), 'utf8');

const wanted: Record<string, string[]> = {
  'linux-x64-gnu': ['--os=linux', '--cpu=x64', '--libc=glibc'],
  'linux-x64-musl': ['--os=linux', '--cpu=x64', '--libc=musl'],
  'linux-arm64-gnu': ['--os=linux', '--cpu=arm64', '--libc=glibc'],
  'linux-arm64-musl': ['--os=linux', '--cpu=arm64', '--libc=musl'],
  'darwin-x64': ['--os=darwin', '--cpu=x64'],
  'darwin-arm64': ['--os=darwin', '--cpu=arm64'],
  'win32-x64-msvc': ['--os=win32', '--cpu=x64'],
  'win32-arm64-msvc': ['--os=win32', '--cpu=arm64'],
};

for (const [platform, options] of Object.entries(wanted)) {
  test(`npm takes the package of ${platform} there, and no other`, async () => {
    const project = published.project();
    const { code, stderr } = await project.npm('install', 'incumbent', ...options);
    assert.equal(code, 0, stderr);
    assert.deepEqual(project.installed, ['incumbent', `incumbent-${platform}`]);
  });
}

test('on a platform without a package npm installs the rest', async () => {
  const project = published.project();
  const { code, stderr } = await project.npm('install', 'incumbent', '--os=freebsd', '--cpu=x64');
  assert.equal(code, 0, stderr);
  assert.deepEqual(project.installed, ['incumbent']);
});

test('the same platforms are named by the loader, by npm/ and by the build', () => {
  const names = Object.keys(wanted).sort();
  assert.deepEqual(platforms, names);
  assert.deepEqual([...PLATFORMS].sort(), names);
  const loaded = read('native.js').matchAll(/require\('incumbent-([\w-]+)'\)/g);
  assert.deepEqual([...loaded].map(([, name]) => name).sort(), names);
  assert.deepEqual(source.napi.targets.map(platformOf).sort(), names);
});

test('all versions are equal', () => {
  const { version } = source;
  assert.match(read('Cargo.toml'), new RegExp(`^version = "${version}"$`, 'm'));
  assert.match(
    read('Cargo.lock'),
    new RegExp(`^name = "incumbent"\\nversion = "${version}"$`, 'm'),
  );
  assert.equal(require('../../package-lock.json').packages[''].version, version);
  for (const platform of platforms)
    assert.equal(manifestIn(folderOf(platform)).version, version, platform);
  for (const { name, manifest } of published.packages)
    assert.equal(manifest.version, version, name);
});

test('the published package depends on the packages of the platforms, in just its version', () => {
  const { optionalDependencies, version } = published.main.manifest;
  const expected = platforms.map((platform) => [`incumbent-${platform}`, version]);
  assert.deepEqual(optionalDependencies, Object.fromEntries(expected));
});

test('the source cannot be published by mistake, and installs before the packages are there', () => {
  assert.equal(source.private, true);
  assert.equal(source.optionalDependencies, undefined);
  assert.equal(published.main.manifest.private, undefined);
});

test('each package of a platform tells npm what it is for', () => {
  for (const platform of platforms) {
    const [os, cpu, third] = platform.split('-');
    const manifest = manifestIn(folderOf(platform));
    assert.equal(manifest.name, `incumbent-${platform}`);
    assert.deepEqual([manifest.os, manifest.cpu], [[os], [cpu]], platform);
    const libc = os === 'linux' ? [third === 'gnu' ? 'glibc' : third] : undefined;
    assert.deepEqual(manifest.libc, libc, platform);
    assert.equal(manifest.main, `incumbent.${platform}.node`);
    assert.deepEqual(manifest.engines, source.engines, platform);
    assert.equal(manifest.license, source.license);
  }
});

/** aarch64-unknown-linux-gnu: linux-arm64-gnu. */
function platformOf(target: string): string {
  const [cpu, , system, abi] = target.split('-');
  const os = system === 'windows' ? 'win32' : system;
  return [os, cpu === 'x86_64' ? 'x64' : 'arm64', abi].filter(Boolean).join('-');
}
