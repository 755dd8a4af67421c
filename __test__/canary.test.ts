// A password, or a secret, is in nothing that a candidate shows: neither itself, nor what it tells, nor what goes wrong. (`npm test` searches
// all output of all tests as well.)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Candidate } from 'incumbent';
import { canary, secretOf } from './fixtures/canary.ts';
import { eventually } from './fixtures/eventually.ts';
import { Program } from './fixtures/program.ts';
import { startRedis } from './fixtures/redis-server.ts';

const { REDIS_OPTIONS } = require('../lib/redis-options.js');

const secrets = { password: secretOf('a password'), messageSecret: secretOf('a secret') };

/** All that can be got out of a value: hidden and inherited properties, causes, stacks. */
function shown(value: unknown): string {
  const all = inspect(value, {
    depth: Infinity,
    showHidden: true,
    getters: true,
    maxStringLength: null,
  });
  return `${all}\n${String(value)}\n${JSON.stringify(value)}`;
}

function assertSecret(value: unknown) {
  const text = shown(value);
  assert.ok(!text.includes(canary), text);
  // Nor as the native side is given it.
  assert.ok(!text.includes([...Buffer.from(canary)].join(',')), text);
}

test('a candidate and what it says of itself', async (t) => {
  const redis = await startRedis({ password: secrets.password });
  t.after(() => redis.stop());
  const { messageSecret } = secrets;
  for (const place of [
    redis.url,
    { host: '127.0.0.1', port: redis.port, password: secrets.password },
  ]) {
    const candidate = new Candidate({ redis: place, kind: 'canary', messageSecret });
    assertSecret(candidate);
    await candidate.start();
    for (const said of [candidate, candidate.stats(), candidate.health(), candidate.explain()]) {
      assertSecret(said);
    }
    assertSecret(await candidate.getInstances());
    await candidate.stop();
  }
});

test('errors of wrong options, wherever the secret stands', () => {
  const { password } = secrets;
  const wrong: unknown[] = [
    `http://:${password}@host`,
    `redis://:${password}@`,
    `redis://:${password}@host/none`,
    `redis://${password}`.replace('//', '/'),
    `redis://:${password}%zz@host`,
    password,
    [password],
    ...Object.keys(REDIS_OPTIONS).map((name) => ({ [name]: { password } })),
    ...Object.keys(REDIS_OPTIONS).map((name) => ({ password, [name]: `\0 ${password}` })),
  ];
  let refused = 0;
  for (const redis of wrong) {
    try {
      assertSecret(new Candidate({ redis: redis as never }));
    } catch (error) {
      assert.ok((error as Error).name === 'IncumbentError', String(error));
      assertSecret(error);
      refused += 1;
    }
  }
  assert.ok(refused > wrong.length / 2, `${refused} of ${wrong.length}`);
  for (const messageSecret of [
    canary,
    [canary],
    { canary },
    Array(9).fill(secrets.messageSecret),
  ]) {
    assert.throws(
      () => new Candidate({ messageSecret: messageSecret as never }),
      (error) => (assertSecret(error), true),
    );
  }
});

test('errors, warnings and debug output while Redis refuses it', async (t) => {
  const redis = await startRedis({ password: secretOf('the right one') });
  t.after(() => redis.stop());
  const options = {
    redis: { host: '127.0.0.1', port: redis.port, username: 'default', ...secrets },
    ...secrets,
  };
  const service = `
    const { inspect } = require('node:util');
    const { Candidate } = require('incumbent');
    const candidate = new Candidate(JSON.parse(process.env.OPTIONS));
    if (process.env.LISTENS) candidate.on('error', (error) => console.log(inspect(error, { showHidden: true })));
    setTimeout(() => candidate.stop(), 1000);
    candidate.start().catch((error) => console.log(error));
  `;
  const situations: Record<string, string>[] = [{}, { LISTENS: '1' }, { NODE_DEBUG: 'incumbent' }];
  for (const env of situations) {
    const program = new Program(t, service, { env: { ...env, OPTIONS: JSON.stringify(options) } });
    assert.equal(await program.ended, 0, program.output);
    await eventually(() => program.output.includes('refused the password'));
    assertSecret(program.output);
  }
});
