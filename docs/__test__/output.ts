// Compares what a program printed with what a document shows of it.

import assert from 'node:assert/strict';

/**
 * Line by line. `…` in the document stands for anything within its line. What differs from run to run counts as equal: ids,
 * terms, ports, and durations in ms.
 */
export function assertOutput(printed: string, shown: string): void {
  const lines = printed.trimEnd().split('\n').map(settled);
  const wanted = shown.trimEnd().split('\n').map(settled);
  const fits = (line: string, pattern: string) =>
    new RegExp(`^${pattern.split('…').map(escaped).join('.*')}$`).test(line);
  const isSame =
    lines.length === wanted.length && lines.every((line, index) => fits(line, wanted[index]!));
  if (!isSame) assert.deepEqual(lines, wanted);
}

function settled(line: string): string {
  return line
    .replace(/\b[0-9a-f]{24}\b/g, 'ID')
    .replace(/\b\d{16}\b/g, 'TERM')
    .replace(/\b(127\.0\.0\.1|localhost):\d+(\/\d+)?/g, 'SERVER')
    .replace(/\b\d+(\.\d+)? ms\b/g, 'N ms')
    .trimEnd();
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
