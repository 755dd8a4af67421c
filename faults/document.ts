import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { withoutOptions } from './argument-values.ts';
import type { WaitingRow } from './fault.ts';
import type { Line } from './figures.ts';
import { cells, columns } from './table.ts';

const file = path.join(__dirname, '..', 'FAULTS.md');

export interface Circumstances {
  /** What was given on the command line. */
  args: string[];
  startedAt: Date;
  minutes: number;
  /** How many of the lines were taken over from an earlier run. */
  earlier: number;
}

/** Writes the figures of a long run into FAULTS.md. */
export async function writeDocument(
  lines: Line[],
  waiting: WaitingRow[],
  circumstances: Circumstances,
): Promise<void> {
  writeFileSync(file, await documentOf(lines, waiting, circumstances));
}

export function documentOf(
  lines: Line[],
  waiting: WaitingRow[],
  circumstances: Circumstances,
): Promise<string> {
  const runs = lines.reduce((sum, line) => sum + line.runs, 0);
  const failed = lines.filter((line) => line.failed);
  const verdict = failed.length
    ? `**${failed.length} of ${lines.length} faults failed:** ${failed.map(({ row, title }) => `${row} ${title}`).join('; ')}.`
    : `All ${lines.length} faults passed.`;
  const text = `# Faults

What happens to the election when something breaks: each fault struck groups of real processes on a real Redis, again and again.
\`npm run faults -- --long\` writes this page; \`npm run faults\` is the short form, which \`npm test\` runs.

${runs} runs. ${verdict}

${markdownTable(lines)}

${waiting.map(({ row, title, waitsFor }) => `- Row ${row}, ${title}: not part of the run, waits for ${waitsFor}.`).join('\n')}

${machine(circumstances)}

## What a run is

Three processes, each with one candidate (where the row does not say otherwise), agree on a leader. Then the fault strikes. **A run counts only when
something proves that the fault took effect**: the kernel says that the process is stopped, the proxy has lost bytes, the server answers \`LOADING\`. A run without that proof is
_not injected_, and fails the row.

L is \`leaseMs\`: 800 ms, the default, where the bound is 820 or 1000 ms, and mostly 400 ms elsewhere, so that a run is short.

_Recovery_ is measured by the clock that all processes of a machine share (CLOCK_MONOTONIC), ${'`process.hrtime`'}, from the strike, or from its end, to
the moment at which the next leader's \`elected\` was heard, or at which one leader was seen to stand; the list below says it for each row. Where the fault is not to cost the leader its place, nothing
is measured, and a change of leader is a violation.

${measured(lines)}

_Late_ is a run over its bound. How late the machine itself was is measured beside, by a thread that does nothing but sleep for 1 ms at a time. A recovery passes through four threads in turn; where
the run was late by no more than four times what that thread was, it is told in parentheses and does not fail the row. Its recovery counts in the figures all the same, with nothing taken off.

_Disturbed_ is a run that failed where a thread of its processes, ready to run, had to wait for a core for longer than a renewal interval (L/5), or where the machine as a whole stood still for so long: then it was struck by more than its fault. It is told here and repeated, five times in
twenty runs at most. What the oracle finds counts all the same: no disturbance explains two leaders.

## How overlap is judged

By an oracle outside the library. Each process asks its \`isLeader()\` about a thousand times in a second, and reads the clock before and after each question. What it
writes down is the time in which it surely led: from just after the first true answer to just before the last one. These intervals survive SIGKILL. The oracle intersects those of all
processes of a run: **any overlap, however short, is a violation.** Two rows show a limit that docs/concepts.md tells of, and for how long two led: a connection that is closed on one side alone (row 8), and a leader that is left
behind with an old master (row 14).

So are: a term that two were granted; terms that fall; an \`isLeader()\` that turns true again within a term; an \`isLeader()\` that differs from the events for longer than a moment; a process that ends
and was not meant to; a promise that does not settle in time; \`ERR_INTERNAL\`; a panic; and whatever the row expects beside.
`;
  return format(text, { parser: 'markdown' });
}

/** What is measured, with the rows that measure it. */
function measured(lines: Line[]): string {
  const rows = new Map<string, Set<number>>();
  for (const { row, measures } of lines) {
    if (measures !== undefined) rows.set(measures, (rows.get(measures) ?? new Set()).add(row));
  }
  return [...rows]
    .map(
      ([measures, some]) =>
        `- Row${some.size > 1 ? 's' : ''} ${[...some].join(', ')}: ${measures}.`,
    )
    .join('\n');
}

function markdownTable(lines: Line[]): string {
  const row = (texts: readonly string[]) =>
    `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const alignment = columns.map((_, index) => (index === 1 ? '---' : '--:'));
  return [row(columns), row(alignment), ...lines.map((line) => row(cells(line)))].join('\n');
}

function machine({ args, startedAt, minutes, earlier }: Circumstances): string {
  const [cpu] = cpus();
  const redis = process.env.INCUMBENT_REDIS_SERVER || 'redis-server';
  const version = spawnSync(redis, ['--version'], { encoding: 'utf8' }).stdout;
  return [
    `${startedAt.toISOString().slice(0, 10)}, ${minutes.toFixed(0)} minutes`,
    `${cpus().length} cores (${cpu?.model.trim()}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `Node.js ${process.version}`,
    `Redis ${/v=(\S+)/.exec(version ?? '')?.[1] ?? 'of an unknown version'}`,
    `\`${commandFor(args)}\`${earlier ? `, with ${earlier} of the lines from an earlier run` : ''}`,
  ].join('; ');
}

/** Without the names of files, which say nothing to others. */
function commandFor(args: string[]): string {
  const kept = withoutOptions(args, ['--json', '--after']);
  return ['npm run faults', ...(kept.length ? ['--', ...kept] : [])].join(' ');
}
