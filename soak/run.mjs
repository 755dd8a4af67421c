// `npm run soak`: provides what is missing (node modules, addon, redis-server), then runs main.ts.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { prepare } from '../scripts/prepare.mjs';
import { provideRedis } from '../scripts/redis.mjs';

await prepare();
const { ok, output } = await provideRedis({ announce: (text) => console.log(text) });
if (ok) run();
else {
  console.error(output);
  process.exitCode = 1;
}

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
