// Lays out the packages as they are published. Of the package `incumbent`:
//
// - What `require` loads is one file, index.js, with all that it needs of lib/. A process that requires some twenty files
//   has V8's optimizing compiler run while it starts, which costs each process 3.5 MiB for good. It is not minified, so that
//   it can be read where a stack trace points at it.
// - The command runs from lib/ as it is there, and finds the rest in index.js.
// - package.json names the packages of the platforms as optional dependencies. In the source it does not, since `npm ci`
//   would look for them before they are published.

import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { addonOf, folderOf, manifestIn, platforms, root } from './platforms.ts';

const source = manifestIn(root);

const PAGE = 'lib/dashboard/page';

/** What is of no use to who installs it. */
const OF_THE_SOURCE = [
  'allowScripts',
  'devDependencies',
  'napi',
  'overrides',
  'private',
  'scripts',
];

/** Fills an empty directory with the package `incumbent`. */
export async function stagePackage(directory: string): Promise<void> {
  const at = (name: string) => path.join(directory, name);
  writeFileSync(at('package.json'), `${JSON.stringify(publishedManifest(), null, 2)}\n`);
  for (const name of ['index.mjs', 'index.d.ts', 'index.d.mts', 'README.md', 'LICENSE']) {
    copyFileSync(path.join(root, name), at(name));
  }
  await build({ ...library, outfile: at('index.js') });
  for (const file of await filesOfTheCommand()) {
    mkdirSync(path.dirname(at(file)), { recursive: true });
    copyFileSync(path.join(root, file), at(file));
  }
  // What the dashboard gives to the browser is read, and not required.
  cpSync(path.join(root, PAGE), at(PAGE), { recursive: true });
  for (const name of source.bundleDependencies) {
    cpSync(path.join(root, 'node_modules', name), at(`node_modules/${name}`), { recursive: true });
  }
}

/** Fills an empty directory with the package of a platform, whose addon lies in `addons`. */
export function stagePlatform(platform: string, addons: string, directory: string): void {
  const name = addonOf(platform);
  cpSync(folderOf(platform), directory, { recursive: true });
  copyFileSync(path.join(root, 'LICENSE'), path.join(directory, 'LICENSE'));
  copyFileSync(path.join(addons, name), path.join(directory, name));
}

function publishedManifest() {
  const manifest: Record<string, any> = { ...source };
  for (const field of OF_THE_SOURCE) delete manifest[field];
  manifest.optionalDependencies = Object.fromEntries(
    platforms.map((platform) => [`incumbent-${platform}`, source.version]),
  );
  return manifest;
}

// Of package.json only the version is of use, and esbuild would write out the whole.
const versionAlone: Plugin = {
  name: 'version-alone',
  setup({ onLoad }) {
    const filter = /[\\/]package\.json$/;
    const contents = JSON.stringify({ version: source.version });
    onLoad({ filter }, () => ({ contents, loader: 'json' }));
  },
};

const library = {
  absWorkingDir: root,
  entryPoints: ['index.js'],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.5',
  external: ['incumbent-*'],
  plugins: [versionAlone],
  banner: {
    js: `// incumbent ${source.version}, made of index.js, native.js and lib/ of its source.`,
  },
  logLevel: 'silent',
} satisfies BuildOptions;

/** lib/cli, and what it reaches beside index.js, which is the one file. */
async function filesOfTheCommand(): Promise<string[]> {
  const oneFile: Plugin = {
    name: 'one-file',
    setup({ onResolve }) {
      onResolve({ filter: /\/index\.js$/ }, ({ path: wanted, resolveDir }) =>
        path.resolve(resolveDir, wanted) === path.join(root, 'index.js')
          ? { path: wanted, external: true }
          : undefined,
      );
    },
  };
  const { metafile } = await build({
    ...library,
    entryPoints: [source.bin.incumbent],
    external: [...library.external, ...source.bundleDependencies],
    plugins: [oneFile],
    metafile: true,
    write: false,
    outdir: root,
  });
  return Object.keys(metafile.inputs).filter((file) => file !== 'package.json');
}
