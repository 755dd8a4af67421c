// One of several copies of a service: the leader fills a BullMQ queue, the followers work it off.

import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Candidate } from 'incumbent';

const redis = process.env.REDIS_URL ?? 'redis://localhost:6379';
const connection = { url: redis, maxRetriesPerRequest: null };

const candidate = new Candidate({ redis, kind: 'order-feed' });
candidate.on('error', (error) => console.error(error.code, error.message));

const queue = new Queue('orders', { connection });
const worker = new Worker('orders', work, { connection, autorun: false });
for (const each of [queue, worker]) each.on('error', (error) => console.error(error.message));

async function work(job) {
  console.log(`processed ${job.data.number}`);
}

candidate.on('leader', () => {
  if (candidate.isLeader()) void worker.pause(true);
  else void worker.resume();
});

candidate.lead(async ({ term, signal, checkpoint = { next: 1 } }) => {
  console.log(`feeding from ${checkpoint.next} on, in term ${term}`);
  for (let number = checkpoint.next; !signal.aborted; number++) {
    // A leader may die, or be deposed, between these two steps. Its successor then adds the same
    // job again, and the queue passes over an id that it has seen.
    await queue.add('order', { number }, { jobId: `order-${number}` });
    await candidate.setCheckpoint({ next: number + 1 }, { term });
    await sleep(20, undefined, { signal });
  }
});

process.once('SIGTERM', async () => {
  await candidate.stop();
  await worker.close();
  await queue.close();
});

await candidate.start();
