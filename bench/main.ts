// `npm run bench`: measures Incumbent beside what people use today, and prints a table for each scenario.

import { writeFileSync } from 'node:fs';
import { packages, parse, usage, type Choice } from './arguments.ts';
import { documentOf } from './document.ts';
import { disturbance, machineText, thisMachine } from './machine.ts';
import { runScenario, type Result } from './runner.ts';
import type { Circumstances } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';
import { notes, textTable } from './table.ts';

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const choice = parse(
    args,
    scenarios.map(({ name }) => name),
  );
  if (typeof choice === 'string') {
    console.error(choice === 'help' ? help() : `${choice}\n\n${help()}`);
    process.exit(choice === 'help' ? 0 : 2);
  }
  // What was started has guards of its own, which end it when this process is gone.
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.once(signal, () => {
      console.error('\nended before everything was measured');
      process.exit(128 + number);
    });
  }
  const machine = thisMachine(new Date());
  console.log([machineText(machine), disturbance(machine) ?? []].flat().join('\n'));
  const results: Result[] = [];
  for (const scenario of scenarios) {
    if (choice.scenarios && !choice.scenarios.includes(scenario.name)) continue;
    const result = await runScenario(scenario, circumstances(choice), progress);
    progress('');
    results.push(result);
    console.log(`\n${scenario.title} (${scenario.name}, ${Math.ceil(result.seconds)} s)\n`);
    console.log([textTable(result), '', ...notes(result)].join('\n'));
  }
  if (choice.json) writeFileSync(choice.json, json(results, machine, args));
  if (choice.markdown) writeFileSync(choice.markdown, await documentOf(results, machine, args));
}

function help(): string {
  const names = scenarios.map(({ name, title }) => `  ${name.padEnd(18)} ${title}`);
  return `${usage}\n\nScenarios:\n${names.join('\n')}\n\nPackages: ${packages.join(', ')}`;
}

function circumstances(choice: Choice): Circumstances {
  return {
    choice,
    isShort: choice.isShort,
    leaseMs: Number(choice.options.leaseMs ?? 800),
    against: (name) => choice.against.includes(name),
  };
}

/** One line that is written anew, for whoever watches. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function json(results: Result[], machine: object, args: string[]): string {
  const found = results.map(({ scenario: { name, title, bound }, lines, remarks, seconds }) => ({
    ...{ name, title, bound, seconds, remarks, lines },
  }));
  return `${JSON.stringify({ machine, arguments: args, scenarios: found }, undefined, 2)}\n`;
}
