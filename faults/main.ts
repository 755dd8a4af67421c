// `npm run faults`: strikes groups of real processes on a real Redis with every fault of the table, and judges them.

import { readFileSync, writeFileSync } from 'node:fs';
import { usage, parse, type Choice } from './arguments.ts';
import { isBad, type Line, type Outcome } from './figures.ts';
import type { Fault } from './fault.ts';
import { faults, waitingRows } from './rows/index.ts';
import { runSuite } from './suite.ts';
import { writeDocument } from './document.ts';
import { textTable } from './table.ts';
import { ProcessWorker } from './worker-process.ts';

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

async function main(): Promise<void> {
  const choice = parse(process.argv.slice(2));
  if (typeof choice === 'string') {
    console.error(choice === 'help' ? usage : `${choice}\n\n${usage}`);
    process.exit(choice === 'help' ? 0 : 2);
  }
  // What was started has guards of its own, which end it when this process is gone.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.error('\nended before all runs were made');
      process.exit(130);
    });
  }

  const startedAt = new Date();
  const passed = choice.after === undefined ? [] : passedIn(choice.after);
  const rest = chosen(choice).filter((fault) => !passed.some((line) => isOf(line, fault)));
  const struck: Line[] = [];
  await runSuite(rest, {
    form: choice.form,
    parallel: choice.parallel,
    worker: () => new ProcessWorker({ options: choice.options }),
    onOutcome: tellFirstBadRun,
    onLine: (line) => {
      console.log(`${line.failed ? 'FAILED' : 'ok'} ${line.row} ${line.title}: ${line.runs} runs`);
      struck.push(line);
      // At once, so that --after can go on from a run that was broken off.
      if (choice.json)
        writeFileSync(choice.json, JSON.stringify([...passed, ...struck], undefined, 2));
    },
  });
  const lines = chosen(choice).map((fault) =>
    [...struck, ...passed].find((line) => isOf(line, fault))!,
  );
  const waiting = waitingRows.filter(({ row }) => !choice.rows || choice.rows.includes(row));
  console.log(`\n${textTable(lines, waiting)}`);
  if (choice.isLong && !choice.rows && Object.keys(choice.options).length === 0) {
    const command = `npm run faults -- ${process.argv.slice(2).join(' ')}`;
    const minutes = (Date.now() - startedAt.getTime()) / 60_000;
    const earlier = lines.length - struck.length;
    await writeDocument(lines, waiting, { command, startedAt, minutes, earlier });
  }
  conclude(lines);
}

/** The lines of an earlier run that need not be made again. */
function passedIn(file: string): Line[] {
  const lines: Line[] = JSON.parse(readFileSync(file, 'utf8'));
  return lines.filter(({ failed }) => !failed);
}

function isOf(line: Line, fault: Fault): boolean {
  return line.row === fault.row && line.title === fault.title;
}

function chosen({ rows }: Choice): Fault[] {
  return faults.filter(({ row }) => !rows || rows.includes(row));
}

const told = new Set<Fault>();

/** One story for each fault: the others are as a rule the same one. */
function tellFirstBadRun(fault: Fault, outcome: Outcome): void {
  if (told.has(fault) || !isBad(outcome, fault.boundMs)) return;
  told.add(fault);
  const why = [
    ...outcome.violations,
    ...(outcome.notInjected === undefined ? [] : [`not injected: ${outcome.notInjected}`]),
  ];
  if (why.length === 0) why.push(`late: ${outcome.recoveryMs?.toFixed(1)} ms, ${fault.measures}`);
  console.log(
    `\n--- row ${fault.row}, ${fault.title}\n${why.join('\n')}\n\n${outcome.story}\n---\n`,
  );
}

function conclude(lines: Line[]): void {
  const failed = lines.filter((line) => line.failed).length;
  console.log(`\n${lines.length - failed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}
