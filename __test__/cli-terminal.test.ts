// The command line on a terminal: a pseudo-terminal, as a person sits at one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { incumbent } from './fixtures/command.ts';
import { eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { endLimitMs, picture, startOnTerminal } from './fixtures/running-command.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const ctrlC = '\u0003';
const at = () => ['--redis', redis.url];

describe('watch on a terminal', () => {
  test('draws leader, instances, the timeline of terms and takeovers; Ctrl-C gives the screen back', async (t) => {
    const fleet = new Fleet(t, { redis: redis.url, kind: 'drawn' });
    const [leader, follower] = await fleet.lead(1);
    const watch = startOnTerminal(t, ['watch', '--kind', 'drawn', ...at()]);
    const shows = (pattern: RegExp) =>
      eventually(() => assert.match(picture(watch.stdout).join('\n'), pattern) ?? true);
    await shows(new RegExp(`^leader +${leader.id} \\(lease 800 ms`, 'm'));
    await leader.messageAll('hello');
    await leader.reelect();
    await shows(new RegExp(`^leader +${follower!.id}`, 'm'));
    await shows(new RegExp(`^B +${follower!.id} +\\d+ .* handover$`, 'm'));
    await shows(new RegExp(`^A +${leader.id} +\\d+ `, 'm'));
    await shows(/^last 2 min .*A.*B$/m);
    await shows(/^messages\/s +all \d+ /m);
    assert.ok(picture(watch.stdout).every((line) => line.length <= 100));
    watch.type(ctrlC);
    const { code, ms } = await watch.ended();
    assert.equal(code, 0);
    assert.ok(ms < endLimitMs, `${ms} ms`);
    assert.match(watch.stdout, /^\u001b\[\?1049h\u001b\[\?25l/);
    assert.match(watch.stdout, /\u001b\[\?25h\u001b\[\?1049l/);
  });

  test('fits a small one', async (t) => {
    await new Fleet(t, { redis: redis.url, kind: 'small' }).lead(2);
    const watch = startOnTerminal(t, ['watch', '--kind', 'small', ...at()], {
      columns: 40,
      rows: 12,
    });
    await eventually(() => picture(watch.stdout).some((line) => line.startsWith('leader')));
    const lines = picture(watch.stdout);
    assert.ok(lines.length <= 12 && lines.every((line) => line.length <= 40), lines.join('\n'));
  });

  test('prints a line for each event with --lines', async (t) => {
    const watch = startOnTerminal(t, ['watch', '--lines', '--kind', 'lines', ...at()]);
    await watch.printed(/status {4}nobody leads; 0 instances\r\n/);
    assert.doesNotMatch(watch.stdout, /\u001b/);
  });
});

describe('Ctrl-C ends within a second', () => {
  const cases: [name: string, rest: string[], ready: RegExp, code: number][] = [
    ['listen', [], /listening/, 0],
    ['run', ['--', 'sleep', '600'], /leads in term/, 130],
  ];
  for (const [name, rest, ready, expected] of cases) {
    test(name, async (t) => {
      const running = startOnTerminal(t, [name, '--kind', `ended-${name}`, ...at(), ...rest]);
      await running.printed(ready);
      running.type(ctrlC);
      const { code, ms } = await running.ended();
      assert.equal(code, expected, running.stdout);
      assert.ok(ms < endLimitMs, `${ms} ms`);
    });
  }

  for (const name of ['bench', 'demo']) {
    test(`${name}, and no key is left`, async (t) => {
      const lone = await startRedis();
      t.after(() => lone.stop());
      const running = startOnTerminal(t, [name, '--redis', lone.url]);
      await eventually(async () => (await lone.cli('DBSIZE')) > 1);
      running.type(ctrlC);
      const { code, ms } = await running.ended();
      assert.equal(code, 130);
      assert.ok(ms < endLimitMs, `${ms} ms`);
      await eventually(async () => (await lone.cli('DBSIZE')) === 0);
      await eventually(async () => !(await lone.cli('CLIENT', 'LIST')).includes('name=incumbent'));
    });
  }

  test('also while the server does not answer', async (t) => {
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    t.after(() => silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const status = startOnTerminal(t, ['status', '--redis', `redis://127.0.0.1:${port}`]);
    await once(silent, 'connection');
    status.type(ctrlC);
    const { code, ms } = await status.ended();
    assert.equal(code, 130);
    assert.ok(ms < endLimitMs, `${ms} ms`);
  });
});

test('bench tells its figures, and leaves no key', async (t) => {
  const lone = await startRedis();
  t.after(() => lone.stop());
  const { code, stdout, stderr } = await incumbent([
    'bench',
    '--seconds',
    '0.3',
    '--json',
    '--redis',
    lone.url,
  ]);
  assert.equal(code, 0, stderr);
  const { handoverMs, pingPongMs, roundTripMs, messagesPerSecond } = JSON.parse(stdout);
  for (const { p50, p99, count } of [handoverMs, pingPongMs, roundTripMs]) {
    assert.ok(p50 > 0 && p99 >= p50 && count > 0);
  }
  assert.ok(messagesPerSecond > 0);
  assert.equal(await lone.cli('DBSIZE'), 0);
});
