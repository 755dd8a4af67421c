// Stands in for `node:test` where the suite runs on other runtimes: what these have under that name differs in when hooks run, and in what it prints. Runs the
// tests of a file one after the other, and tells of each in a line of JSON.

import { writeSync } from 'node:fs';
import { prefix, type Told } from './told.ts';

type Body = (t: Context) => unknown;
type Hook = () => unknown;

class Suite {
  readonly name: string;
  readonly before: Hook[] = [];
  readonly after: Hook[] = [];
  readonly items: (Suite | Test)[] = [];
  constructor(name: string) {
    this.name = name;
  }
}

interface Test {
  name: string;
  body: Body;
}

const testLimitMs = 240_000;

let current = new Suite('');
const root = current;

/** Of the options it heeds none: here one test runs after the other. */
export function describe(name: string, ...rest: [body: () => void] | [object, () => void]): void {
  const body = rest.at(-1) as () => void;
  const outer = current;
  current = new Suite(name);
  outer.items.push(current);
  try {
    body();
  } finally {
    current = outer;
  }
}

export function test(name: string, body: Body): void {
  current.items.push({ name, body });
}

export const before = (hook: Hook): unknown => current.before.push(hook);
export const after = (hook: Hook): unknown => current.after.push(hook);

class Context {
  readonly #after: Hook[] = [];
  readonly mock = {
    /** Counts the calls of a method, and puts another in its place, if one is given, until the test ends. */
    method: (object: any, name: string, other = object[name]) => {
      const original = object[name];
      let calls = 0;
      object[name] = function (...args: unknown[]) {
        calls += 1;
        return other.apply(this, args);
      };
      this.after(() => (object[name] = original));
      return { mock: { callCount: () => calls, resetCalls: () => (calls = 0) } };
    },
  };

  after(hook: Hook): void {
    this.#after.push(hook);
  }

  diagnostic(): void {}

  async end(): Promise<void> {
    // As Node.js does: in the order in which they came.
    for (const hook of this.#after) await hook();
  }
}

async function runSuite(suite: Suite, path: string): Promise<void> {
  const named = (name: string) => (path ? `${path} > ${name}` : name);
  const ready = await outcome(named('before'), () => each(suite.before));
  for (const item of ready ? suite.items : []) {
    if (item instanceof Suite) await runSuite(item, named(item.name));
    else await runTest(item, named(item.name));
  }
  await outcome(named('after'), () => each(suite.after));
}

async function runTest({ body }: Test, name: string): Promise<void> {
  const context = new Context();
  const passed = await outcome(name, async () => {
    try {
      await body(context);
    } finally {
      await context.end();
    }
  });
  if (passed) tell({ test: name });
}

async function each(hooks: Hook[]): Promise<void> {
  for (const hook of hooks) await hook();
}

/** Whether it ended well; what did not is told. */
async function outcome(name: string, run: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const late = () => reject(new Error(`not done after ${testLimitMs / 1000} s`));
    timer = setTimeout(late, testLimitMs);
  });
  try {
    await Promise.race([run(), limit]);
    return true;
  } catch (error) {
    tell({ test: name, error: String((error as Error)?.stack ?? error) });
    return false;
  } finally {
    clearTimeout(timer);
  }
}

// At once, since the process may be ended by a test.
function tell(told: Told): void {
  writeSync(1, `\n${prefix}${JSON.stringify(told)}\n`);
}

setImmediate(() => {
  void runSuite(root, '').then(() => process.exit(0));
});
