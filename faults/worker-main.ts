// The program of a worker: carries out the portions that it is sent, and ends when nobody sends any more.

import { faults } from './rows/index.ts';
import { LocalWorker } from './worker.ts';

const worker = new LocalWorker(JSON.parse(process.argv[2] ?? '{}'));

process.on('message', async (portion: { fault: number; first: number; runs: number }) => {
  const { fault, first, runs } = portion;
  await worker.carryOut({ fault: faults[fault]!, first, runs }, (outcome) =>
    process.send?.(outcome),
  );
  process.send?.('done');
});

// A bad run is left behind with its bench, and what it still waits for comes to nothing. Told, it does not strike the runs
// after it.
process.on('unhandledRejection', (error) => console.error('left behind by a run:', error));

process.on('disconnect', () => process.exit());

// Ctrl-C reaches the whole group; the main process is the one that decides, and its end is heard of as `disconnect`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
