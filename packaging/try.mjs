// `node packaging/try.mjs FOLDER`: installs the packed packages of a folder into an empty project, as a user's npm does, and sees that they work on this
// machine: in CommonJS, an ES module and a worker thread. Needs nothing from node_modules, and no Redis.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const folder = path.resolve(process.argv[2] ?? '.');
const packed = readdirSync(folder).filter((name) => /^incumbent-.*\.tgz$/.test(name));
assert.ok(packed.length, `${folder} has no packed packages`);

const service = `
  const { Candidate } = require('incumbent');
  const { isMainThread, Worker } = require('node:worker_threads');
  const { once } = require('node:events');

  async function tried(kind) {
    const options = { medium: 'memory', kind, leaseMs: 200 };
    const [one, other] = [new Candidate(options), new Candidate(options)];
    await Promise.all([one.start(), other.start()]);
    await Promise.all([one.waitForLeader(), other.waitForLeader()]);
    const [leader, follower] = one.isLeader() ? [one, other] : [other, one];
    const message = once(follower, 'message');
    await leader.messageAll({ hello: 'all' });
    const [{ message: received }] = await message;
    const elected = follower.isLeader() || once(follower, 'elected');
    await leader.stop();
    await elected;
    if (!follower.isLeader() || received.hello !== 'all') throw new Error('it does not work');
    await follower.stop();
  }

  tried(isMainThread ? 'main' : 'worker').then(async () => {
    if (!isMainThread) return;
    const [code] = await once(new Worker(__filename), 'exit');
    if (code !== 0) throw new Error('it does not work in a worker thread');
    const { Candidate: imported } = await import('incumbent');
    if (imported !== Candidate) throw new Error('import gives another class');
    console.log('incumbent works: ' + Object.keys(require.cache).find((file) => file.endsWith('.node')));
  });
`;

const project = mkdtempSync(path.join(os.tmpdir(), 'incumbent-try-'));
try {
  writeFileSync(path.join(project, 'package.json'), '{ "private": true }\n');
  writeFileSync(path.join(project, 'service.cjs'), service);
  // npm leaves out the ones for other platforms: as optional dependencies they may be.
  const tarballs = packed.map((name) => path.join(folder, name));
  const optional = ['--save-optional', '--offline', '--no-audit', '--no-fund'];
  npm(['install', ...optional, ...tarballs]);
  execFileSync(process.execPath, ['service.cjs'], {
    cwd: project,
    stdio: 'inherit',
    timeout: 60_000,
  });
} finally {
  rmSync(project, { recursive: true, force: true });
}

function npm(args) {
  // On Windows npm is a script of the shell.
  execFileSync('npm', args, {
    cwd: project,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
}
