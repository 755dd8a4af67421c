import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Candidates } from './bench.ts';
import type { Outcome } from './figures.ts';
import type { Portion } from './plan.ts';
import { faults } from './rows/index.ts';
import type { Worker } from './worker.ts';

/**
 * Works in a process of its own, so that the workers do not disturb each other: to start a process blocks the loop of
 * who starts it for tens of ms, and the proxies run in that loop.
 */
export class ProcessWorker implements Worker {
  readonly #candidates: Candidates;
  #child: ChildProcess | undefined;

  constructor(candidates: Candidates) {
    this.#candidates = candidates;
  }

  async carryOut({ fault, first, runs }: Portion, ended: (outcome: Outcome) => void) {
    this.#child ??= fork(
      path.join(__dirname, 'worker-main.ts'),
      [JSON.stringify(this.#candidates)],
      {
        execArgv: ['--import', 'tsx'],
      },
    );
    const child = this.#child;
    let seen = 0;
    await new Promise<void>((resolve) => {
      const hear = (outcome: Outcome | 'done') => {
        if (outcome === 'done') return finish();
        // One that is repeated is not one of those that were asked for.
        if (outcome.disturbed === undefined) seen += 1;
        ended(outcome);
      };
      // What it had not run yet is not forgotten: it counts as not injected.
      const fail = (code: number | null, signal: string | null) => {
        this.#child = undefined;
        for (; seen < runs; seen++) ended(lost(`its worker ended (${signal ?? `code ${code}`})`));
        finish();
      };
      const finish = () => {
        child.off('message', hear);
        child.off('exit', fail);
        resolve();
      };
      child.on('message', hear);
      child.on('exit', fail);
      child.send({ fault: faults.indexOf(fault), first, runs });
    });
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.disconnect();
    await once(child, 'exit');
  }
}

function lost(notInjected: string): Outcome {
  return { violations: [], notInjected, hostLateMs: 0, story: '' };
}
