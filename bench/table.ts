import type { Line } from './lines.ts';
import type { Result } from './runner.ts';

export const columns = [
  'what',
  'who',
  'figure',
  'median',
  'p99',
  'minimum',
  'maximum',
  'runs',
  'incumbent is',
  'goal',
  'met',
] as const;

/** So many columns from the left hold text. */
const textColumns = 3;

/** The cells of a line, as text. */
export function cells(line: Line): string[] {
  const { what, who, metric, unit, summary, goal, isMet, failures } = line;
  return [
    ...[what, who, unit ? `${metric}, ${unit}` : metric],
    ...[summary?.median, summary?.p99, summary?.minimum, summary?.maximum].map(figure),
    `${summary?.runs ?? 0}${failures.length ? ` (${failures.length} failed)` : ''}`,
    line.advantage === undefined ? '–' : `${figure(line.advantage)} ×`,
    ...[goal ?? '–', isMet === undefined ? '–' : isMet ? 'yes' : 'NO'],
  ];
}

/** Three digits, or all of a large number. */
export function figure(value: number | undefined): string {
  if (value === undefined) return '–';
  if (Number.isInteger(value) || Math.abs(value) >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}

/** The table of a scenario for a terminal. */
export function textTable({ lines }: Result): string {
  const rows = [[...columns], ...lines.map(cells)];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, index) =>
          index < textColumns ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdownTable({ lines }: Result): string {
  const row = (texts: readonly string[]) =>
    `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const alignment = columns.map((_, index) => (index < textColumns ? '---' : '--:'));
  return [row(columns), row(alignment), ...lines.map((line) => row(cells(line)))].join('\n');
}

/** What is to be said of a scenario beside its table. */
export function notes({ scenario, lines, remarks }: Result): string[] {
  const failures = lines.flatMap(({ who, what, failures }) =>
    failures.map((failure) => `${who}, ${what}: ${failure.trim().split('\n')[0]}`),
  );
  return [
    `Bounded by ${scenario.bound.by}: ${scenario.bound.text}.`,
    ...remarks.map((remark) => `${remark}.`),
    ...[...new Set(failures)].map((failure) => `Failed: ${failure}.`),
  ];
}
