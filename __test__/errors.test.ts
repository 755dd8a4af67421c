// Each code that an error of Redis bears, reached as a service would reach it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test, type TestContext } from 'node:test';
import { IncumbentError, type Candidate, type ErrorCode, type Options } from 'incumbent';
import { secretOf } from './fixtures/canary.ts';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { freePort } from './fixtures/free-port.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { renewals } from './fixtures/register.ts';
import { startProxy } from './fixtures/tcp-proxy.ts';

const SECRET = secretOf('hunter2');

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

/** The errors that a candidate tells. */
function errorsOf(candidate: Candidate): IncumbentError[] {
  const errors: IncumbentError[] = [];
  candidate.on('error', (error) => errors.push(error));
  return errors;
}

/** Starts a candidate that cannot join, and gives its first errors; three, so that all attempts are seen to tell the same. */
async function refusals(t: TestContext, options: Options, code: ErrorCode): Promise<string> {
  const candidate = new Fleet(t, options).create();
  const errors = errorsOf(candidate);
  candidate.start().catch(() => {});
  await eventually(() => errors.length >= 3);
  for (const error of errors) {
    assert.ok(error instanceof IncumbentError);
    assert.equal(error.code, code, error.message);
    assertNoSecret(error);
  }
  assert.equal(candidate.isLeader(), false);
  await candidate.stop();
  return errors[0]!.message;
}

function assertNoSecret(error: Error) {
  const everything = [error.message, error.stack, JSON.stringify(error), String(error.cause)];
  assert.ok(!everything.join().includes(SECRET));
}

describe('ERR_REDIS_UNREACHABLE', () => {
  test('nobody listens', async (t) => {
    const port = await freePort();
    const redis = { host: '127.0.0.1', port, password: SECRET };
    const message = await refusals(t, { redis }, 'ERR_REDIS_UNREACHABLE');
    assert.match(message, new RegExp(`127\\.0\\.0\\.1:${port}.*refused`));
  });

  test('the host has no address', async (t) => {
    const redis = `redis://user:${SECRET}@nowhere.invalid:6379`;
    const message = await refusals(t, { redis }, 'ERR_REDIS_UNREACHABLE');
    assert.match(message, /nowhere\.invalid:6379/);
  });

  test('what listens is not Redis', async (t) => {
    const server = await serve(t, () => 'HTTP/1.1 400 Bad Request\r\n\r\n');
    const message = await refusals(t, { redis: server }, 'ERR_REDIS_UNREACHABLE');
    assert.match(message, /not Redis/);
  });

  test('what listens says nothing', async (t) => {
    const server = await serve(t, () => '');
    await refusals(t, { redis: server, leaseMs: 200 }, 'ERR_REDIS_UNREACHABLE');
  });

  test('the connection is lost', async (t) => {
    const fleet = new Fleet(t, {});
    const proxy = await startProxy(redis.port);
    t.after(() => proxy.close());
    const candidate = await fleet.start({ redis: proxy.url });
    const errors = errorsOf(candidate);
    proxy.reset();
    await eventually(() => errors.length > 0);
    assert.equal(errors[0]!.code, 'ERR_REDIS_UNREACHABLE');
    assert.match(
      errors[0]!.message,
      new RegExp(`lost the connection.*127\\.0\\.0\\.1:${proxy.port}`),
    );
  });
});

describe('ERR_REDIS_REFUSED', () => {
  test('the password is wrong', async (t) => {
    const server = await startRedis({ password: secretOf('right') });
    t.after(() => server.stop());
    const redis = { host: '127.0.0.1', port: server.port, password: SECRET };
    const message = await refusals(t, { redis }, 'ERR_REDIS_REFUSED');
    assert.match(message, /password/);
    await refusals(
      t,
      { redis: `redis://somebody:${SECRET}@127.0.0.1:${server.port}` },
      'ERR_REDIS_REFUSED',
    );
  });

  test('a password is missing', async (t) => {
    const server = await startRedis({ password: secretOf('right') });
    t.after(() => server.stop());
    const redis = { host: '127.0.0.1', port: server.port };
    const message = await refusals(t, { redis }, 'ERR_REDIS_REFUSED');
    assert.match(message, /password|NOAUTH/);
  });

  // The least rights for the kind `orders`, of which each test takes one away.
  const rights = [
    ...['on', `>${SECRET}`, 'resetkeys', 'resetchannels', '-@all'],
    ...['~incumbent:{orders}:*', '&incumbent:{orders}:*'],
    ...['+hello', '+ping', '+select', '+client|setname', '+subscribe', '+unsubscribe'],
    ...['+evalsha', '+eval', '+script|load', '+time', '+info', '+publish', '+persist', '+del'],
    ...['+hset', '+hmget', '+hget', '+hgetall', '+hexists', '+hdel', '+hlen', '+get', '+set'],
    ...['+zadd', '+zrem', '+zrange', '+zrangebyscore'],
  ];
  const user = async (without: string) => {
    await redis.cli('ACL', 'SETUSER', 'least', 'reset', ...rights.filter((r) => r !== without));
    return { redis: `redis://least:${SECRET}@127.0.0.1:${redis.port}` };
  };

  test('with the least rights, all works', async (t) => {
    const fleet = new Fleet(t, await user('none'));
    const leader = await fleet.start();
    const errors = errorsOf(leader);
    const follower = await fleet.start();
    const heard = collect(leader, ['message']);
    await follower.messageLeader(1);
    await heard.first('message');
    assert.equal((await follower.getInstances()).length, 2);
    await leader.stop();
    await eventually(() => follower.isLeader());
    assert.deepEqual(errors, []);
  });

  for (const [right, named] of [
    ['+subscribe', /subscribe/i],
    ['+evalsha', /evalsha/i],
    ['+hset', /hset/i],
    ['+publish', /publish/i],
    ['~incumbent:{orders}:*', /key/i],
    ['&incumbent:{orders}:*', /channel/i],
  ] as const) {
    test(`the right ${right} is missing, and the message names it`, async (t) => {
      const message = await refusals(t, await user(right), 'ERR_REDIS_REFUSED');
      assert.match(message, named);
    });
  }

  test('a right that is taken away while it leads ends the leadership by its deadline', async (t) => {
    const fleet = new Fleet(t, { redis: redis.url });
    const leader = await fleet.start(await user('none'));
    const follower = await fleet.start();
    const errors = errorsOf(leader);
    const heard = collect(leader, ['defeated']);
    await user('+evalsha');
    await heard.first('defeated');
    await eventually(() => follower.isLeader());
    assert.equal(leader.isLeader(), false);
    assert.ok(errors.some(({ code }) => code === 'ERR_REDIS_REFUSED'));
    await user('none');
    await eventually(async () => (await leader.getLeader())?.id === follower.id);
  });
});

describe('ERR_REDIS_TOO_OLD', () => {
  const hello = (version: string) =>
    `%2\r\n$7\r\nversion\r\n$${version.length}\r\n${version}\r\n$4\r\nrole\r\n$6\r\nmaster\r\n`;

  for (const version of ['6.0.16', '6.1.240']) {
    test(`a server of version ${version}`, async (t) => {
      const server = await serve(t, (command) =>
        command === 'HELLO' ? hello(version) : '+OK\r\n',
      );
      const message = await refusals(t, { redis: server }, 'ERR_REDIS_TOO_OLD');
      assert.match(message, new RegExp(`${version.replaceAll('.', '\\.')}.*6\\.2`));
    });
  }

  test('a server of version 5, which does not know the greeting', async (t) => {
    const server = await serve(t, (command) =>
      command === 'HELLO'
        ? '-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n'
        : '+OK\r\n',
    );
    const message = await refusals(t, { redis: server }, 'ERR_REDIS_TOO_OLD');
    assert.match(message, /6\.2/);
  });
});

describe('ERR_ROUND_TRIP_TOO_LONG', () => {
  for (const oneWayMs of [50, 150, 400]) {
    test(`a round trip of ${2 * oneWayMs} ms with renewals each 80 ms is told, with what to do, and nobody leads by it`, async (t) => {
      const fleet = new Fleet(t, { kind: 'far', leaseMs: 400 });
      const proxy = await startProxy(redis.port);
      t.after(() => proxy.close());
      proxy.delay(oneWayMs);
      const candidate = fleet.create({ redis: proxy.url });
      const errors = errorsOf(candidate);
      const heard = collect(candidate, ['elected']);
      candidate.start().catch(() => {});
      const error = await eventually(() =>
        errors.find(({ code }) => code === 'ERR_ROUND_TRIP_TOO_LONG'),
      );
      assert.match(error.message, /\d{3} ms.*80 ms.*leaseMs/);
      assert.deepEqual(heard.names(), []);
      // It says so once, and not at every command.
      const { lateBytes } = proxy.counts;
      await eventually(() => proxy.counts.lateBytes > lateBytes + 5000);
      const told = errors.filter(({ code }) => code === 'ERR_ROUND_TRIP_TOO_LONG');
      assert.equal(told.length, 1);
    });
  }
});

describe('ERR_REDIS_FAILED', () => {
  test('a full server refuses nothing that the election needs', async (t) => {
    const server = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
    t.after(() => server.stop());
    const [leader, follower] = await new Fleet(t, { redis: server.url }).lead(1);
    const errors = [leader, follower!].map(errorsOf);
    const lost = collect(leader, ['defeated']);
    await server.cli('CONFIG', 'SET', 'maxmemory', '1');
    await assert.rejects(server.cli('SET', 'anything', 'at all'), /OOM/);
    await renewals(server, 'orders', 10);
    assert.equal(leader.isLeader(), true);
    await leader.setMeta('visible all the same');
    assert.equal((await follower!.getLeader())!.meta, 'visible all the same');
    await leader.stop();
    await eventually(() => follower!.isLeader());
    assert.deepEqual(errors.flat(), []);
    assert.equal(lost.names().length, 1);
  });

  test('a server that becomes a replica is told, is not led on, and is led on again as a master', async (t) => {
    const [master, demoted] = [await startRedis(), await startRedis()];
    t.after(() => Promise.all([master.stop(), demoted.stop()]));
    const leader = await new Fleet(t, { redis: demoted.url }).start();
    const errors = errorsOf(leader);
    const heard = collect(leader, ['defeated', 'elected']);
    await demoted.cli('REPLICAOF', '127.0.0.1', master.port);
    await heard.first('defeated');
    assert.equal(leader.isLeader(), false);
    const error = await eventually(() => errors.find(({ code }) => code === 'ERR_REDIS_FAILED'));
    assert.match(error.message, /READONLY|master/);
    await demoted.cli('REPLICAOF', 'NO', 'ONE');
    await heard.first('elected');
  });

  test('a writable replica does not count as a master', async (t) => {
    const master = await startRedis();
    t.after(() => master.stop());
    const replica = await startRedis({
      args: ['--replicaof', '127.0.0.1', String(master.port), '--replica-read-only', 'no'],
    });
    t.after(() => replica.stop());
    await refusals(t, { redis: replica.url }, 'ERR_REDIS_FAILED');
  });

  test('a script of somebody else that blocks the server for longer than the lease costs the leadership, and no more', async (t) => {
    const server = await startRedis({ args: ['--lua-time-limit', '50'] });
    t.after(() => server.stop());
    const leader = await new Fleet(t, { redis: server.url, leaseMs: 400 }).start();
    const errors = errorsOf(leader);
    const heard = collect(leader, ['defeated', 'elected']);
    const endless = server.cli('EVAL', 'while true do end', 0);
    endless.catch(() => {});
    await heard.first('defeated');
    assert.equal(leader.isLeader(), false);
    await eventually(() => errors.some(({ code }) => code === 'ERR_REDIS_FAILED'));
    await eventually(async () => {
      await server.cli('SCRIPT', 'KILL').catch(() => {});
      return heard.names('elected').length > 0;
    });
    await assert.rejects(endless);
  });
});

/** A server that answers each command, by its name in capitals, with a text of RESP; its URL holds a secret. */
async function serve(t: TestContext, answer: (command: string) => string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const [, name] of chunk.toString('latin1').matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g))
        socket.write(answer(name!.toUpperCase()));
    });
    t.after(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  return `redis://:${SECRET}@127.0.0.1:${port}`;
}
