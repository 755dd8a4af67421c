import { format } from 'prettier';
import { withoutOptions } from '../faults/argument-values.ts';
import { disturbance, machineText, type Machine } from './machine.ts';
import type { Result } from './runner.ts';
import { markdownTable, notes } from './table.ts';

/** The tables as a document, each with the command that measures it again. */
export function documentOf(results: Result[], machine: Machine, args: string[]): Promise<string> {
  const text = `# Benchmarks

\`npm run bench\` measures these figures; \`npm run bench -- --markdown FILE\` writes them as this page. Every case starts a server of its own, and the cases of a table
were measured in turn, round after round.

${machineText(machine)}

${disturbance(machine) ?? ''}

_Incumbent is_ says how many times as good Incumbent's median is as that of the line; on its own lines, as the best of the others. The p99 of fewer than 100 runs is their maximum.

${results.map((result) => section(result, args)).join('\n\n')}
`;
  return format(text, { parser: 'markdown' });
}

function section(result: Result, args: string[]): string {
  const { scenario, seconds } = result;
  return [
    `## ${scenario.title}`,
    `${machineDate(seconds)} \`${commandFor(scenario.name, args)}\``,
    markdownTable(result),
    notes(result)
      .map((note) => `- ${note}`)
      .join('\n'),
  ].join('\n\n');
}

const machineDate = (seconds: number) => `Measured in ${Math.ceil(seconds)} s by`;

/** What was given on the command line, for one scenario, without the files that it wrote. */
export function commandFor(scenario: string, args: string[]): string {
  const kept = withoutOptions(args, ['--scenario', '--json', '--markdown']);
  return ['npm run bench -- --scenario', scenario, ...kept].join(' ');
}
