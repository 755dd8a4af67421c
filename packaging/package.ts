// `npm run package -- --addons FOLDER --into FOLDER [--repository URL]`: what a release publishes, in the order in which it does.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packAll } from './pack.ts';
import { addonOf, platforms } from './platforms.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { addons: text, into: text, repository: text } });
const { addons, into, repository } = values;
const missing = platforms.filter((one) => !existsSync(path.join(addons ?? '', addonOf(one))));

if (!addons || !into) {
  console.error('needs --addons FOLDER and --into FOLDER');
  process.exitCode = 2;
} else if (missing.length) {
  console.error(`in ${addons} there is no addon for ${missing.join(', ')}`);
  process.exitCode = 1;
} else {
  void packAll({ addons, into, repository }).then((packages) => {
    for (const { tarball, packedSize, unpackedSize } of packages) {
      console.log(`${tarball}: ${packedSize} bytes, ${unpackedSize} unpacked`);
    }
  });
}
