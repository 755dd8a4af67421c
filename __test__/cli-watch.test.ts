// `incumbent watch`: what happens to a kind, live.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { secretOf } from './fixtures/canary.ts';
import { incumbent } from './fixtures/command.ts';
import { eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { endLimitMs, linesOf, start } from './fixtures/running-command.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const at = () => ['--redis', redis.url];

/** What a server knows of its clients and keys. */
async function traces() {
  const clients: string = await redis.cli('CLIENT', 'LIST');
  const keys: string[] = await redis.cli('KEYS', '*');
  return { connections: clients.split('name=incumbent').length - 1, keys: keys.sort() };
}

describe('watch', () => {
  test('tells of a takeover with its length, and of those who come and go', async (t) => {
    const fleet = new Fleet(t, { redis: redis.url, kind: 'watch' });
    const watch = start(t, ['watch', '--kind', 'watch', '--json', ...at()]);
    await watch.printed(/"type":"status"/);
    const [leader, follower] = await fleet.lead(1);
    await leader.reelect();
    await watch.printed(new RegExp(`"type":"elected","id":"${follower!.id}"`));
    await leader.stop();
    await watch.printed(/"type":"left"/);
    watch.signal('SIGINT');
    const { code, ms } = await watch.ended();
    assert.equal(code, 0);
    assert.ok(ms < endLimitMs, `${ms} ms`);
    const events = linesOf(watch.stdout);
    const elected = events.filter(({ type }) => type === 'elected');
    assert.deepEqual(
      elected.map(({ id }) => id),
      [leader.id, follower!.id],
    );
    assert.equal(elected[0].takeover, null);
    assert.equal(elected[1].takeover.after, 'handover');
    assert.equal(elected[1].takeover.from, leader.id);
    assert.deepEqual(
      events
        .filter(({ type }) => type === 'joined')
        .map(({ instance }) => instance.id)
        .sort(),
      [leader.id, follower!.id].sort(),
    );
    assert.equal(events.find(({ type }) => type === 'vacant').id, leader.id);
  });

  test('a leader that falls silent is told of, and what the next one waited for', async (t) => {
    const processes = new ProcessFleet(t, { url: redis.url, kind: 'silence' });
    const [leader, follower] = [await processes.start(), await processes.start()];
    const watch = start(t, ['watch', '--kind', 'silence', '--json', ...at()]);
    await watch.printed(/"type":"traffic"/);
    await leader.kill();
    await watch.printed(new RegExp(`"type":"elected","id":"${follower.id}"`));
    const events = linesOf(watch.stdout);
    assert.equal(events.find(({ type }) => type === 'silent').id, leader.id);
    const { takeover } = events.find(({ type, id }) => type === 'elected' && id === follower.id);
    assert.equal(takeover.after, 'silence');
    assert.ok(takeover.ms >= 800, `${takeover.ms} ms`);
  });

  test('a server that goes away and comes back is told of, and seen again', async (t) => {
    const lone = await startRedis();
    t.after(() => lone.stop());
    const watch = start(t, ['watch', '--kind', 'gone', '--redis', lone.url]);
    await watch.printed(/status {4}nobody leads; 0 instances/);
    await lone.kill();
    await watch.printed(/blind {5}(lost|cannot reach)/);
    await lone.restart();
    await eventually(() => (watch.stdout.match(/status {4}nobody leads/g)?.length ?? 0) >= 2);
  });

  test('a user who may not listen is told so, and sees all the same, a second later', async (t) => {
    const password = secretOf('a-password');
    await redis.cli('ACL', 'SETUSER', 'deaf', 'reset', 'on', `>${password}`, '+@all', '~*');
    const login = JSON.stringify({
      host: '127.0.0.1',
      port: redis.port,
      username: 'deaf',
      password,
    });
    const watch = start(t, ['watch', '--kind', 'deaf', '--json', '--redis', login]);
    await watch.printed(/"type":"limited"/);
    const leader = await new Fleet(t, { redis: redis.url, kind: 'deaf' }).start();
    await watch.printed(new RegExp(`"type":"elected","id":"${leader.id}"`));
    assert.match(watch.stdout, /"reason":"Redis at .* refused a right that Incumbent needs/);
  });

  test('forged announcements elect and depose nobody', async (t) => {
    const leader = await new Fleet(t, { redis: redis.url, kind: 'forged' }).start();
    const watch = start(t, ['watch', '--kind', 'forged', '--json', ...at()]);
    await watch.printed(/"type":"traffic"/);
    const term = leader.currentTerm;
    const forged = [
      {
        v: 1,
        type: 'heartbeat',
        holder: 'forger:0000000000000001',
        term: term + 5,
        beat: 0,
        stamp: 'x',
      },
      { v: 1, type: 'vacancy', term, stamp: 'y' },
    ];
    for (const body of forged) {
      await redis.cli('PUBLISH', 'incumbent:{forged}:0:election', JSON.stringify(body));
    }
    await redis.cli('PUBLISH', 'incumbent:{forged}:0:election', '\u0000 junk');
    await leader.stop();
    await watch.printed(/"type":"vacant"/);
    const told = linesOf(watch.stdout).filter(({ type }) => ['elected', 'vacant'].includes(type));
    assert.deepEqual(
      told.map(({ type, id }) => [type, id]),
      [['vacant', leader.id]],
    );
  });

  test('behind `| head` it ends without a word', async (t) => {
    const watch = start(t, ['watch', '--kind', 'head', '--json', ...at()]);
    await watch.printed(/"type":"status"/);
    watch.stopReading();
    const leader = await new Fleet(t, { redis: redis.url, kind: 'head' }).start();
    await leader.reelect();
    assert.equal((await watch.ended()).code, 0);
    assert.equal(watch.stderr, '');
  });
});

test('whoever only looks leaves nothing behind', async (t) => {
  const before = await traces();
  const commands = [
    ['watch', '--json'],
    ['listen', '--json'],
  ].map((args) => start(t, [...args, '--kind', 'untouched', ...at()]));
  await commands[0]!.printed(/"type":"status"/);
  await commands[1]!.printed(/listening/);
  for (const command of commands) {
    command.signal('SIGINT');
    const { code, ms } = await command.ended();
    assert.equal(code, 0);
    assert.ok(ms < endLimitMs, `${ms} ms`);
  }
  await incumbent(['status', '--kind', 'untouched', ...at()]);
  await incumbent(['kinds', ...at()]);
  await incumbent(['send', '--kind', 'untouched', '--all', 'x', ...at()]);
  await eventually(async () => assert.deepEqual(await traces(), before) ?? true);
});
