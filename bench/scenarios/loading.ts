import path from 'node:path';
import { atMost } from '../goals.ts';
import { footprintOf, ownFootprint } from '../installed-size.ts';
import { ourselves } from '../lines.ts';
import { Program } from '../program.ts';
import type { Case, Scenario } from '../scenario.ts';

const ours: string = require('../ours.cjs');
const modules = path.join(__dirname, '..', 'node_modules');
const megabyte = 1e6;

/** What a service requires that uses a package as the other scenarios do. */
const libraries: Record<string, string[]> = {
  redis: ['redis'],
  ioredis: ['ioredis'],
  '@valkey/valkey-glide': ['@valkey/valkey-glide'],
  'safe-redis-leader': ['ioredis', 'safe-redis-leader'],
  redlock: ['ioredis', 'redlock'],
  etcd3: ['etcd3'],
};

export const loading: Scenario = {
  name: 'loading',
  title: 'Loading: require() in a new process, and what is installed',
  bound: {
    by: 'disk',
    text: 'reading and linking the file of an addon, or reading and compiling JavaScript',
  },
  runs: { full: 20, short: 3 },
  metrics: {
    'require()': { unit: 'ms', better: 'lower' },
    packages: { unit: '', better: 'lower' },
    installed: { unit: 'MB', better: 'lower' },
    addon: { unit: 'MB', better: 'lower' },
  },
  cases: ({ against }) => [
    {
      ...loadingCase(ourselves, [ours], () => {
        const { addonBytes, ...own } = ownFootprint(path.dirname(ours));
        return { ...sizes(own), addon: addonBytes / megabyte };
      }),
      goals: {
        'require()': atMost(10),
        packages: atMost(2),
        installed: atMost(6),
        addon: atMost(5),
      },
    },
    ...Object.entries(libraries)
      .filter(([name]) => against(name))
      .map(([name, required]) =>
        loadingCase(name, required, () => sizes(footprintOf(required, modules))),
      ),
  ],
};

function loadingCase(
  who: string,
  required: string[],
  installed: () => Record<string, number>,
): Case {
  return {
    who,
    what: 'a new process',
    async measure() {
      const program = await Program.start('footprint', { libraries: required });
      try {
        return { 'require()': await program.call('load'), ...installed() };
      } finally {
        await program.kill();
      }
    },
  };
}

const sizes = ({ packages, bytes }: { packages: number; bytes: number }) => ({
  packages,
  installed: bytes / megabyte,
});
