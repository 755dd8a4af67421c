// What an idle kind costs Redis, as MONITOR shows it.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from './fixtures/fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

const instances = 10;
const seconds = 4;

/** The commands that Redis executes for a while, those of scripts apart. */
async function traffic(t: TestContext, redis: RedisServer) {
  const client = await redis.client();
  t.after(() => client.destroy());
  const lines: string[] = [];
  await client.monitor((line) => lines.push(String(line)));
  await sleep(seconds * 1000);
  const commands = lines.map((line) => {
    const [, place, command] = /\[\d+ (\S+?)\] "([^"]+)"/.exec(line) ?? [];
    return { isInScript: place === 'lua', name: command!.toUpperCase() };
  });
  return {
    sent: commands.filter(({ isInScript }) => !isInScript),
    names: new Set(commands.map(({ name }) => name)),
    published: commands.filter(({ name }) => name === 'PUBLISH').length,
  };
}

test('ten idle instances send at most 1.2 N + 8 commands a second, none of which looks through the keyspace', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const fleet = new Fleet(t, { redis: redis.url });
  await fleet.lead(instances - 1);
  const { sent, names, published } = await traffic(t, redis);

  const commandsPerSecond = sent.length / seconds;
  assert.ok(commandsPerSecond <= 1.2 * instances + 8, `${commandsPerSecond} commands a second`);
  assert.ok(sent.length > 0);
  for (const forbidden of [
    'KEYS',
    'SCAN',
    'HSCAN',
    'SSCAN',
    'ZSCAN',
    'FLUSHALL',
    'CONFIG',
    'EVAL',
  ]) {
    assert.ok(!names.has(forbidden), forbidden);
  }
  // Each is delivered to all ten.
  const deliveriesPerSecond = (published * instances) / seconds;
  assert.ok(deliveriesPerSecond <= 7 * instances, `${deliveriesPerSecond} deliveries a second`);
});

test('all candidates of a process share two connections to a server', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const fleet = new Fleet(t, { redis: redis.url });
  const ours = async () =>
    String(await redis.cli('CLIENT', 'LIST'))
      .split('\n')
      .filter((line) => line.includes('name=incumbent')).length;
  for (let number = 0; number < 20; number++) {
    await fleet.start({ kind: number % 2 ? 'orders' : 'invoices' });
    assert.equal(await ours(), 2);
  }
});
