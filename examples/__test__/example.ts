import path from 'node:path';
import type { TestContext } from 'node:test';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { Program } from '../../__test__/fixtures/program.ts';

/** A running copy of an example, as `npm start` in its directory starts it. */
export class Example extends Program {
  constructor(t: TestContext, name: string, command: string[], env: Record<string, string>) {
    const cwd = path.join(__dirname, '..', name);
    super(t, command[0]!, { args: command.slice(1), cwd, env });
  }

  /** The first group of each match, in order. */
  all(pattern: RegExp): string[] {
    return [...this.output.matchAll(pattern)].map(([match, group]) => group ?? match);
  }

  /** Waits for a line, and gives its first group. */
  async says(pattern: RegExp): Promise<string> {
    const found = await eventually(() => pattern.exec(this.output), { within: 30_000 });
    return found[1] ?? found[0];
  }
}

/** Waits until one of them says that it leads, one that did not say so at the last call. */
export async function nextLeader(examples: Example[], pattern: RegExp): Promise<Example> {
  const count = (example: Example) => example.all(new RegExp(pattern, 'g')).length;
  const next = await eventually(() => examples.find((one) => count(one) > (told.get(one) ?? 0)), {
    within: 30_000,
  });
  for (const one of examples) told.set(one, count(one));
  return next;
}

const told = new WeakMap<Example, number>();
