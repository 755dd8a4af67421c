// `node packaging/publish.mjs FOLDER TAG`: publishes the packed packages of a folder with provenance, those of the platforms first. Run again after a
// failure, it goes on where it ended. Meant for the workflow, whose identity npm takes for that of the publisher.

import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const [folder, tag] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

if (!folder || tag !== `v${version}`) {
  console.error(`needs a folder, and the tag v${version}; it was ${tag}`);
  process.exitCode = 2;
} else {
  for (const name of inOrder(folder)) if (!publish(name)) break;
}

/** The names of the packages: who installs the last one finds the others. */
function inOrder(where) {
  const suffix = `-${version}.tgz`;
  const names = readdirSync(where)
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.slice(0, -suffix.length));
  return names.sort((one, other) => other.length - one.length);
}

function publish(name) {
  if (npm('view', `${name}@${version}`, 'version').stdout.trim() === version) {
    console.log(`${name}@${version} is published already`);
    return true;
  }
  // A version that is not final is not what `npm install` takes.
  const distribution = version.includes('-') ? 'next' : 'latest';
  const tarball = path.join(folder, `${name}-${version}.tgz`);
  const { status, stderr } = npm(
    ...['publish', tarball, '--provenance', '--access', 'public', '--tag', distribution],
  );
  console.log(status === 0 ? `published ${name}@${version}` : stderr);
  if (status !== 0) process.exitCode = 1;
  return status === 0;
}

function npm(...args) {
  return spawnSync('npm', args, { encoding: 'utf8' });
}
