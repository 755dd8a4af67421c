// `incumbent run`: a program that runs while this host leads, and only then.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { incumbent } from './fixtures/command.ts';
import { eventually } from './fixtures/eventually.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { readRegister, renewals } from './fixtures/register.ts';
import { start, type RunningCommand } from './fixtures/running-command.ts';
import { temporaryDirectory } from './fixtures/temporary-directory.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

let kinds = 0;

/** `incumbent run` for a kind of its own. */
function scene(t: TestContext) {
  const kind = `job-${++kinds}`;
  const run = (command: string[], ...options: string[]): RunningCommand =>
    start(t, ['run', '--redis', redis.url, '--kind', kind, ...options, '--', ...command]);
  return { kind, run };
}

/** A program that tells its pid and how it is told to end, and ends only if `obeys`. */
const service = (obeys: boolean) => [
  'sh',
  '-c',
  `trap 'echo told to end; ${obeys ? 'exit 0' : ''}' TERM; echo runs as $$; while :; do sleep 0.05; done`,
];

/** A process takes long to start on a busy machine. */
const patience = { within: 30_000 };

/** So that no lease lapses on a busy machine. */
const calm = ['--lease-ms', '3000'];

/** Waits until so many instances are there. */
const instances = (kind: string, count: number) =>
  eventually(
    async () => (await redis.cli('HLEN', `incumbent:{${kind}}:instances`)) === count,
    patience,
  );

const pidOf = async (command: RunningCommand) =>
  Number((await command.printed(/runs as (\d+)/))[1]);

const lives = (pid: number) => {
  try {
    process.kill(pid, 0);
    // One that nobody has waited for yet has ended all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const isDead = (pid: number) => eventually(() => !lives(pid), patience);

describe('the command', () => {
  test('finds kind, id and term in its environment', async (t) => {
    const { kind, run } = scene(t);
    const command = run([
      'sh',
      '-c',
      'echo "[$INCUMBENT_KIND $INCUMBENT_ID $INCUMBENT_TERM]"; sleep 60',
    ]);
    const [, told, id, term] = await command.printed(/\[(\S+) (\w{24}) (\d+)\]/);
    const register = await readRegister(redis, kind);
    assert.equal(told, kind);
    assert.equal(register.holder.split(':')[0], id);
    assert.equal(register.term, Number(term));
  });

  test('that ends by itself ends it all: its exit code is passed on, and the leadership is released', async (t) => {
    const { kind, run } = scene(t);
    const { code } = await run(['sh', '-c', 'exit 7']).ended();
    assert.equal(code, 7);
    assert.equal((await readRegister(redis, kind)).holder, '');
  });

  test('that is killed by a signal gives 128 and its number', async (t) => {
    const { code } = await scene(t).run(['sh', '-c', 'kill -KILL $$']).ended();
    assert.equal(code, 137);
  });

  test('with --restart is started again, in a later term', async (t) => {
    const { run } = scene(t);
    const command = run(['sh', '-c', 'echo "<$INCUMBENT_TERM>"'], '--restart');
    await eventually(() => (command.stdout.match(/<\d+>/g)?.length ?? 0) >= 2, patience);
    const [first, second] = command.stdout.match(/\d+/g)!.map(Number);
    assert.ok(second! > first!);
  });

  test('that does not exist is told of before anything is contended for: 127', async () => {
    const { code, stderr } = await incumbent([
      'run',
      '--redis',
      redis.url,
      '--',
      'no-such-command',
    ]);
    assert.equal(code, 127);
    assert.equal(stderr, 'error: no-such-command: command not found\n');
  });

  test('that may not be executed: 126', async (t) => {
    const file = path.join(temporaryDirectory(t), 'text');
    writeFileSync(file, 'no program', { mode: 0o644 });
    const { code, stderr } = await incumbent(['run', '--redis', redis.url, '--', file]);
    assert.equal(code, 126);
    assert.match(stderr, /permission denied/);
  });

  test('takes options that look like those of run', async (t) => {
    const command = scene(t).run(['echo', '--kind', 'x', '--json', '--', '-h']);
    await command.ended();
    assert.match(command.stdout, /^--kind x --json -- -h$/m);
  });
});

describe('of two hosts', () => {
  test('one runs it; when that one is ended, the other does', async (t) => {
    const { kind, run } = scene(t);
    const first = run(service(true), ...calm);
    const pid = await pidOf(first);
    const second = run(service(true), ...calm);
    await instances(kind, 2);
    assert.equal(second.stdout, '', 'the second one waits');
    first.signal('SIGTERM');
    assert.equal((await first.ended()).code, 0, first.stderr);
    assert.match(first.stdout, /told to end/);
    assert.ok(!lives(pid));
    await pidOf(second);
  });

  test('a command that does not end is killed before the other one begins', async (t) => {
    const { run } = scene(t);
    const first = run(service(false), '--kill-after', '300');
    const pid = await pidOf(first);
    const second = run(service(true));
    first.signal('SIGTERM');
    await pidOf(second);
    assert.ok(!lives(pid), 'it had been killed');
    assert.equal((await first.ended()).code, 137, first.stderr);
    assert.match(first.stderr, /killed: it has not ended within 300 ms/);
  });
});

describe('the command is dead', () => {
  test('when the server has not answered for a lease, before another host could lead', async (t) => {
    const { run } = scene(t);
    const command = run(service(false));
    const pid = await pidOf(command);
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await isDead(pid);
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    assert.match(command.stderr, /the leadership ends \(expired\)/);
    // It was not the command's own end: it is started again.
    await eventually(() => (command.stdout.match(/runs as/g)?.length ?? 0) >= 2, patience);
  });

  test('when the runner is killed, with all that it has started', async (t) => {
    const command = scene(t).run(['sh', '-c', 'sleep 600 & echo "child $! of $$"; wait']);
    const pids = (await command.printed(/child (\d+) of (\d+)/)).slice(1).map(Number);
    command.signal('SIGKILL');
    for (const pid of pids) await isDead(pid);
  });

  test('with all that it left behind, when it ends by itself', async (t) => {
    const command = scene(t).run(['sh', '-c', 'sleep 600 >/dev/null 2>&1 & echo "left $!"']);
    const [, pid] = await command.printed(/left (\d+)/);
    assert.equal((await command.ended()).code, 0);
    await isDead(Number(pid));
  });
});

describe('while it takes its time to end', () => {
  test('the leadership is held for it', async (t) => {
    const { kind, run } = scene(t);
    const command = run(service(false));
    const pid = await pidOf(command);
    command.signal('SIGTERM');
    await command.printed(/told to end/);
    await renewals(redis, kind, 10);
    assert.ok(lives(pid));
  });

  test('it is killed all the same when the server is away', async (t) => {
    const command = scene(t).run(service(false), '--kill-after', '60000');
    const pid = await pidOf(command);
    command.signal('SIGTERM');
    await command.printed(/told to end/);
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await isDead(pid);
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    assert.match(command.stderr, /killed: the lease lapses/);
    assert.equal((await command.ended()).code, 137);
  });
});

describe('a signal', () => {
  test('to end is passed on, and a second one kills', async (t) => {
    const command = scene(t).run(service(false));
    const pid = await pidOf(command);
    command.signal('SIGTERM');
    await command.printed(/told to end/);
    assert.ok(lives(pid));
    command.signal('SIGTERM');
    assert.equal((await command.ended()).code, 137);
  });

  test('of another sort is the command’s alone', async (t) => {
    const command = scene(t).run([
      'sh',
      '-c',
      "trap 'echo reloaded' HUP; echo runs as $$; while :; do sleep 0.05; done",
    ]);
    await pidOf(command);
    command.signal('SIGHUP');
    await command.printed(/reloaded/);
  });

  test('to one that does not lead ends it: 143', async (t) => {
    const { kind, run } = scene(t);
    await pidOf(run(service(true)));
    const second = run(service(true), ...calm);
    await instances(kind, 2);
    second.signal('SIGTERM');
    const { code } = await second.ended();
    assert.equal(code, 143);
    assert.equal(second.stdout, '');
  });
});

test('an instance that ran a command leaves nothing but the register', async (t) => {
  const { kind, run } = scene(t);
  await run(['true']).ended();
  const left = (await redis.cli('KEYS', `*{${kind}}*`)) as string[];
  assert.deepEqual(left, [`incumbent:{${kind}}:register`]);
});

test('what happens is told as JSON on stderr, and stdout is the command’s alone', async (t) => {
  const command = scene(t).run(['echo', 'hello'], '--json');
  await command.ended();
  const events = command.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ event }) => event),
    ['started', 'ended'],
  );
  assert.equal(command.stdout, 'hello\n');
});
