// README.md as a new user takes it: its examples run as they stand, its tables say what the code does.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Candidate } from 'incumbent';
import { eventually } from './fixtures/eventually.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

const root = path.join(__dirname, '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const typings = readFileSync(path.join(root, 'index.d.ts'), 'utf8');

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

/** The code blocks of a language, in their order. */
function blocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...readme.matchAll(fence)].map(([, code]) => code!);
}

/** Runs an example where `incumbent` means this package. */
function run(code: string) {
  const child = spawn(process.execPath, ['-e', code], {
    cwd: root,
    env: { ...process.env, REDIS_URL: redis.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  return { child, exit: once(child, 'exit'), output: () => output };
}

describe('the examples', () => {
  const [tenLines, whileLeading, fencing, checkpoint, onceElected, inTests, ...others] =
    blocks('js');

  test('the first one leads, pushes jobs, and ends on SIGTERM', async (t) => {
    const { child, exit, output } = run(tenLines!);
    t.after(() => child.kill('SIGKILL'));
    await eventually(() => /I lead, in term \d+/.test(output()));
    await eventually(() => /pushing a job in term \d+/.test(output()));
    child.kill('SIGTERM');
    assert.deepEqual(await exit, [0, null]);
    assert.match(output(), /I lead no more; nobody yet does/);
  });

  test('two copies of the first one: the other goes on pushing', async (t) => {
    const copies = [run(tenLines!), run(tenLines!)];
    t.after(() => copies.forEach(({ child }) => child.kill('SIGKILL')));
    const pushes = ({ output }: { output(): string }) => output().includes('pushing a job');
    const first = await eventually(() => copies.find(pushes));
    const second = copies.find((copy) => copy !== first)!;
    assert.equal(pushes(second), false);
    first.child.kill('SIGTERM');
    await eventually(() => pushes(second));
    second.child.kill('SIGTERM');
    assert.deepEqual(await second.exit, [0, null]);
  });

  test('the one that polls while it leads: its copy goes on in a later term', async (t) => {
    const copies = [run(whileLeading!), run(whileLeading!)];
    t.after(() => copies.forEach(({ child }) => child.kill('SIGKILL')));
    const term = ({ output }: { output(): string }) =>
      Number(/polling in term (\d+)/.exec(output())?.[1] ?? 0);
    const first = await eventually(() => copies.find(term));
    const second = copies.find((copy) => copy !== first)!;
    assert.equal(term(second), 0);
    first.child.kill('SIGTERM');
    assert.deepEqual(await first.exit, [0, null]);
    await eventually(() => term(second) > term(first));
    second.child.kill('SIGTERM');
    assert.deepEqual(await second.exit, [0, null]);
  });

  test('the one that is fenced pushes a job and moves its cursor', async (t) => {
    const { child, output } = run(fencing!);
    t.after(() => child.kill('SIGKILL'));
    await eventually(() => output() === '1 OK\n');
    assert.deepEqual(await redis.cli('LRANGE', 'jobs', '0', '-1'), ['{"id":43}']);
    assert.deepEqual(await redis.cli('GET', 'cursor'), '43');
  });

  test('the one with a checkpoint goes on where it stopped', async (t) => {
    const first = run(checkpoint!);
    t.after(() => first.child.kill('SIGKILL'));
    await eventually(() => first.output().includes('page 2'));
    const reader = new Candidate({ redis: redis.url, kind: 'importer', eligible: false });
    t.after(() => reader.stop());
    await reader.start();
    await eventually(async () => (await reader.getCheckpoint<any>())?.page === 3);
    assert.equal(first.output(), 'importing page 0\nimporting page 1\nimporting page 2\n');
    first.child.kill('SIGKILL');
    await first.exit;
    const second = run(checkpoint!);
    t.after(() => second.child.kill('SIGKILL'));
    const { id } = (await reader.getLeader()) ?? { id: '' };
    await eventually(async () => ((await reader.getLeader())?.id ?? id) !== id);
    second.child.kill('SIGTERM');
    await second.exit;
    assert.equal(second.output(), '');
  });

  test('the one that awaits `elected`', async () => {
    const { exit, output } = run(onceElected!);
    assert.deepEqual(await exit, [0, null]);
    assert.equal(output(), 'true true\n');
  });

  test('the one for tests', async () => {
    const { exit, output } = run(inTests!);
    assert.deepEqual(await exit, [0, null]);
    assert.match(output(), /^[0-9a-f]{24}\n$/);
  });

  test('there are no others', () => assert.deepEqual(others, []));
});

test('the rights that it lists are enough', async (t) => {
  const line = blocks('text').find((block) => block.startsWith('ACL SETUSER'))!;
  const [acl, setuser, user, ...rights] = line.trim().split(' ');
  await redis.cli(acl!, setuser!, user!, 'reset', ...rights);
  const url = `redis://${user}:password@127.0.0.1:${redis.port}`;
  const candidates = [0, 1].map(() => new Candidate({ redis: url, kind: 'orders' }));
  t.after(() => Promise.all(candidates.map((candidate) => candidate.stop())));
  const errors: unknown[] = [];
  candidates.forEach((candidate) => candidate.on('error', (error) => errors.push(error)));
  await Promise.all(candidates.map((candidate) => candidate.start()));
  const [leader, follower] = candidates[0]!.isLeader() ? candidates : candidates.toReversed();
  const heard = once(leader!, 'message');
  await follower!.messageLeader('a word');
  assert.equal((await heard)[0].message, 'a word');
  await follower!.setMeta('new');
  assert.equal((await leader!.getInstances()).length, 2);
  await leader!.stop();
  await eventually(() => follower!.isLeader());
  assert.deepEqual(errors, []);
});

describe('the tables name what index.d.ts declares, and nothing else', () => {
  const named = (heading: string) => {
    const section = readme.split(new RegExp(`\n##+ ${heading}\n`))[1]!.split(/\n##+ /)[0]!;
    const firstCells = [...section.matchAll(/^\| ([^|]+)\|/gm)].slice(2).map(([, cell]) => cell!);
    return firstCells.flatMap((cell) => [...cell.matchAll(/`([\w]+)/g)].map(([, name]) => name!));
  };
  const declared = (start: string, pattern: RegExp) => {
    const body = typings.split(start)[1]!.split('\n}')[0]!;
    return [...body.matchAll(pattern)].map(([, name]) => name!);
  };

  test('options', () => {
    assert.deepEqual(
      new Set(named('Options')),
      new Set(declared('export interface Options<', /^ {2}(\w+)\?:/gm)),
    );
  });

  test('options of Redis', () => {
    assert.deepEqual(
      new Set(named('Which Redis, and as whom')),
      new Set(declared('export interface RedisOptions ', /^ {2}(\w+)\?:/gm)),
    );
  });

  test('methods', () => {
    const body = typings.split(/^export class Candidate</m)[1]!.split('\n}')[0]!;
    const declared = [...body.matchAll(/^ {2}(?:readonly )?(\w+)(?:<[^(]*>)?[(:]/gm)]
      .map(([, name]) => name!)
      .filter((name) => name !== 'constructor');
    const section = readme.split('\n## Methods\n')[1]!.split('\n## ')[0]!;
    const missing = declared.filter((name) => !new RegExp(`\\b${name}\\b`).test(section));
    assert.deepEqual(missing, []);
  });

  test('events', () => {
    const events = declared('export interface CandidateEvents<', /^ {2}'?(\w+)(?:'|:|[:\w]*'?:)/gm);
    assert.deepEqual(new Set(named('Events')), new Set(events));
  });

  test('error codes', () => {
    const codes = [...typings.split('export type ErrorCode')[1]!.matchAll(/'(ERR_\w+)'/g)];
    assert.deepEqual(new Set(named('Errors')), new Set(codes.map(([, code]) => code!)));
  });
});
