// `incumbent doctor` as people and scripts call it; and the rights that it lists, of which the documents tell as well.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { secretOf } from './fixtures/canary.ts';
import { incumbent, type Report } from './fixtures/command.ts';
import { collect } from './fixtures/eventually.ts';
import { Fleet, errorCodes } from './fixtures/fleet.ts';
import { freePort } from './fixtures/free-port.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

const root = path.join(__dirname, '..');
const secret = secretOf('a-password');

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

test('a sound server is fit: exit code 0, and a line for each check', async () => {
  const { code, stdout, stderr } = await doctor('--redis', redis.url, '--kind', 'orders');
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stderr, '');
  for (const name of ['reachable', 'version', 'role', 'rights', 'eviction', 'pub/sub', 'clock']) {
    assert.match(stdout, new RegExp(`^ok    ${name} `, 'm'));
  }
  assert.match(stdout, /^Redis at 127\.0\.0\.1:\d+, for the kind "orders"$/m);
  assert.match(stdout, /^Fit\.$/m);
});

test('the report as JSON has every check and every right', async () => {
  const report = await examined('--redis', redis.url);
  assert.equal(report.ok, true);
  assert.equal(report.server, `127.0.0.1:${redis.port}`);
  assert.ok(
    report.checks.every(({ status }) => status === 'ok'),
    JSON.stringify(report),
  );
  assert.ok(report.checks.some(({ name }) => name === 'right +hset'));
});

describe('a user', () => {
  const rules = async (...more: string[]) => {
    const { leastAcl } = await examined('--redis', redis.url, '--kind', 'orders', ...more);
    return leastAcl.split(' ').slice(3);
  };
  const permit = async (rules: string[]) => {
    const words = rules.map((rule) => (rule === '>password' ? `>${secret}` : rule));
    await redis.cli('ACL', 'SETUSER', 'limited', 'reset', ...words);
    return { host: '127.0.0.1', port: redis.port, username: 'limited', password: secret };
  };

  test('with the least rights is fit, and all that a candidate does works', async (t) => {
    const login = await permit(await rules('--crash-detection', 'connection', '--fenced'));
    await redis.cli('ACL', 'LOG', 'RESET');
    const report = await examined('--redis', JSON.stringify(login), '--kind', 'orders');
    assert.equal(report.ok, true);
    // What it may not read, and need not.
    const refused = (await redis.cli('ACL', 'LOG')).map((entry: any[]) => entry[7]);
    assert.deepEqual(new Set(refused), new Set(['config|get']));
    await redis.cli('ACL', 'LOG', 'RESET');
    for (const crashDetection of ['lease', 'connection'] as const) {
      await coreScenarios(t, { redis: login, crashDetection });
    }
    assert.deepEqual(await redis.cli('ACL', 'LOG'), []);
  });

  test('without one of them is told which, and how to grant it: exit code 1', async () => {
    const login = await permit((await rules()).filter((rule) => rule !== '+zrangebyscore'));
    const file = fileWith({ redis: login, kind: 'orders' });
    const { code, stdout } = await doctor('--options', file);
    assert.equal(code, 1);
    assert.match(stdout, /^FAIL  right \+zrangebyscore +missing$/m);
    assert.match(stdout, /→ grant it: ACL SETUSER … \+zrangebyscore$/m);
    assert.match(stdout, /^ACL SETUSER limited on >password .* \+zrangebyscore$/m);
    assert.match(stdout, /^Not fit: 1 failed, 0 warned of\.$/m);
    assert.ok(!stdout.includes(secret));
  });

  test('of another kind is told that keys and channels are not its own', async () => {
    const login = await permit(await rules());
    const { code, stdout } = await doctor('--redis', JSON.stringify(login), '--kind', 'payments');
    assert.equal(code, 1);
    assert.match(stdout, /^FAIL  right ~incumbent:\{payments\}:\* +missing$/m);
    assert.match(stdout, /^FAIL  right &incumbent:\{payments\}:\* +missing$/m);
  });
});

test('nobody answers: exit code 1, and the environment names the server', async () => {
  const port = await freePort();
  const env = { REDIS_URL: `redis://:${secret}@127.0.0.1:${port}` };
  const { code, stdout } = await incumbent(['doctor'], env);
  assert.equal(code, 1);
  assert.match(
    stdout,
    new RegExp(`^FAIL  reachable +cannot reach Redis at 127.0.0.1:${port}`, 'm'),
  );
  assert.ok(!stdout.includes(secret));
});

test('wrong usage: exit code 2, with what is wrong on stderr, and no password', async () => {
  const broken = fileWith('not JSON');
  writeFileSync(broken, `{ "redis": "redis://:${secret}@host", `);
  for (const [args, told] of [
    [['--redis', `http://:${secret}@host`], /must be a URL like redis:/],
    [['--redis', `{ "password": "${secret}"`], /--redis is not JSON/],
    [['--redis', JSON.stringify({ port: 'x', password: secret })], /"redis.port" must be/],
    [['--options', broken], /is not JSON/],
    [['--options', `${broken}.none`], /cannot be read/],
    [['--options', fileWith([1])], /must hold an object/],
    [['--lease-ms', '5'], /"leaseMs" must be an integer from 100/],
    [['--crash-detection', 'maybe'], /Allowed choices are lease, connection/],
    [['--frobnicate'], /unknown option/],
  ] as const) {
    const { code, stdout, stderr } = await doctor(...args);
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.match(stderr, told);
    assert.ok(!(stdout + stderr).includes(secret), stderr);
  }
  assert.equal((await incumbent([])).code, 2);
  assert.equal((await incumbent(['--version'])).stdout.trim(), require('../package.json').version);
});

test('the documents list just the rights that the doctor looks for', async () => {
  const least = await examined('--redis', redis.url, '--kind', 'orders');
  const redisPage = readFileSync(path.join(root, 'docs/redis.md'), 'utf8');
  assert.ok(redisPage.includes(`\n${least.leastAcl}\n`), least.leastAcl);
  const protocol = readFileSync(path.join(root, 'PROTOCOL.md'), 'utf8');
  const [, listed] = /```text\non >PASSWORD ([^`]*)```/.exec(protocol)!;
  const words = new Set(listed!.replaceAll('KIND', 'orders').trim().split(/\s+/));
  assert.deepEqual(words, new Set(least.leastAcl.split(' ').slice(5)));
  const more = ['--crash-detection', 'connection', '--fenced', '--wait-replicas', '1'];
  const most = await examined('--redis', `${redis.url}/1`, '--kind', 'orders', ...more);
  for (const right of most.leastAcl.split(' ').filter((rule) => rule.startsWith('+'))) {
    assert.match(protocol, new RegExp(`[ \`]${escaped(right)}[ \`\n]`));
  }
});

/** An election, discovery, every kind of message, a change of meta, fenced writes, a handover, a stop. */
async function coreScenarios(t: TestContext, options: object) {
  const fleet = new Fleet(t, options);
  const [leader, follower] = await fleet.lead(1);
  const codes = [leader, follower!].map(errorCodes);
  const [atLeader, atFollower] = [collect(leader), collect(follower!)];
  await leader.messageAll('all');
  await leader.messageFollowers('followers');
  await leader.messageTo(follower!.id, Buffer.from('one'));
  await follower!.messageLeader('leader');
  await atFollower.first('message', ({ message }) => String(message) === 'one');
  await atLeader.first('message:from:follower');
  await follower!.setMeta({ is: 'new' });
  assert.deepEqual((await leader.getInstances()).length, 2);
  assert.equal((await follower!.getLeader())?.id, leader.id);
  await leader.reelect();
  await atFollower.first('elected');
  await leader.stop();
  await atFollower.first('left');
  await follower!.stop();
  assert.deepEqual(codes, [[], []]);
}

async function examined(...args: string[]): Promise<Report> {
  const { stdout, stderr } = await doctor('--json', ...args);
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

const doctor = (...args: string[]) => incumbent(['doctor', ...args]);

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

function fileWith(options: unknown): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'incumbent-doctor-'));
  folders.push(folder);
  const file = path.join(folder, 'options.json');
  writeFileSync(file, JSON.stringify(options));
  return file;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
