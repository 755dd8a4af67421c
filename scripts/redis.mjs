// Provides the redis-server that the tests start.

import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.mjs';

const advice =
  'redis-server was not found: install Redis 6.2 or newer, or set INCUMBENT_REDIS_SERVER to the path of its server';

/**
 * Finds redis-server, or installs it where this is possible without asking: as root on Debian. What is found is put
 * into the environment, so that every test starts the same server.
 *
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export async function provideRedis({ announce = (_text) => {}, echo = false } = {}) {
  let server = process.env.INCUMBENT_REDIS_SERVER || onPath('redis-server');
  if (!server && isRootOnDebian()) {
    announce('Installing the Debian package redis-server …');
    const outcome = await installOnDebian(echo);
    if (!outcome.ok) return outcome;
    server = onPath('redis-server');
  }
  if (!server || !isExecutable(server)) return { ok: false, output: `${advice}\n` };
  process.env.INCUMBENT_REDIS_SERVER = server;
  return { ok: true, output: '' };
}

function onPath(command) {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((directory) => path.join(directory, command))
    .find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isRootOnDebian() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version');
}

// The package would start a server on port 6379. Debian asks this file before it starts a service.
const servicePolicy = '/usr/sbin/policy-rc.d';
const startNothing = '#!/bin/sh\nexit 101\n';

async function installOnDebian(echo) {
  const ours = !existsSync(servicePolicy);
  if (ours) writeFileSync(servicePolicy, startNothing, { mode: 0o755 });
  try {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const update = await run('apt-get', ['update'], { env, echo });
    if (!update.ok) return update;
    const install = ['install', '-y', '--no-install-recommends', 'redis-server'];
    return await run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...install], { env, echo });
  } finally {
    if (ours) rmSync(servicePolicy);
  }
}
