// `incumbent demo` as a newcomer runs it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { incumbent } from './fixtures/command.ts';
import { startRedis } from './fixtures/redis-server.ts';

async function demo(...args: string[]) {
  const { code, stdout, stderr } = await incumbent(['demo', ...args]);
  return { code, output: stdout + stderr };
}

test('without a server it shows the main job over the embedded medium, and ends well', async () => {
  const { code, output } = await demo();
  assert.equal(code, 0, output);
  assert.match(output, /embedded medium/);
  assert.match(output, /leads, in term \d+/);
  assert.equal(output.match(/leads [\d.]+ ms later, in the higher term/g)?.length, 2, output);
  assert.match(output, /→ leader {2}\{"done":1/);
});

test('over Redis it kills the leader of three processes, and stops the next in good order', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const { code, output } = await demo('--redis', redis.url);
  assert.equal(code, 0, output);
  assert.match(output, /is killed with SIGKILL/);
  assert.match(output, /stops in good order/);
  assert.equal(output.match(/leads [\d.]+ ms later, in the higher term/g)?.length, 2, output);
  assert.equal(await redis.cli('DBSIZE'), 0, 'it leaves no key');
});

test('over a server that is not there it says so, and ends with a failure', async () => {
  const { code, output } = await demo('--redis', 'redis://127.0.0.1:1');
  assert.equal(code, 1);
  assert.match(output, /ERR_REDIS_UNREACHABLE/);
  assert.match(output, /The demo failed: not within 15 s/);
  assert.doesNotMatch(output, /at .*\.mjs/, 'no stack of its own');
});

test('an option that it does not have is named', async () => {
  const { code, output } = await demo('--redsi', 'x');
  assert.equal(code, 2);
  assert.match(output, /--redsi/);
});
