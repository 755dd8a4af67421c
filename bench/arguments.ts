import { parseArgs } from 'node:util';
import { namedOption, wholeNumber } from '../faults/argument-values.ts';

/** The packages that Incumbent can be measured beside. */
export const packages = [
  'redis',
  'ioredis',
  '@valkey/valkey-glide',
  'safe-redis-leader',
  'redlock',
  'etcd3',
];

export const usage = `npm run bench                         everything
npm run bench -- --short              everything in few runs and little time, for a first look
  --scenario crash-takeover,latency   these scenarios alone
  --against ioredis,redlock           beside these packages alone; none: Incumbent by itself
  --runs 20                           so many runs of each case
  --option leaseMs=400                one more option for every candidate of Incumbent; may be given several times
  --json FILE                         also writes all values to a file
  --markdown FILE                     also writes the tables to a document`;

export interface Choice {
  scenarios: string[] | undefined;
  against: string[];
  runs: number | undefined;
  isShort: boolean;
  options: Record<string, unknown>;
  json: string | undefined;
  markdown: string | undefined;
}

/** What was asked for; or what is wrong with it, as a text; or `help`. `names`: those of the scenarios. */
export function parse(args: string[], names: string[]): Choice | string {
  try {
    const { values } = parseArgs({
      args,
      options: {
        scenario: { type: 'string' },
        against: { type: 'string' },
        runs: { type: 'string' },
        short: { type: 'boolean', default: false },
        option: { type: 'string', multiple: true, default: [] },
        json: { type: 'string' },
        markdown: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return 'help';
    return {
      scenarios:
        values.scenario === undefined ? undefined : some('--scenario', values.scenario, names),
      against: against(values.against),
      runs: values.runs === undefined ? undefined : wholeNumber('--runs', values.runs),
      isShort: values.short,
      options: Object.fromEntries(values.option.map(namedOption)),
      json: values.json,
      markdown: values.markdown,
    };
  } catch (error) {
    return (error as Error).message;
  }
}

function against(text: string | undefined): string[] {
  if (text === undefined) return packages;
  return text === 'none' ? [] : some('--against', text, [...packages, 'none']);
}

function some(argument: string, text: string, known: string[]): string[] {
  const chosen = text.split(',');
  const unknown = chosen.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`${argument} does not know '${unknown}'; there are ${known.join(', ')}`);
  return chosen;
}
