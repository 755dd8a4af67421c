// `incumbent dashboard` over a real Redis: what the page is told of candidates that run, and how the command ends.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { incumbent } from './fixtures/command.ts';
import { Listener, ask } from './fixtures/dashboard-client.ts';
import { eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { Program } from './fixtures/program.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

const main = path.join(__dirname, '../lib/cli/main.js');

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

test('the page is told who leads, and of each takeover with its length', async (t) => {
  const fleet = new Fleet(t, { redis: redis.url, kind: 'orders', meta: { host: 'a' } });
  const [leader, follower] = await fleet.lead(1);
  const { listen } = await dashboard(t, '--redis', redis.url);
  const listener = listen('orders');
  await listener.until('orders', (row) => row.leader === leader.id && row.instances === 2);
  assert.equal(listener.chosen.history.reigns.at(-1).term, leader.currentTerm);
  const [own] = listener.chosen.instances.list;
  assert.deepEqual([own.id, own.isLeader, own.meta], [leader.id, true, { host: 'a' }]);

  await leader.stop();
  const { last } = await listener.until('orders', (row) => row.leader === follower!.id);
  assert.deepEqual([last.from, last.to, last.after], [leader.id, follower!.id, 'handover']);
  await listener.until('orders', ({ instances }) => instances === 1);
  assert.equal(listener.chosen.history.takeovers.at(-1).ms, last.ms);
});

test('messages are counted', async (t) => {
  const fleet = new Fleet(t, { redis: redis.url, kind: 'chatty' });
  const [leader] = await fleet.lead(1);
  const { listen } = await dashboard(t, '--redis', redis.url);
  const listener = listen('chatty');
  await listener.until('chatty', (row) => row.leader === leader.id);
  const sending = setInterval(() => leader.messageFollowers('tick'), 20);
  t.after(() => clearInterval(sending));
  await listener.until('chatty', ({ rate }) => rate > 5);
  clearInterval(sending);
  await listener.until('chatty', ({ rate }) => rate === 0);
});

test('a leader is asked to go, and to hand over to one of the others', async (t) => {
  const fleet = new Fleet(t, { redis: redis.url, kind: 'asked' });
  const [leader, ...others] = await fleet.lead(2);
  const { url, token, listen } = await dashboard(t, '--redis', redis.url, '--allow-actions');
  const listener = listen('asked');
  await listener.until('asked', (row) => row.leader === leader.id && row.instances === 3);
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    origin: new URL(url).origin,
  };
  const body = { kind: 'asked', to: others[1]!.id };
  const given = await ask(url, '/actions/transfer', { method: 'POST', headers, body });
  assert.deepEqual(given.json, { done: { leader: others[1]!.id } });
  assert.equal(others[1]!.isLeader(), true);
});

test('the register is read from Redis', async (t) => {
  const fleet = new Fleet(t, { redis: redis.url, kind: 'read' });
  const [leader] = await fleet.lead(0);
  const { url } = await dashboard(t, '--redis', redis.url, '--kind', 'read');
  const { json } = await eventually(async () => {
    const answer = await ask(url, '/register?kind=read');
    return answer.status === 200 && answer;
  });
  assert.match(json.register.holder, new RegExp(`^${leader.id}:`));
  assert.equal(Number(json.register.term), leader.currentTerm);
});

test('with --kind, these are shown and no others', async (t) => {
  const fleet = new Fleet(t, { redis: redis.url, kind: 'shown' });
  await fleet.lead(0);
  const { listen } = await dashboard(t, '--redis', redis.url, '--kind', 'shown', 'not-there-yet');
  const listener = listen();
  await listener.until('shown', ({ state }) => state === 'led');
  await listener.until('not-there-yet', ({ state }) => state === 'idle');
  assert.equal(listener.kinds.size, 2);
});

test('Ctrl-C ends it with a browser at its stream, and nothing of it stays in Redis', async (t) => {
  const fleet = new Fleet(t, { redis: redis.url, kind: 'orders' });
  await fleet.lead(0);
  const keys = async () => (await redis.cli('KEYS', '*')).sort();
  const clients = async () => String(await redis.cli('CLIENT', 'LIST')).split('\n').length;
  const before = { keys: await keys(), clients: await clients() };
  const { program, listen } = await dashboard(t, '--redis', redis.url);
  const listener = listen('orders');
  await listener.until('orders', ({ state }) => state === 'led');
  assert.ok((await clients()) > before.clients);
  program.kill('SIGINT');
  assert.equal(await program.ended, 0);
  await eventually(() => listener.closed);
  await eventually(async () => (await clients()) === before.clients);
  assert.deepEqual(await keys(), before.keys);
});

test('it starts where Redis is away, says so, and shows it once it is there', async (t) => {
  const late = await startRedis();
  t.after(() => late.stop());
  const place = late.url;
  await late.kill();
  const { program, listen } = await dashboard(t, '--redis', place);
  const listener = listen();
  await eventually(() => listener.connection?.state === 'blind');
  await eventually(() => /warning: Redis is not seen yet: /.test(program.output));
  await late.restart();
  await eventually(() => listener.connection.state === 'live');
});

test('where the usual port is taken, a free one is used; one that was asked for is insisted on', async (t) => {
  const usual = createServer();
  t.after(() => usual.close());
  usual.listen(4240, '127.0.0.1');
  // Somebody else may have it: that does as well.
  await once(usual, 'listening').catch(() => {});
  const { url } = await dashboard(t, '--redis', redis.url, '--port', '');
  assert.notEqual(new URL(url).port, '4240');
  const taken = await incumbent(['dashboard', '--redis', redis.url, '--port', new URL(url).port]);
  assert.equal(taken.code, 2);
  assert.match(taken.stderr, /^error: port \d+ of 127\.0\.0\.1 is in use: choose another --port/m);
});

test('what is wrong about its call is named: exit code 2', async () => {
  for (const [args, env, words] of [
    [['--port', '70000'], {}, /a port is a whole number from 0 to 65535/],
    [['--port', '0', '--host', '203.0.113.7'], {}, /this host has no address 203\.0\.113\.7/],
    [['--allow-actions'], { INCUMBENT_DASHBOARD_TOKEN: 'short' }, /must be 16 to 256/],
    [['--options', '/nowhere.json'], {}, /--options cannot be read/],
  ] as [string[], Record<string, string>, RegExp][]) {
    const { code, stderr } = await incumbent(['dashboard', ...args], env);
    assert.equal(code, 2, stderr);
    assert.match(stderr, words);
  }
});

test('it prints where the page is, and the token where there is one', async (t) => {
  const args = ['dashboard', '--redis', redis.url, '--port', '0', '--allow-actions'];
  const program = new Program(t, main, { args });
  await eventually(() => /Ctrl-C ends it\./.test(program.output));
  const [page, token, end] = program.output.split('\n');
  assert.match(page!, /^The dashboard of 127\.0\.0\.1:\d+: http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.match(token!, /^The token for its actions: [\w-]{24}$/);
  assert.equal(end, 'Ctrl-C ends it.');
});

test('whoever lets others reach it is warned', async (t) => {
  const { program, url } = await dashboard(t, '--redis', redis.url, '--host', '0.0.0.0');
  assert.match(program.output, /^warning: whoever can reach port \d+ at 0\.0\.0\.0 reads /m);
  assert.match(url, /^http:\/\/localhost:/);
});

test('the token of the environment is the one that counts', async (t) => {
  const token = 'chosen-by-an-operator';
  const { token: told } = await dashboard(t, '--redis', redis.url, '--allow-actions', {
    INCUMBENT_DASHBOARD_TOKEN: token,
  });
  assert.equal(told, token);
});

/** Starts the command at a free port, unless another one is given; waits until it has told its address. */
async function dashboard(t: TestContext, ...given: (string | Record<string, string>)[]) {
  const env = given.filter((one) => typeof one !== 'string')[0] ?? {};
  const args = given.filter((one) => typeof one === 'string');
  const port = args.includes('--port') ? [] : ['--port', '0'];
  const chosen = args.filter(
    (arg, index) => !(arg === '--port' && args[index + 1] === '') && arg !== '',
  );
  const program = new Program(t, main, { args: ['dashboard', '--json', ...port, ...chosen], env });
  const line = await eventually(() => program.output.match(/^\{.*\}$/m)?.[0]);
  const { url, token } = JSON.parse(line);
  const listeners: Listener[] = [];
  t.after(() => listeners.forEach((listener) => listener.close()));
  const listen = (kind?: string) => {
    const listener = new Listener(url, kind);
    listeners.push(listener);
    return listener;
  };
  return { program, url: url as string, token: token as string, listen };
}
