import type { WaitingRow } from './fault.ts';
import type { Line } from './figures.ts';

export const columns = [
  'row',
  'fault',
  'runs',
  'violations',
  'not injected',
  'disturbed',
  'late',
  'median ms',
  'p99 ms',
  'max ms',
  'bound ms',
  'host late ms',
] as const;

/** The cells of a line, as text. `late`: over the bound, and how many more were so with a late machine. */
export function cells(line: Line): string[] {
  const { row, title, runs, violations, notInjected, disturbed, late, lateWithHost, boundMs } =
    line;
  return [
    String(row),
    title,
    String(runs),
    String(violations),
    String(notInjected),
    String(disturbed),
    boundMs === undefined ? '–' : `${late}${lateWithHost ? ` (+${lateWithHost} host)` : ''}`,
    ...[line.medianMs, line.p99Ms, line.maxMs].map(ms),
    boundMs === undefined ? '–' : String(boundMs),
    line.hostLateMs.toFixed(0),
  ];
}

function ms(value: number | undefined): string {
  if (value === undefined) return '–';
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}

/** The table for a terminal. */
export function textTable(lines: Line[], waiting: WaitingRow[]): string {
  const rows = [[...columns], ...lines.map(cells)];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]!.length)));
  const text = rows.map((row, number) => {
    const padded = row.map((cell, index) =>
      index === 1 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!),
    );
    const mark = number > 0 && lines[number - 1]!.failed ? '  FAILED' : '';
    return padded.join('  ') + mark;
  });
  return [...text, ...waiting.map(waitingText)].join('\n');
}

function waitingText({ row, title, waitsFor }: WaitingRow): string {
  return `${String(row).padStart(3)}  ${title}: not part of the run, waits for ${waitsFor}`;
}
