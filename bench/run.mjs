// `npm run bench`: provides what is missing (node modules, addon, servers), then runs main.ts.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { provideServer } from '../scripts/debian.mjs';
import { install } from '../scripts/prepare.mjs';
import { installPackages } from '../scripts/installed.mjs';
import { provideRedis } from '../scripts/redis.mjs';
import { startMain } from '../scripts/start-main.mjs';

const directory = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '');

await startMain(new URL('./main.ts', import.meta.url), [
  ({ announce }) => install({ announce, directory }),
  installOurs,
  provideRedis,
  tryEtcd,
]);

/** What is measured is what users get. */
async function installOurs() {
  const folder = path.join(directory, 'ours');
  process.env.INCUMBENT_INSTALLED = folder;
  return installPackages(folder);
}

/** The others are measured without it, too; its lines in the tables then say what is missing. */
async function tryEtcd({ announce }) {
  const { ok, output } = await provideServer({
    variable: 'INCUMBENT_ETCD_SERVER',
    command: 'etcd',
    debianPackage: 'etcd-server',
    advice:
      'etcd was not found, so etcd3 is not measured: install it, or set INCUMBENT_ETCD_SERVER',
    announce,
  });
  if (!ok) console.error(output);
  return { ok: true, output: '' };
}
