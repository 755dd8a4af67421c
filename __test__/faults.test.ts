// The harness of the fault suite with planted faults: what it must not let pass.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import type { Fault } from '../faults/fault.ts';
import type { Line, Outcome } from '../faults/figures.ts';
import { paused } from '../faults/rows/paused.ts';
import { runSuite } from '../faults/suite.ts';
import { LocalWorker } from '../faults/worker.ts';
import { eventually } from './fixtures/eventually.ts';
import { now } from './fixtures/processes.ts';

type Strike = Awaited<ReturnType<Fault['setUp']>>;

async function carriedOut(
  setUp: Fault['setUp'],
  some: Partial<Fault> = {},
  runs = 1,
): Promise<{ line: Line; outcomes: Outcome[] }> {
  const fault: Fault = { row: 1, title: 'planted', leaseMs: 200, ...some, setUp };
  const outcomes: Outcome[] = [];
  const [line] = await runSuite([fault], {
    form: { runs },
    parallel: 1,
    worker: () => new LocalWorker(),
    onOutcome: (_fault, outcome) => outcomes.push(outcome),
  });
  return { line: line!, outcomes };
}

/** A fault that needs no processes. */
const plain =
  (strike: Strike): Fault['setUp'] =>
  async () =>
    strike;

const alwaysLeader = path.join(__dirname, 'fixtures', 'always-leader.cjs');

test('two processes that always say they lead are caught, by the oracle, their terms and their events', async () => {
  const { line, outcomes } = await carriedOut(async (bench) => {
    const group = bench.group({ url: 'redis://unused', module: alwaysLeader });
    return async (run) => {
      await group.start(0);
      await group.start(1);
      await run.prove('both run', () => group.living.length === 2);
      await eventually(() => group.living.every((one) => one.disagreements.length > 0));
    };
  });
  const found = outcomes[0]!.violations.join('\n');
  assert.match(found, /two leaders at one moment: A1 \(term 1\) and B1 \(term 1\)/);
  assert.match(found, /term 1 was granted to A1 and to B1/);
  assert.match(found, /isLeader\(\) was true for \d+ ms while its events said otherwise/);
  assert.match(outcomes[0]!.story, /A1 +elected {"term":1}/);
  assert.equal(line.failed, true);
});

test('a package whose isLeader() is a cached event does not pass the row of stopped leaders', async () => {
  const outcomes: Outcome[] = [];
  await runSuite(paused, {
    form: { runs: 4 },
    parallel: 1,
    worker: () =>
      new LocalWorker({ module: path.join(__dirname, 'fixtures', 'cached-leader.cjs') }),
    onOutcome: (_fault, outcome) => outcomes.push(outcome),
  });
  const found = outcomes.flatMap(({ violations }) => violations).join('\n');
  assert.match(found, /expected: its first isLeader\(\) is false/);
});

test('a process that ends without being meant to is a violation', async () => {
  const { outcomes } = await carriedOut(async (bench) => {
    const group = bench.group({ url: 'redis://unused', module: alwaysLeader });
    return async (run) => {
      const one = await group.start(0);
      await run.prove('it runs', () => !one.hasExited);
      await one.kill('SIGSEGV');
    };
  });
  assert.match(outcomes[0]!.violations.join(), /A1 ended: SIGSEGV/);
});

test('a run that proves nothing counts as not injected, and so does one whose proof does not come', async () => {
  const silent = await carriedOut(plain(async (run) => run.recovered(now(), now())));
  assert.equal(silent.line.notInjected, 1);
  assert.equal(silent.line.failed, true);

  const unproved = await carriedOut(plain((run) => run.prove('bytes vanish', () => false, 20)));
  assert.equal(unproved.line.notInjected, 1);
  assert.match(unproved.outcomes[0]!.notInjected!, /bytes vanish/);
  assert.equal(unproved.line.failed, true);
});

test('a set-up that fails counts as not injected', async () => {
  const { line, outcomes } = await carriedOut(async () => {
    throw new Error('no server');
  });
  assert.equal(line.notInjected, 1);
  assert.match(outcomes[0]!.notInjected!, /no server/);
});

test('a recovery over the bound makes the line fail', async () => {
  const { line } = await carriedOut(
    plain(async (run) => {
      await run.prove('it struck', () => true);
      const at = now();
      run.recovered(at, at + 60_000_000_000n);
    }),
    { boundMs: 100 },
  );
  assert.deepEqual([line.late, line.violations, line.failed], [1, 0, true]);
});

test('what was expected and does not hold, and a promise that does not settle, are violations', async () => {
  const { outcomes } = await carriedOut(
    plain(async (run) => {
      await run.prove('it struck', () => true);
      run.expect(false, 'the term goes on');
      await run.settles('stop()', new Promise(() => {}), 20);
    }),
  );
  assert.deepEqual(outcomes[0]!.violations, [
    'expected: the term goes on',
    'stop(): not settled after 20 ms',
  ]);
});

test('a run that hangs is a violation, and the next one has a bench of its own', async () => {
  let benches = 0;
  const { line, outcomes } = await carriedOut(
    async () => {
      benches += 1;
      return async (run) => {
        await run.prove('it struck', () => true);
        if (run.number === 0) await new Promise(() => {});
      };
    },
    { limitMs: 50 },
    2,
  );
  assert.match(outcomes[0]!.violations.join(), /it hangs: not over after 50 ms/);
  assert.deepEqual([line.runs, line.violations, benches], [2, 1, 2]);
});
