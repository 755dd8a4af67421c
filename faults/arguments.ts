import { parseArgs } from 'node:util';
import { namedOption, wholeNumber } from './argument-values.ts';
import type { Form } from './plan.ts';
import { faults, waitingRows } from './rows/index.ts';

export const usage = `npm run faults                        the short form: 2 runs of each fault
npm run faults -- --long              the long form: 200 runs of each, and 1000 of rows 1 and 2; writes FAULTS.md, unless
                                      --row or --option is given too
  --row 1,2                           these rows alone
  --runs 5                            so many runs of each fault
  --parallel 4                        so many workers side by side, each with a Redis and processes of its own
  --option maxStallMs=5000           one more option for every candidate; may be given several times
  --json FILE                         also writes the figures to a file
  --after FILE                        takes over the figures of what passed, in as many runs, in the run that wrote FILE, and strikes the rest`;

export interface Choice {
  rows: number[] | undefined;
  form: Form;
  parallel: number;
  options: Record<string, unknown>;
  json: string | undefined;
  /** What an earlier run wrote. */
  after: string | undefined;
  /** Whether the figures go into FAULTS.md. */
  isLong: boolean;
}

/** What was asked for; or what is wrong with it, as a text; or `help`. */
export function parse(args: string[]): Choice | string {
  try {
    const { values } = parseArgs({
      args,
      options: {
        row: { type: 'string' },
        runs: { type: 'string' },
        parallel: { type: 'string', default: '4' },
        long: { type: 'boolean', default: false },
        option: { type: 'string', multiple: true, default: [] },
        json: { type: 'string' },
        after: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return 'help';
    const rows = values.row?.split(',').map((text) => wholeNumber('--row', text));
    const known = new Set([...faults, ...waitingRows].map(({ row }) => row));
    const unknown = rows?.find((row) => !known.has(row));
    if (unknown !== undefined)
      return `there is no row ${unknown}; there are ${[...known].sort((a, b) => a - b).join(', ')}`;
    if (values.long && values.runs !== undefined) return '--long and --runs exclude each other';
    return {
      rows,
      form: values.long
        ? 'long'
        : values.runs === undefined
          ? 'short'
          : { runs: wholeNumber('--runs', values.runs) },
      parallel: wholeNumber('--parallel', values.parallel),
      options: Object.fromEntries(values.option.map(namedOption)),
      json: values.json,
      after: values.after,
      isLong: values.long,
    };
  } catch (error) {
    return (error as Error).message;
  }
}
