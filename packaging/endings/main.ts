// `npm run endings -- --rounds 500`: processes that end in every way at every moment of a candidate's life, in every place. Each must end by itself, in time, and by
// what was meant to end it: none may crash, and none may hang.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { guard } from '../../__test__/fixtures/guard.ts';
import { startRedis } from '../../__test__/fixtures/redis-server.ts';
import { putInto } from '../installed.ts';

const places = ['main', 'thread', 'threads', 'fork', 'cluster', 'twice'];
const moments = [
  'loaded',
  'created',
  'starting',
  'elected',
  'leading',
  'sending',
  'stopping',
  'stopped',
];
const ways = ['exit', 'throw', 'reject', 'kill', 'terminate'];

/** Far more than any takes on a busy machine. */
const limitMs = 60_000;
const concurrency = 2;

interface Task {
  where: string;
  moment: string;
  how: string;
  afterMs: number;
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '500' } } });

/** Every combination that there is, over and over, each time a little later. */
function* tasks(rounds: number): Generator<Task> {
  const all = places.flatMap((where) =>
    moments.flatMap((moment) => ways.map((how) => ({ where, moment, how }))),
  );
  const possible = all.filter(({ where, how }) => {
    const isThread = where.startsWith('thread');
    // A thread has no signals of its own, and nobody but its creator terminates one.
    return how === 'kill' ? !isThread : how === 'terminate' ? isThread : true;
  });
  for (let round = 0; round < rounds; round++) {
    // A stride that has no divisor with the number of combinations, so that also few rounds have some of all.
    const task = possible[(round * 37) % possible.length]!;
    yield { ...task, afterMs: (round * 7) % 60 };
  }
}

function expected({ where, how }: Task): number | NodeJS.Signals {
  if (where.startsWith('thread')) return 0;
  if (how === 'kill') return ['fork', 'cluster'].includes(where) ? 143 : 'SIGTERM';
  return how === 'exit' ? 7 : 1;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'incumbent-endings-'));
  const redis = await startRedis();
  const startedAt = performance.now();
  let passed = 0;
  const failures: string[] = [];
  try {
    await putInto(path.join(folder, 'node_modules'));
    const waiting = tasks(Number(values.rounds));
    let round = 0;
    const worker = async () => {
      for (const task of waiting) {
        const failure = await run(
          {
            ...task,
            redis: redis.url,
            kind: `ending-${round++}`,
            package: path.join(folder, 'node_modules/incumbent'),
          },
          expected(task),
        );
        if (failure) failures.push(`${JSON.stringify(task)}: ${failure}`);
        else passed += 1;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  } finally {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  for (const failure of failures) console.log(failure);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(`${passed + failures.length} rounds in ${seconds} s`);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length ? 1 : 0;
}

/** What went wrong. */
async function run(task: object, wanted: number | NodeJS.Signals): Promise<string | undefined> {
  const child = spawn(
    process.execPath,
    [path.join(__dirname, 'service.cjs'), JSON.stringify(task)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const release = guard(child.pid!);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  let hung = false;
  const limit = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, limitMs);
  const [code, signal] = await once(child, 'close');
  clearTimeout(limit);
  release();
  if (hung) return `it hung\n${output}`;
  const ended = signal ?? code;
  return ended === wanted ? undefined : `it ended with ${ended}, not ${wanted}\n${output}`;
}

void main();
