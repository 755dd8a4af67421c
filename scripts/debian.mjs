// Provides the servers that the tests and the benchmark start, where Debian has them.

import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.mjs';

/**
 * Finds a server, or installs it where this is possible without asking: as root on Debian. What is found is put into the
 * environment variable `variable`, so that everything starts the same server; what is there already is not searched.
 *
 * @param {{ variable: string, command: string, debianPackage: string, advice: string, directories?: () => string[],
 *   announce?: (text: string) => void, echo?: boolean }} server `advice`: what to do where it cannot be had;
 *   `directories`: where it may be, beside `PATH`.
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export async function provideServer({
  variable,
  command,
  debianPackage,
  advice,
  directories = () => [],
  announce = () => {},
  echo = false,
}) {
  let server = process.env[variable] || find(command, directories());
  if (!server && isRootOnDebian()) {
    announce(`Installing the Debian package ${debianPackage} …`);
    const outcome = await installOnDebian(debianPackage, echo);
    if (!outcome.ok) return outcome;
    server = find(command, directories());
  }
  if (!server || !isExecutable(server)) return { ok: false, output: `${advice}\n` };
  process.env[variable] = server;
  return { ok: true, output: '' };
}

function find(command, directories) {
  return [...(process.env.PATH ?? '').split(path.delimiter), ...directories]
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

// The package would start a server on its usual port. Debian asks this file before it starts a service.
const servicePolicy = '/usr/sbin/policy-rc.d';
const startNothing = '#!/bin/sh\nexit 101\n';

async function installOnDebian(debianPackage, echo) {
  const ours = !existsSync(servicePolicy);
  if (ours) writeFileSync(servicePolicy, startNothing, { mode: 0o755 });
  try {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const update = await run('apt-get', ['update'], { env, echo });
    if (!update.ok) return update;
    const install = ['install', '-y', '--no-install-recommends', debianPackage];
    return await run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...install], { env, echo });
  } finally {
    if (ours) rmSync(servicePolicy);
  }
}
