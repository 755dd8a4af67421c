// `npm run faults`: strikes groups of real processes on a real Redis with every fault of the table, and judges them.

import { usage, parse, type Choice } from './arguments.ts';
import { isBad, type Line, type Outcome } from './figures.ts';
import type { Fault } from './fault.ts';
import { lineOn, readFigures, takenOver, writeFigures } from './figures-file.ts';
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
  const earlier = choice.after === undefined ? [] : earlierIn(choice.after);
  // What was started has guards of its own, which end it when this process is gone.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.error('\nended before all runs were made');
      process.exit(130);
    });
  }

  const startedAt = new Date();
  const asked = chosen(choice);
  const { lines: kept, remarks } = takenOver(earlier, {
    all: faults,
    chosen: asked,
    form: choice.form,
  });
  for (const remark of remarks) console.log(remark);
  const struck: Line[] = [];
  const save = () => {
    if (choice.json) writeFigures(choice.json, [...struck, ...kept], faults);
  };
  await runSuite(
    asked.filter((fault) => !lineOn(fault, kept)),
    {
      form: choice.form,
      parallel: choice.parallel,
      worker: () => new ProcessWorker({ options: choice.options }),
      onOutcome: tellFirstBadRun,
      onLine: (line) => {
        console.log(
          `${line.failed ? 'FAILED' : 'ok'} ${line.row} ${line.title}: ${line.runs} runs`,
        );
        struck.push(line);
        // At once, so that --after can go on from a run that was broken off.
        save();
      },
    },
  );
  save();
  const lines = asked.map((fault) => lineOn(fault, [...struck, ...kept])!);
  const waiting = waitingRows.filter(({ row }) => !choice.rows || choice.rows.includes(row));
  console.log(`\n${textTable(lines, waiting)}`);
  if (choice.isLong && !choice.rows && Object.keys(choice.options).length === 0) {
    const minutes = (Date.now() - startedAt.getTime()) / 60_000;
    await writeDocument(lines, waiting, {
      ...{ args: process.argv.slice(2), startedAt, minutes },
      earlier: lines.length - struck.length,
    });
  }
  conclude(lines);
}

/** The lines of an earlier run. Without them, what was asked for cannot be done. */
function earlierIn(file: string): Line[] {
  try {
    return readFigures(file);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
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
