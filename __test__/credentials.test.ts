// Option `redis.credentials`: asked before each attempt to connect.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { Candidate, type Credentials, type IncumbentError } from '../index.js';
import { canary, secretOf } from './fixtures/canary.ts';
import { eventually } from './fixtures/eventually.ts';
import { Program } from './fixtures/program.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

const theToken = secretOf('token');

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

/** From here on this token lets the user `svc` in, and no other does. */
async function permit(token: string) {
  await redis.cli('ACL', 'SETUSER', 'svc', 'reset', 'on', `>${token}`, '~*', '&*', '+@all');
}

async function cut() {
  for (const type of ['normal', 'pubsub'])
    await redis.cli('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
}

function candidateWith(t: TestContext, credentials: () => unknown, more: object = {}) {
  const options = { port: redis.port, credentials: credentials as () => Credentials, ...more };
  const candidate = new Candidate({ kind: 'credentials', redis: options });
  const errors: IncumbentError[] = [];
  candidate.on('error', (error) => errors.push(error));
  t.after(() => candidate.stop());
  return { candidate, errors };
}

test('a token that changes is taken up with the next connection', async (t) => {
  await permit(secretOf('token-1'));
  let [token, asked] = [secretOf('token-1'), 0];
  const { candidate, errors } = candidateWith(t, async () => {
    asked += 1;
    return { username: 'svc', password: token };
  });
  await candidate.start();
  assert.equal(asked, 2, 'once for each connection');
  for (token of [secretOf('token-2'), secretOf('token-3')]) {
    await permit(token);
    await candidate.setMeta(token);
    const before = asked;
    await cut();
    await eventually(() => asked >= before + 2);
    await eventually(
      async () => (await candidate.setMeta('again').catch(() => 'not yet')) === undefined,
    );
  }
  assert.ok(
    errors.every(({ code }) => code === 'ERR_REDIS_UNREACHABLE'),
    inspect(errors),
  );
  const list: string = await redis.cli('CLIENT', 'LIST');
  assert.equal(list.match(/ user=svc /g)?.length, 2);
});

test('a token that Redis does not take is told, and asked for again', async (t) => {
  await permit(secretOf('the-right-token'));
  let token = secretOf('an-old-token');
  const { candidate, errors } = candidateWith(t, () => ({ password: token }), { username: 'svc' });
  const started = candidate.start();
  await eventually(() => errors.length >= 4);
  for (const { code, message } of errors) {
    assert.equal(code, 'ERR_REDIS_REFUSED');
    assert.match(message, /refused the password/);
  }
  assert.doesNotMatch(inspect([errors, candidate], { depth: 9 }), new RegExp(canary));
  token = secretOf('the-right-token');
  await started;
});

test('what throws, or gives something else, is an error at each attempt, and nothing worse', async (t) => {
  const secret = secretOf('mistaken');
  for (const [credentials, words] of [
    [() => Promise.reject(new Error('no network\nmore')), 'threw: no network'],
    [
      () => {
        throw Object.create(null);
      },
      'threw: something that has no text',
    ],
    [() => undefined, 'must give { username?, password }; gave undefined'],
    [() => secret, 'must give { username?, password }; gave string'],
    [() => ({ username: secret }), 'must give a password as a string; gave undefined'],
    [() => ({ password: '' }), 'must give a password as a string; gave empty string'],
    [() => ({ password: [secret] }), 'must give a password as a string; gave array'],
    [() => ({ password: secret, username: 7 }), 'must give a username as a string; gave number'],
  ] as const) {
    const { candidate, errors } = candidateWith(t, credentials);
    candidate.start().catch(() => {});
    await eventually(() => errors.length >= 3);
    for (const { code, message } of errors) {
      assert.equal(code, 'ERR_CREDENTIALS');
      assert.equal(message, `the function in option redis.credentials ${words}`);
    }
    assert.equal(candidate.isLeader(), false);
    await candidate.stop();
  }
});

test('what never answers is given up after a time, without a stop that waits for it', async (t) => {
  const { candidate, errors } = candidateWith(t, () => new Promise(() => {}));
  candidate.start().catch(() => {});
  await eventually(() => errors.length >= 2, { within: 60_000 });
  assert.equal(errors[0]!.code, 'ERR_CREDENTIALS');
  assert.match(errors[0]!.message, /did not answer within 10000 ms$/);
  await candidate.stop();
});

test('candidates with the same function share their connections, those with another one do not', async (t) => {
  await permit(theToken);
  const ask = () => () => ({ username: 'svc', password: theToken });
  const [one, another] = [ask(), ask()];
  const more = { clientName: 'sharing' };
  for (const credentials of [one, one, another])
    await candidateWith(t, credentials, more).candidate.start();
  const list: string = await redis.cli('CLIENT', 'LIST');
  assert.equal(list.match(/ name=sharing /g)?.length, 4);
});

test('in worker threads each asks its own', async (t) => {
  await permit(theToken);
  const source = `
    const { Candidate } = require('incumbent');
    const { parentPort, workerData: port } = require('node:worker_threads');
    let asked = 0;
    const credentials = () => ({ username: 'svc', password: ++asked && '${theToken}' });
    const candidate = new Candidate({ kind: 'threads', redis: { port, credentials } });
    candidate.start().then(() => parentPort.postMessage(asked));
    parentPort.once('message', () => candidate.stop().then(() => process.exit()));`;
  const workers = [1, 2, 3].map(() => new Worker(source, { eval: true, workerData: redis.port }));
  t.after(() => Promise.all(workers.map((worker) => worker.terminate())));
  const asked = await Promise.all(
    workers.map(async (worker) => (await once(worker, 'message'))[0]),
  );
  assert.deepEqual(asked, [2, 2, 2]);
  // One ends in the midst of it, the others go on.
  await workers[0]!.terminate();
  for (const worker of workers.slice(1)) {
    const exited = once(worker, 'exit');
    worker.postMessage('stop');
    await exited;
  }
});

test('a function that nobody asks any more can be let go of, and holds no process alive', async (t) => {
  await permit(theToken);
  const program = new Program(
    t,
    `
    const { Candidate } = require('incumbent');
    const { setTimeout: sleep } = require('node:timers/promises');
    async function once() {
      const credentials = () => ({ username: 'svc', password: '${theToken}' });
      const candidate = new Candidate({ kind: 'let-go', redis: { port: ${redis.port}, credentials } });
      await candidate.start();
      await candidate.stop();
      return new WeakRef(credentials);
    }
    (async () => {
      const references = [await once(), await once()];
      while (references.some((reference) => reference.deref())) {
        // A look holds it until the turn of the loop is over.
        await sleep(10);
        global.gc();
      }
      console.log('let go');
    })();`,
    { nodeOptions: ['--expose-gc'] },
  );
  assert.equal(await program.ended, 0);
  assert.equal(program.output, 'let go\n');
});

test('other values than a function, and a password beside it, are refused', () => {
  for (const credentials of [theToken, {}, null]) {
    assert.throws(() => new Candidate({ redis: { credentials } as object }), {
      code: 'ERR_INVALID_OPTION',
      message: /^option "redis.credentials" must be a function; got /,
    });
  }
  const credentials = () => ({ password: theToken });
  for (const redis of [
    { password: secretOf('one'), credentials },
    { url: `redis://:${secretOf('one')}@localhost`, credentials },
  ]) {
    assert.throws(() => new Candidate({ redis }), {
      code: 'ERR_INVALID_OPTION',
      message: 'option "redis.credentials" must be left out with a password; got both',
    });
  }
});
