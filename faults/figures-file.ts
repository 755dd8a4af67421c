// The file that --json writes, and from which --after takes over what need not be struck again.

import { readFileSync, writeFileSync } from 'node:fs';
import type { Fault } from './fault.ts';
import type { Line } from './figures.ts';
import { runsOf, type Form } from './plan.ts';

/** Writes these lines in the order of the faults. */
export function writeFigures(file: string, lines: Line[], faults: Fault[]): void {
  writeFileSync(file, textOf(lines, faults));
}

export function textOf(lines: Line[], faults: Fault[]): string {
  const ordered = faults.flatMap((fault) => lineOn(fault, lines) ?? []);
  return `${JSON.stringify(ordered, undefined, 2)}\n`;
}

/** The first one, where there are several. */
export function lineOn({ row, title }: Fault, lines: Line[]): Line | undefined {
  return lines.find((line) => line.row === row && line.title === title);
}

/** Throws an error that says what is wrong with the file, in one line. */
export function readFigures(file: string): Line[] {
  return linesOf(textIn(file), file);
}

function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw wrong(file, 'it does not exist');
    throw wrong(file, `it cannot be read (${message})`);
  }
}

function linesOf(text: string, file: string): Line[] {
  let lines: unknown;
  try {
    lines = JSON.parse(text);
  } catch {
    throw wrong(file, 'it is not JSON');
  }
  if (!Array.isArray(lines)) throw wrong(file, 'it is not a list of lines');
  for (const [index, line] of lines.entries()) {
    const field = wrongField(line);
    if (field !== undefined)
      throw wrong(file, `line ${index + 1} of its list has no right '${field}'`);
  }
  return lines;
}

function wrong(file: string, why: string): Error {
  return new Error(`--after takes a file that --json has written, not '${file}': ${why}`);
}

type Kind = 'number' | 'string' | 'boolean';

const needed: Partial<Record<keyof Line, Kind>> = {
  ...{ row: 'number', title: 'string', runs: 'number', failed: 'boolean', violations: 'number' },
  ...{ notInjected: 'number', disturbed: 'number', late: 'number', lateWithHost: 'number' },
  hostLateMs: 'number',
};

const optional: Partial<Record<keyof Line, Kind>> = {
  ...{ boundMs: 'number', measures: 'string' },
  ...{ medianMs: 'number', p99Ms: 'number', maxMs: 'number' },
};

/** What the tables could not be made with. */
function wrongField(line: unknown): string | undefined {
  const fields = (line ?? {}) as Record<string, unknown>;
  const isWrong = ([name, kind]: [string, Kind]) => typeof fields[name] !== kind;
  const given = Object.entries(optional).filter(([name]) => fields[name] !== undefined);
  return [...Object.entries(needed), ...given].find(isWrong)?.[0];
}

export interface TakenOver {
  /** Those that are not made in this run. */
  lines: Line[];
  /** What is to be said of others. */
  remarks: string[];
}

/**
 * Of an earlier run, what passed in as many runs as are asked for now, and whatever it has of faults that are not chosen
 * now. `all`: the faults of the suite.
 */
export function takenOver(
  earlier: Line[],
  { all, chosen, form }: { all: Fault[]; chosen: Fault[]; form: Form },
): TakenOver {
  const remarks = earlier
    .filter((line) => !all.some((fault) => lineOn(fault, [line])))
    .map(({ row, title }) => `dropped, since there is no such fault: row ${row}, ${title}`);
  const lines: Line[] = [];
  for (const fault of all) {
    const line = lineOn(fault, earlier);
    if (!line) continue;
    const asked = chosen.includes(fault) ? runsOf(fault, form) : 0;
    if (asked === 0 || (!line.failed && line.runs >= asked)) lines.push(line);
    else if (!line.failed)
      remarks.push(
        `struck again, since it had ${line.runs} of ${asked} runs: row ${line.row}, ${line.title}`,
      );
  }
  return { lines, remarks };
}
