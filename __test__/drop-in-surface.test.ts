// What a service that comes from `node-raft-redis` finds unchanged: the names, the options, and what holds before a start.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import byDefault, { Candidate, type Instance, type Options, type State } from 'incumbent';
import { Fleet } from './fixtures/fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

describe('the exports', () => {
  test('Candidate is the named export and the default export', () => {
    assert.equal(byDefault, Candidate);
    assert.ok(new Candidate() instanceof EventEmitter);
  });

  test('the same class comes by require and by import', () => {
    const program = `
      import byDefault, { Candidate } from 'incumbent';
      import { createRequire } from 'node:module';
      const required = createRequire(process.cwd() + '/')('incumbent');
      console.log(Candidate === byDefault, Candidate === required.Candidate, Candidate === required.default);
    `;
    const cwd = path.join(__dirname, '..');
    const args = ['--input-type=module', '--eval', program];
    const printed = execFileSync(process.execPath, args, { cwd, encoding: 'utf8' });
    assert.equal(printed.trim(), 'true true true');
  });

  test('the types Options, State and Instance are there', () => {
    const options: Options = { kind: 'orders' };
    const state: State = new Candidate(options).state;
    const instance: Instance = { id: '', meta: '', state };
    assert.equal(instance.state, 'follower');
  });
});

describe('a candidate before its start', () => {
  const methods = [
    ...['start', 'stop', 'reelect', 'stepdown'],
    ...['messageFollowers', 'messageLeader', 'messageTo', 'messageAll'],
    ...['getInstances', 'getLeader', 'setMeta', 'getMeta'],
  ];

  test('has every method', () => {
    const candidate: any = new Candidate();
    for (const method of methods) assert.equal(typeof candidate[method], 'function', method);
  });

  test('is a follower with an id and a term', () => {
    const candidate = new Candidate();
    assert.equal(candidate.state, 'follower');
    assert.equal(typeof candidate.currentTerm, 'number');
    assert.match(candidate.id, /^[0-9a-z]{20,26}$/);
    assert.notEqual(new Candidate().id, candidate.id);
  });

  test('gives its meta by the getter and by getMeta(), a falsy one as an empty string', () => {
    const meta = { region: 'north' };
    assert.deepEqual(new Candidate({ meta }).meta, meta);
    assert.deepEqual(new Candidate({ meta }).getMeta(), meta);
    for (const falsy of [undefined, null, 0, false, '']) {
      assert.equal(new Candidate({ meta: falsy }).meta, '');
      assert.equal(new Candidate({ meta: falsy }).getMeta(), '');
    }
  });

  test('throws when something is assigned to a getter', () => {
    const candidate: any = new Candidate();
    for (const getter of ['id', 'state', 'currentTerm', 'meta']) {
      assert.throws(() => {
        candidate[getter] = 'other';
      }, TypeError);
    }
  });

  test('needs no options: Redis is taken to be on this machine', () => {
    assert.doesNotThrow(() => new Candidate());
    assert.doesNotThrow(() => new Candidate({ redis: {} }));
  });
});

describe('the options', () => {
  let redis: RedisServer;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  const nowhere = { host: '127.0.0.1', port: 1 };

  test('redis is found by host and port, by a URL, and by a URL that beats host and port', async (t) => {
    const fleet = new Fleet(t, {});
    const places: Options['redis'][] = [
      { host: '127.0.0.1', port: redis.port },
      { host: 'localhost', port: `${redis.port}` },
      { url: redis.url },
      redis.url,
      { ...nowhere, url: redis.url },
    ];
    for (const place of places) await fleet.start({ redis: place });
    const [first] = await Promise.all([fleet.start({ redis: redis.url })]);
    assert.equal((await first.getInstances()).length, places.length + 1);
  });

  test('kind is the empty text where none is given, and kinds are apart', async (t) => {
    const place = { redis: redis.url, kind: undefined };
    const fleet = new Fleet(t, place);
    const [leader, follower] = await fleet.lead(1);
    const empty = await fleet.start({ kind: '' });
    const other = await fleet.start({ kind: 'other' });
    assert.equal((await empty.getLeader())!.id, leader.id);
    assert.equal((await follower!.getInstances()).length, 3);
    assert.deepEqual(await other.getInstances(), [{ id: other.id, meta: '', state: 'leader' }]);
  });
});
