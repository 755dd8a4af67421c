// Checks the package in the form in which users get it: packed, and installed into an empty project.

import { copyFileSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { installed, root, run } from './run.mjs';
import { temporaryDirectory } from './temporary.mjs';

/** @returns {Promise<{ passed: number, failed: number, output: string }>} */
export async function checkPackage({ echo }) {
  const packed = await pack(root, echo);
  if (!packed.ok) return { passed: 0, failed: 1, output: packed.output };

  const checks = [
    await run(installed('publint'), ['run', '--strict', packed.tarball], { echo }),
    await run(installed('attw'), ['--no-definitely-typed', packed.tarball], { echo }),
    await installAndLoad(packed.tarball, echo),
  ];
  const failed = checks.filter(({ ok }) => !ok);
  return {
    passed: checks.length - failed.length,
    failed: failed.length,
    output: failed.map(({ output }) => output).join('\n'),
  };
}

async function pack(folder, echo) {
  const destination = temporaryDirectory();
  const { ok, output } = await run('npm', ['pack', '--pack-destination', destination], {
    cwd: folder,
    echo,
  });
  const [tarball] = readdirSync(destination);
  return { ok: ok && tarball !== undefined, output, tarball: path.join(destination, `${tarball}`) };
}

// The addon of each platform is a package of its own; the one of this machine is packed from what was built.
async function installAndLoad(tarball, echo) {
  const addon = readdirSync(root).find((name) => name.endsWith('.node'));
  if (!addon) return { ok: false, output: 'the addon is not built\n' };
  const platform = addon.split('.')[1];
  const staging = temporaryDirectory();
  cpSync(path.join(root, 'npm', platform), staging, { recursive: true });
  copyFileSync(path.join(root, addon), path.join(staging, addon));
  const packedAddon = await pack(staging, echo);
  if (!packedAddon.ok) return packedAddon;

  const project = path.join(temporaryDirectory(), 'project');
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), '{ "private": true }\n');
  writeFileSync(path.join(project, 'load.mjs'), loading);
  // Offline, which also shows that the package brings all that it needs.
  const install = await run('npm', ['install', '--offline', tarball, packedAddon.tarball], {
    cwd: project,
    echo,
  });
  if (!install.ok) return install;
  const loads = await run(process.execPath, ['load.mjs'], { cwd: project, echo });
  if (!loads.ok) return loads;
  const command = path.join(project, 'node_modules', '.bin', 'incumbent');
  return run(command, ['doctor', '--help'], { cwd: project, echo });
}

const loading = `
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import Default, { Candidate } from 'incumbent';

const required = createRequire(import.meta.url)('incumbent');
assert.equal(typeof Candidate, 'function');
assert.equal(Default, Candidate);
assert.equal(required.Candidate, Candidate);
assert.equal(required.default, Candidate);
assert.equal(new Candidate({ medium: 'memory' }).state, 'follower');
`;
