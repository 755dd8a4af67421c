// `npm run demo` as a newcomer runs it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { startRedis } from './fixtures/redis-server.ts';

const DEMO = path.join(__dirname, '..', 'demo', 'demo.mjs');

async function demo(t: TestContext, ...args: string[]) {
  const child = spawn(process.execPath, [DEMO, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

test('without a server it shows the main job over the embedded medium, and ends well', async (t) => {
  const { code, output } = await demo(t);
  assert.equal(code, 0, output);
  assert.match(output, /embedded medium/);
  assert.match(output, /leads, in term \d+/);
  assert.equal(output.match(/leads [\d.]+ ms later, in the higher term/g)?.length, 2, output);
  assert.match(output, /→ leader {2}\{"done":1/);
});

test('over Redis it kills the leader of three processes, and stops the next in good order', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const { code, output } = await demo(t, '--redis', redis.url);
  assert.equal(code, 0, output);
  assert.match(output, /is killed with SIGKILL/);
  assert.match(output, /stops in good order/);
  assert.equal(output.match(/leads [\d.]+ ms later, in the higher term/g)?.length, 2, output);
});

test('over a server that is not there it says so, and ends with a failure', async (t) => {
  const { code, output } = await demo(t, '--redis', 'redis://127.0.0.1:1');
  assert.equal(code, 1);
  assert.match(output, /ERR_REDIS_UNREACHABLE/);
  assert.match(output, /The demo failed: not within 15 s/);
  assert.doesNotMatch(output, /at .*\.mjs/, 'no stack of its own');
});

test('an option that it does not have is named', async (t) => {
  const { code, output } = await demo(t, '--redsi', 'x');
  assert.equal(code, 2);
  assert.match(output, /--redsi/);
  assert.match(output, /usage: npm run demo/);
});
