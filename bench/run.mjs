// `npm run bench`: provides what is missing (node modules, addon, servers), then runs main.ts.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { provideServer } from '../scripts/debian.mjs';
import { install, prepare } from '../scripts/prepare.mjs';
import { provideRedis } from '../scripts/redis.mjs';

const announce = (text) => console.log(text);

await prepare();
const directory = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '');
for (const provide of [() => install({ announce, directory }), () => provideRedis({ announce })]) {
  const { ok, output } = await provide();
  if (ok) continue;
  console.error(output);
  process.exit(1);
}
const etcd = await provideServer({
  variable: 'INCUMBENT_ETCD_SERVER',
  command: 'etcd',
  debianPackage: 'etcd-server',
  advice: 'etcd was not found, so etcd3 is not measured: install it, or set INCUMBENT_ETCD_SERVER',
  announce,
});
// The others are measured without it; its lines in the tables say what is missing.
if (!etcd.ok) console.error(etcd.output);
run();

function run() {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // Ctrl-C reaches both; the guards end what the child has started.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
