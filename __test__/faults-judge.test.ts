// What the fault suite calls a violation, and when it calls a line of its table failed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { format } from 'prettier';
import type { Fault } from '../faults/fault.ts';
import { documentOf } from '../faults/document.ts';
import { isBad, lineOf, type Outcome } from '../faults/figures.ts';
import { judge, type Account } from '../faults/judge.ts';
import { parse } from '../faults/arguments.ts';
import { portions, runsOf } from '../faults/plan.ts';
import { textTable } from '../faults/table.ts';
import type { Span } from './fixtures/oracle.ts';

const ms = (value: number) => BigInt(value) * 1_000_000n;

function span(process: string, term: number, from: number, to: number): Span {
  return { process, term, from: ms(from), to: ms(to) };
}

function account(name: string, some: Partial<Account> = {}): Account {
  return { name, events: [], disagreements: [], output: '', ...some };
}

function event(name: string, ...args: unknown[]) {
  return { name, args, at: ms(50) };
}

describe('a run is judged', () => {
  test('reigns in order, in terms that rise, are no violation', () => {
    const spans = [span('A', 1, 0, 100), span('B', 2, 100, 200), span('A', 3, 210, 300)];
    const accounts = [
      account('A', { events: [event('elected', { term: 1 }), event('elected', { term: 3 })] }),
      account('B', { events: [event('elected', { term: 2 }), event('leader', 'b', 2)] }),
    ];
    assert.deepEqual(judge({ spans, accounts }, 0n), []);
  });

  test('two leaders at one moment', () => {
    const found = judge({ spans: [span('A', 1, 0, 100), span('B', 2, 90, 200)], accounts: [] }, 0n);
    assert.deepEqual(found, [
      'two leaders at one moment: A (term 1) and B (term 2) for at least 10.000 ms',
    ]);
  });

  test('two leaders for longer than a limit that is documented', () => {
    const spans = [span('A', 1, 0, 100), span('B', 2, 90, 200)];
    assert.equal(judge({ spans, accounts: [] }, 0n, 10).length, 0);
    assert.equal(judge({ spans, accounts: [] }, 0n, 9).length, 1);
  });

  test('a reign that began before the run and lasts into it still counts', () => {
    const spans = [span('A', 1, 0, 100), span('B', 2, 90, 200)];
    assert.equal(judge({ spans, accounts: [] }, ms(80)).length, 1);
    assert.equal(judge({ spans, accounts: [] }, ms(200)).length, 0);
  });

  test('a term that two were granted, also when one of them was long ago', () => {
    const accounts = ['A', 'B'].map((name) =>
      account(name, { events: [event('elected', { term: 7 })] }),
    );
    const found = judge({ spans: [], accounts }, ms(1000));
    assert.deepEqual(found, ['term 7 was granted to A and to B']);
  });

  test('a reign in a term that is not higher than that of the reign before', () => {
    const found = judge({ spans: [span('A', 5, 0, 10), span('B', 4, 20, 30)], accounts: [] }, 0n);
    assert.deepEqual(found, ['B leads in term 4 after A in 5']);
  });

  test('an isLeader() that turns true again within a term', () => {
    const found = judge({ spans: [span('A', 5, 0, 10), span('A', 5, 20, 30)], accounts: [] }, 0n);
    assert.deepEqual(found, ['A: isLeader() was false, then true again, within term 5']);
  });

  test('an older leader that is heard of after a newer one', () => {
    const accounts = [
      account('A', { events: [event('leader', 'x', 9), event('leader', undefined, 8)] }),
    ];
    assert.deepEqual(judge({ spans: [], accounts }, 0n), ['A heard of term 8 after term 9']);
  });

  test('an isLeader() that differs from the events, an end that nobody meant, a defect, a panic', () => {
    const found = judge(
      {
        spans: [],
        accounts: [
          account('A', { disagreements: [{ isLeader: true, ms: 400, at: ms(50) }] }),
          account('B', { unexpectedEnd: 'SIGSEGV' }),
          account('C', { events: [event('error', { code: 'ERR_INTERNAL', message: 'oh' })] }),
          account('D', { output: "thread 'x' panicked at y" }),
        ],
      },
      0n,
    );
    assert.deepEqual(
      found.map((text) => text.slice(0, 13)),
      ['A: isLeader()', 'B ended: SIGS', 'C tells of a ', 'D panicked: t'],
    );
  });
});

describe('a line of the table', () => {
  const fault: Fault = {
    row: 1,
    title: 'planted',
    leaseMs: 400,
    boundMs: 420,
    setUp: async () => async () => {},
  };
  const good: Outcome = { violations: [], recoveryMs: 400, hostLateMs: 1, story: '' };

  test('has passed when every run was in time and without a violation', () => {
    const line = lineOf(fault, [good, { ...good, recoveryMs: 100 }, { ...good, recoveryMs: 420 }]);
    assert.equal(line.failed, false);
    assert.deepEqual([line.medianMs, line.p99Ms, line.maxMs], [400, 420, 420]);
  });

  test('fails by one violation, one run that was not injected, one late run, or no run at all', () => {
    const bad: Outcome[] = [
      { ...good, violations: ['two leaders'] },
      { ...good, notInjected: 'no bytes were lost' },
      { ...good, recoveryMs: 424.5 },
    ];
    for (const one of bad) {
      const line = lineOf(fault, [good, one]);
      assert.equal(line.failed, true);
      assert.equal(line.violations + line.notInjected + line.late, 1);
      assert.ok(isBad(one, fault.boundMs));
      assert.match(textTable([line], []), /FAILED/);
    }
    assert.equal(lineOf(fault, []).failed, true);
  });

  test('tells a late run apart for which the machine itself was late enough', () => {
    const line = lineOf(fault, [good, { ...good, recoveryMs: 430, hostLateMs: 3 }]);
    assert.deepEqual([line.late, line.lateWithHost, line.failed], [0, 1, false]);
    assert.equal(line.maxMs, 430);
    assert.match(textTable([line], []), /0 \(\+1 host\)/);
  });

  test('counts a disturbed run beside the others, and does not judge by it', () => {
    const disturbed = { ...good, violations: ['expected: no election'], disturbed: 'stood still' };
    const line = lineOf(fault, [good, disturbed]);
    assert.deepEqual([line.runs, line.disturbed, line.failed], [1, 1, false]);
    assert.equal(lineOf(fault, [disturbed]).failed, true);
  });

  test('names the rows that cannot be run, and does not count them', () => {
    const text = textTable([], [{ row: 14, title: 'failover', waitsFor: 'Sentinel' }]);
    assert.match(text, /14 {2}failover: not part of the run, waits for Sentinel/);
  });
});

test('the page has a line for each fault, says what failed, and has the form of the other pages', async () => {
  const line = lineOf(
    { row: 9, title: 'planted', leaseMs: 1, boundMs: 1, measures: 'a span' } as Fault,
    [],
  );
  const circumstances = {
    args: ['--long', '--parallel', '4', '--after', '/tmp/a.json', '--json=/tmp/b.json'],
    startedAt: new Date(0),
    minutes: 61,
    earlier: 0,
  };
  const page = await documentOf([line], [], circumstances);
  assert.match(page, /\*\*1 of 1 faults failed:\*\* 9 planted/);
  assert.match(page, /^\| +9 \| planted \| +0 \|/m);
  assert.match(page, /- Row 9: a span\./);
  assert.match(
    page,
    /1970-01-01, 61 minutes; .* cores .*Redis \d.*`npm run faults -- --long --parallel 4`/,
  );
  assert.doesNotMatch(page, /\/tmp|\.json/);
  assert.equal(await format(page, { parser: 'markdown' }), page);
});

describe('the plan', () => {
  const fault = (some: Partial<Fault>) => ({ row: 1, longRuns: 1000, ...some }) as Fault;

  test('deals every run exactly once', () => {
    for (const runs of [1, 2, 7, 200, 999]) {
      const numbers = portions([fault({})], { runs }, 4).flatMap((portion) =>
        Array.from({ length: portion.runs }, (_, index) => portion.first + index),
      );
      assert.deepEqual(
        numbers,
        Array.from({ length: runs }, (_, index) => index),
      );
    }
  });

  test('knows the short form, the long one, and a number of runs', () => {
    assert.equal(runsOf(fault({}), 'long'), 1000);
    assert.equal(runsOf(fault({}), 'short'), 2);
    assert.equal(runsOf(fault({}), { runs: 5 }), 5);
  });
});

describe('the command line', () => {
  test('names what is wrong with it', () => {
    assert.match(String(parse(['--row', '99'])), /no row 99; there are 1, 2,/);
    assert.match(String(parse(['--runs', 'many'])), /--runs takes whole numbers.*'many'/);
    assert.match(String(parse(['--option', 'x'])), /--option takes name=value, not 'x'/);
    assert.match(String(parse(['--long', '--runs', '3'])), /exclude each other/);
  });

  test('passes options on to the candidates, numbers as numbers', () => {
    const choice = parse(['--option', 'renewMs=20', '--option', 'mode=fast']);
    assert.ok(typeof choice === 'object');
    assert.deepEqual(choice.options, { renewMs: 20, mode: 'fast' });
  });
});
