'use strict';

// A process that ends at some moment, in some way, in some place: the task in its argument says so. Its exit code is that of the ending; see main.ts.

const { fork } = require('node:child_process');
/** @type {import('node:cluster').Cluster} */
const cluster = /** @type {any} */ (require('node:cluster'));
const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const { Worker, isMainThread, workerData } = require('node:worker_threads');

/** @type {{ where: string, moment: string, how: string, afterMs: number, redis: string, kind: string, package: string }} */
const task = isMainThread ? JSON.parse(process.argv[2] ?? process.env.TASK ?? '') : workerData;

/** How it ends. In a thread, it is the thread that ends so. @type {Record<string, () => unknown>} */
const endings = {
  exit: () => process.exit(7),
  throw: () => setImmediate(() => fail()),
  reject: () => void Promise.reject(new Error('meant to end it')),
  kill: () => process.kill(process.pid, 'SIGTERM'),
  // Its creator does so.
  terminate: () => require('node:worker_threads').parentPort?.postMessage('terminate'),
};

function fail() {
  throw new Error('meant to end it');
}

async function serve() {
  const end = async () => {
    await sleep(task.afterMs);
    await endings[task.how]?.();
  };
  const { Candidate } = required();
  if (task.moment === 'loaded') return end();
  const options = { redis: task.redis, kind: task.kind, leaseMs: 300 };
  const candidate = new Candidate(options);
  candidate.on('error', () => {});
  if (task.moment === 'created') return end();
  const started = candidate.start();
  started.catch(() => {});
  if (task.moment === 'starting') return end();
  if (task.moment === 'elected') {
    candidate.on('elected', () => endings[task.how]?.());
    return undefined;
  }
  if (task.moment === 'leading') {
    candidate
      .lead(async (/** @type {any} */ { signal }) => {
        await end();
        await sleep(60_000, undefined, { signal });
      })
      .done.catch(() => {});
    return undefined;
  }
  await started;
  if (task.moment === 'sending') {
    const timer = setInterval(() => {
      for (let n = 0; n < 200; n++) candidate.messageAll({ n }).catch(() => {});
      candidate.getInstances().catch(() => {});
    }, 1);
    await end();
    await sleep(2000);
    clearInterval(timer);
    return undefined;
  }
  const stopped = candidate.stop();
  if (task.moment === 'stopping') return end();
  await stopped;
  return end();
}

/** The package; where that is asked for, twice, as test runners load a package for each file of tests. */
function required() {
  const first = require(task.package);
  if (task.where !== 'twice') return first;
  const other = new first.Candidate({ medium: 'memory', kind: 'other', leaseMs: 100 });
  void other.start();
  for (const file of Object.keys(require.cache)) delete require.cache[file];
  const second = require(task.package);
  if (second.Candidate === first.Candidate) throw new Error('it was not loaded twice');
  return second;
}

/** Threads end by themselves, and the process after them. @param {number} count */
async function inThreads(count) {
  const threads = Array.from({ length: count }, (_, index) => {
    const worker = new Worker(__filename, {
      workerData: { ...task, afterMs: task.afterMs + 3 * index },
    });
    worker.on('message', () => worker.terminate());
    worker.on('error', () => {});
    return new Promise((resolve) => worker.once('exit', resolve));
  });
  await Promise.all(threads);
  process.exitCode = 0;
}

/** @param {import('node:child_process').ChildProcess} child */
async function inChild(child) {
  const [code, signal] = await once(child, 'exit');
  if (signal && signal !== 'SIGTERM') process.kill(process.pid, signal);
  process.exitCode = signal ? 143 : code;
}

function main() {
  const isChild = process.env.TASK !== undefined;
  if (!isMainThread || isChild || ['main', 'twice'].includes(task.where)) return serve();
  if (task.where === 'thread') return inThreads(1);
  if (task.where === 'threads') return inThreads(4);
  const env = { ...process.env, TASK: JSON.stringify(task) };
  if (task.where === 'fork') return inChild(fork(__filename, [], { env, stdio: 'inherit' }));
  cluster.setupPrimary({ exec: __filename, args: [] });
  return inChild(cluster.fork(env).process);
}

void main();
