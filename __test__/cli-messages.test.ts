// `incumbent send` and `listen`, and what `watch` counts.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { secretOf } from './fixtures/canary.ts';
import { fileWith, incumbent } from './fixtures/command.ts';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { linesOf, start } from './fixtures/running-command.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const at = () => ['--redis', redis.url];

describe('messages', () => {
  test('are counted by whom they are for', async (t) => {
    const [leader, follower] = await new Fleet(t, { redis: redis.url, kind: 'counted' }).lead(1);
    const watch = start(t, ['watch', '--kind', 'counted', '--json', ...at()]);
    await watch.printed(/"type":"traffic"/);
    await Promise.all(Array.from({ length: 100 }, (_, number) => leader.messageAll(number)));
    await leader.messageFollowers('x');
    await follower!.messageLeader('y');
    await follower!.messageTo(leader.id, Buffer.from('z'));
    const sum = () => {
      const traffic = linesOf(watch.stdout).filter(({ type }) => type === 'traffic');
      const of = (to: string) => traffic.reduce((total, { messages }) => total + messages[to], 0);
      return ['all', 'leader', 'followers', 'instances'].map(of);
    };
    await eventually(() => assert.deepEqual(sum(), [100, 1, 1, 1]) ?? true);
  });

  test('are sent as JSON or as text, to those who were named', async (t) => {
    const [leader, follower] = await new Fleet(t, { redis: redis.url, kind: 'sent' }).lead(1);
    const heard = [leader, follower!].map((one) => collect(one, ['message']));
    const send = async (...args: string[]) => {
      const { code, stderr } = await incumbent(['send', '--kind', 'sent', ...args, ...at()]);
      assert.equal(code, 0, stderr);
    };
    await send('--all', '{"a":[1]}');
    await send('--leader', 'plain words');
    await send('--followers', '5');
    await send('--to', follower!.id, '5', '--text');
    const values = () => heard.map((one) => one.of('message').map(([{ message }]) => message));
    await eventually(() => values().flat().length === 5);
    assert.deepEqual(values(), [
      [{ a: [1] }, 'plain words'],
      [{ a: [1] }, 5, '5'],
    ]);
    const instances = await leader.getInstances();
    assert.equal(instances.length, 2, 'the sender is no instance');
  });

  test('to nobody are an error that says why: exit code 1', async (t) => {
    const nobody = await incumbent(['send', '--kind', 'empty', '--all', 'x', ...at()]);
    assert.deepEqual(
      [nobody.code, nobody.stderr],
      [1, 'error: nobody heard it: the kind has no instances\n'],
    );
    await new Fleet(t, { redis: redis.url, kind: 'waiting' }).start({ eligible: false });
    const noLeader = await incumbent(['send', '--kind', 'waiting', '--leader', 'x', ...at()]);
    assert.deepEqual(
      [noLeader.code, noLeader.stderr],
      [1, 'error: nobody heard it: nobody leads\n'],
    );
    const stranger = await incumbent([
      'send',
      '--kind',
      'waiting',
      '--to',
      'stranger',
      'x',
      ...at(),
    ]);
    assert.match(stranger.stderr, /there is no instance "stranger"/);
    const both = await incumbent(['send', '--kind', 'waiting', '--all', '--leader', 'x', ...at()]);
    assert.equal(both.code, 2);
  });

  test('are printed as they pass, and those that are not genuine are marked', async (t) => {
    const messageSecret = secretOf('a-secret-of-many-bytes');
    const options = JSON.stringify({ host: '127.0.0.1', port: redis.port });
    const file = fileWith(t, { redis: JSON.parse(options), kind: 'heard', messageSecret });
    const [leader] = await new Fleet(t, { redis: redis.url, kind: 'heard', messageSecret }).lead(0);
    const heard = collect(leader, ['message']);
    const listen = start(t, ['listen', '--json', '--count', '3', '--options', file]);
    await listen.printed(/listening to heard/);
    await leader.messageAll({ text: 'hello' });
    // Without the secret, and with it.
    await incumbent(['send', '--kind', 'heard', '--leader', 'forged', ...at()]);
    await incumbent(['send', '--leader', 'genuine', '--options', file]);
    assert.equal((await listen.ended()).code, 0);
    const told = linesOf(listen.stdout).map(({ to, message, isGenuine }) => [
      to,
      message,
      isGenuine,
    ]);
    assert.deepEqual(told, [
      ['all', { text: 'hello' }, true],
      ['leader', 'forged', false],
      ['leader', 'genuine', true],
    ]);
    await eventually(() => heard.of('message').length > 0);
    assert.deepEqual(
      heard.of('message').map(([{ message }]) => message),
      ['genuine'],
    );
  });
});
