// The file of figures that the fault suite writes, and goes on from.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import type { Fault } from '../faults/fault.ts';
import { lineOf, type Line } from '../faults/figures.ts';
import { readFigures, takenOver, writeFigures } from '../faults/figures-file.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'incumbent-figures-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const fileWith = (text: string) => {
  const file = path.join(directory, 'figures.json');
  writeFileSync(file, text);
  return file;
};

const fault = (row: number, title: string) => ({ row, title, boundMs: 100 }) as Fault;
const [killed, paused, lost] = [fault(1, 'killed'), fault(2, 'paused'), fault(13, 'lost')];
const all = [killed, paused, lost];

/** What so many good runs of a fault come to. */
function line(of: Fault, runs: number, some: Partial<Line> = {}): Line {
  const good = { violations: [], recoveryMs: 50, hostLateMs: 1, story: '' };
  return { ...lineOf(of, Array(runs).fill(good)), ...some };
}

describe('what an earlier run has', () => {
  const asked = { all, chosen: all, form: { runs: 5 } };

  test('is taken over where it passed in as many runs as are asked for, or more', () => {
    const earlier = [line(killed, 5), line(paused, 6)];
    assert.deepEqual(takenOver(earlier, asked), { lines: earlier, remarks: [] });
  });

  test('is struck again where it failed', () => {
    const earlier = [line(killed, 5, { failed: true }), line(paused, 5)];
    assert.deepEqual(takenOver(earlier, asked), { lines: [earlier[1]], remarks: [] });
  });

  test('is struck again where it had fewer runs, and that is said', () => {
    const { lines, remarks } = takenOver([line(killed, 4), line(paused, 5)], asked);
    assert.deepEqual(
      lines.map(({ title }) => title),
      ['paused'],
    );
    assert.deepEqual(remarks, ['struck again, since it had 4 of 5 runs: row 1, killed']);
  });

  test('is dropped where the suite has no such fault any more, and that is said', () => {
    const { lines, remarks } = takenOver([line(fault(2, 'stopped'), 5), line(killed, 5)], asked);
    assert.deepEqual(
      lines.map(({ title }) => title),
      ['killed'],
    );
    assert.deepEqual(remarks, ['dropped, since there is no such fault: row 2, stopped']);
  });

  test('is kept as it is where its row is not asked for', () => {
    const earlier = [line(killed, 1), line(paused, 1, { failed: true }), line(lost, 1)];
    const { lines, remarks } = takenOver(earlier, { ...asked, chosen: [lost] });
    assert.deepEqual(lines, earlier.slice(0, 2));
    assert.deepEqual(remarks, ['struck again, since it had 1 of 5 runs: row 13, lost']);
  });
});

describe('the file', () => {
  test('has the order of the suite, ends with a newline, and can be read again', () => {
    const file = path.join(directory, 'written.json');
    const lines = [line(lost, 3), line(paused, 3), line(killed, 0)];
    writeFigures(file, lines, all);
    assert.match(readFileSync(file, 'utf8'), /^\[\n[^]*\]\n$/);
    const read = readFigures(file);
    assert.deepEqual(
      read.map(({ title }) => title),
      ['killed', 'paused', 'lost'],
    );
    assert.equal(read[2]!.medianMs, 50);
  });

  const wrong: [string, () => string, RegExp][] = [
    ['is missing', () => path.join(directory, 'none.json'), /none\.json': it does not exist$/],
    ['is a directory', () => directory, /': it cannot be read \(EISDIR.*\)$/],
    ['is cut off', () => fileWith('[{"row": 1,'), /figures\.json': it is not JSON$/],
    ['holds something else', () => fileWith('{"lines": []}'), /': it is not a list of lines$/],
    ['has no figures', () => fileWith('[null]'), /': line 1 of its list has no right 'row'$/],
    [
      'has figures of another kind',
      () => fileWith(JSON.stringify([line(killed, 1), { ...line(paused, 1), maxMs: '5' }])),
      /': line 2 of its list has no right 'maxMs'$/,
    ],
  ];
  for (const [how, file, expected] of wrong) {
    test(`that ${how} is named, with what is right`, () => {
      assert.throws(
        () => readFigures(file()),
        (error: Error) => {
          assert.match(error.message, /^--after takes a file that --json has written, not '/);
          assert.match(error.message, expected);
          return !error.message.includes('\n');
        },
      );
    });
  }

  test('that is missing ends the suite before the first fault, as a wrong argument does', () => {
    const main = path.join(__dirname, '..', 'faults', 'main.ts');
    const args = ['--import', 'tsx', main, '--after', path.join(directory, 'none.json')];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^--after takes .*: it does not exist\n$/);
  });
});
