import { contenders, isOurs, type Contender } from '../contenders.ts';
import { atMost } from '../goals.ts';
import { Program } from '../program.ts';
import type { Case, Scenario } from '../scenario.ts';
import { withServer } from '../servers.ts';

const ours: string = require('../ours.cjs');
const mebibyte = 2 ** 20;

export const memory: Scenario = {
  name: 'memory',
  title: 'Resident memory of a process',
  bound: { by: 'memory', text: 'that of Node.js itself, the bare process' },
  runs: { full: 5, short: 1 },
  metrics: {
    'bare process': { unit: 'MiB', better: 'lower' },
    'library loaded': { unit: 'MiB', better: 'lower' },
    '1 candidate, leading': { unit: 'MiB', better: 'lower' },
    'over the bare process': { unit: 'MiB', better: 'lower' },
    '10 candidates': { unit: 'MiB', better: 'lower' },
    '100 candidates': { unit: 'MiB', better: 'lower' },
    '1000 candidates': { unit: 'MiB', better: 'lower' },
    'each of 2 to 1000': { unit: 'KiB', better: 'lower' },
  },
  cases(circumstances) {
    const some = contenders(circumstances);
    // One line for a library: its lease does not matter here.
    const [ours, ...others] = some.filter(
      ({ module }, index) => some.findIndex((one) => one.module === module) === index,
    );
    return [
      memoryCase(ours!, 'one kind'),
      memoryCase(ours!, 'a kind each'),
      ...others.map((one) => memoryCase(one, 'one kind')),
    ];
  },
  remarks: () => [
    'What is garbage is collected before each look; with a kind each, every candidate leads',
    'With 1000 candidates it is what is left once it falls no more: after their start, some 10 to 30 s',
    '`safe-redis-leader` and `redlock` are counted with `ioredis`, which they need, and for one candidate alone',
  ],
};

function memoryCase(contender: Contender, kinds: 'one kind' | 'a kind each'): Case {
  const { who, module, options } = contender;
  return {
    who,
    what: `one process, ${kinds}`,
    ...(isOurs(contender) && {
      goals: {
        '1 candidate, leading': atMost(48),
        'over the bare process': atMost(8),
        'each of 2 to 1000': atMost(20),
      },
    }),
    measure: () =>
      withServer(contender, async (url) => {
        const libraries = librariesOf(module);
        const task = {
          contender: module,
          url,
          kind: 'bench',
          options,
          libraries,
          hasKindEach: kinds === 'a kind each',
        };
        const program = await Program.start('footprint', task, { execArgv: ['--expose-gc'] });
        try {
          return await grow(program, isOurs(contender));
        } finally {
          await program.kill();
        }
      }),
  };
}

async function grow(program: Program, isOurs: boolean): Promise<Record<string, number>> {
  const resident = async (call = 'resident') => (await program.call(call)) / mebibyte;
  const bare = await resident();
  await program.call('load');
  const loaded = await resident();
  const sizes: number[] = [];
  for (const count of isOurs ? [1, 10, 100, 1000] : [1]) {
    await program.call('grow', count);
    sizes.push(await resident(count === 1000 ? 'settled' : 'resident'));
  }
  const [one, ten, hundred, thousand] = sizes as [number, number, number, number];
  return {
    ...(isOurs && { 'bare process': bare }),
    'library loaded': loaded,
    '1 candidate, leading': one,
    'over the bare process': one - bare,
    ...(isOurs && {
      '10 candidates': ten,
      '100 candidates': hundred,
      '1000 candidates': thousand,
      'each of 2 to 1000': (1024 * (thousand - one)) / 999,
    }),
  };
}

/** What a process with this contender requires: names for the programs, which lie one folder deeper. */
export function librariesOf(module: string): string[] {
  if (module === 'incumbent') return [ours];
  return module === 'etcd3' ? [module] : ['ioredis', module];
}
