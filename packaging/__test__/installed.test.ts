// What a user gets who installs the package from a registry: this one has just what is published.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../platforms.ts';
import { Published, thisPlatform, type Project } from './published.ts';

const published = new Published();
const tool = (name: string) => path.join(root, 'node_modules', '.bin', name);

const both = ['incumbent', `incumbent-${thisPlatform}`];

async function installed(files: Record<string, string> = {}): Promise<Project> {
  const project = published.project(files);
  await succeeds(project.npm('install', 'incumbent'));
  return project;
}

async function succeeds(running: Promise<{ code: number; stdout: string; stderr: string }>) {
  const { code, stdout, stderr } = await running;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}

test('npm install brings the package and the addon of this platform, and nothing else', async () => {
  const project = await installed();
  assert.deepEqual(project.installed, both);
});

test('npm ci installs the same from the lock file', async () => {
  const project = await installed();
  await succeeds(project.npm('ci'));
  assert.deepEqual(project.installed, both);
  await succeeds(project.node('-e', `new (require('incumbent').Candidate)({ medium: 'memory' })`));
});

test('both tarballs can be installed without a registry', async () => {
  const project = published.project();
  const tarballs = [published.main.tarball, published.of(thisPlatform).tarball];
  await succeeds(project.npm('install', '--offline', ...tarballs));
  await succeeds(project.node('-e', `new (require('incumbent').Candidate)({ medium: 'memory' })`));
});

test('require loads one file of JavaScript and the addon', async () => {
  const project = await installed();
  const loaded = await succeeds(
    project.node('-p', `require('incumbent'); JSON.stringify(Object.keys(require.cache))`),
  );
  assert.deepEqual(
    JSON.parse(loaded).map((file: string) => path.relative(project.folder, file)),
    [
      'node_modules/incumbent/index.js',
      `node_modules/incumbent-${thisPlatform}/incumbent.${thisPlatform}.node`,
    ],
  );
});

test('a stack trace names functions and lines of the file as it is installed', async () => {
  const project = await installed();
  const stack = await succeeds(
    project.node(
      '-p',
      `try { new (require('incumbent').Candidate)({ leaseMs: 1 }) } catch (e) { e.stack }`,
    ),
  );
  assert.match(stack, /at new Candidate \(.*node_modules\/incumbent\/index\.js:\d{2,4}:\d{1,2}\)/);
});

const elects = `
  async function elects(Candidate) {
    const candidate = new Candidate({ medium: 'memory', kind: 'installed', leaseMs: 100 });
    await candidate.start();
    await candidate.waitForLeader();
    const led = candidate.isLeader();
    await candidate.stop();
    return led;
  }`;

test('CommonJS and ES modules get the same class, and it leads', async () => {
  const project = await installed({
    'service.mjs': `
      import assert from 'node:assert/strict';
      import { createRequire } from 'node:module';
      import Default, { Candidate, IncumbentError, LeadershipLost } from 'incumbent';
      ${elects}
      const required = createRequire(import.meta.url)('incumbent');
      assert.deepEqual({ ...required }, { Candidate, IncumbentError, LeadershipLost, default: Default });
      assert.equal(Default, Candidate);
      assert.equal(await elects(required.Candidate), true);`,
  });
  await succeeds(project.node('service.mjs'));
});

const service = `
  import Default, { Candidate, type Options, type State } from 'incumbent';
  const options: Options = { medium: 'memory', kind: 'installed', leaseMs: 100 };
  async function led(): Promise<boolean> {
    const candidate: Candidate = new Default(options);
    const state: State = candidate.state;
    await candidate.start();
    await candidate.waitForLeader();
    const led = candidate.isLeader();
    await candidate.stop();
    return led && state === 'follower';
  }
  void led().then((it) => console.log(it));`;

const wrong = `import { Candidate } from 'incumbent'; new Candidate({ leaseMs: 'long' });`;

for (const [moduleResolution, module, files] of [
  ['node16', 'node16', ['service.cts', 'service.mts']],
  ['bundler', 'esnext', ['service.mts']],
] as const) {
  test(`TypeScript with moduleResolution ${moduleResolution} compiles a service, which runs`, async () => {
    const project = await installed(
      Object.fromEntries(files.map((name) => [name, commonJsOf(name)])),
    );
    const types = path.join(root, 'node_modules', '@types');
    const options = [
      '--module',
      module,
      '--moduleResolution',
      moduleResolution,
      '--target',
      'es2022',
    ];
    const how = [
      ...options,
      '--strict',
      '--esModuleInterop',
      '--types',
      'node',
      '--typeRoots',
      types,
    ];
    await succeeds(project.run(tool('tsc'), [...how, ...files]));
    for (const file of files) {
      assert.equal(await succeeds(project.node(file.replace('ts', 'js'))), 'true\n');
    }
    project.write('wrong.mts', wrong);
    const { code, stdout } = await project.run(tool('tsc'), [...how, '--noEmit', 'wrong.mts']);
    assert.notEqual(code, 0);
    assert.match(stdout, /Type 'string' is not assignable to type 'number/);
  });
}

/** In CommonJS the default export of the module is a property, as compilers make of it. */
function commonJsOf(name: string): string {
  return name.endsWith('.cts')
    ? service.replaceAll('new Default', 'new Candidate').replace('Default, ', '')
    : service;
}

test('the command runs', async () => {
  const project = await installed();
  const version = await succeeds(project.run('npx', ['--no-install', 'incumbent', '--version']));
  assert.equal(version.trim(), published.main.manifest.version);
  const help = await succeeds(
    project.run('npx', ['--no-install', 'incumbent', 'doctor', '--help']),
  );
  assert.match(help, /looks whether a Redis server is fit for a kind/);
});

test('tools that judge packages have nothing to say of it', async () => {
  const { tarball } = published.main;
  await succeeds(published.project().run(tool('publint'), ['run', '--strict', tarball]));
  await succeeds(published.project().run(tool('attw'), ['--no-definitely-typed', tarball]));
});

test('the packages are no larger than CONTRIBUTING.md says', async () => {
  const most = { main: [180_000, 640_000], addon: [2_300_000, 5_000_000] };
  for (const [{ name, packedSize, unpackedSize }, [packed, unpacked]] of [
    [published.main, most.main],
    [published.of(thisPlatform), most.addon],
  ] as const) {
    assert.ok(packedSize <= packed!, `${name} is ${packedSize} bytes packed, more than ${packed}`);
    assert.ok(unpackedSize <= unpacked!, `${name} is ${unpackedSize} bytes, more than ${unpacked}`);
  }
});

test('each package has its README and the licence', async () => {
  for (const { tarball } of published.packages) {
    const files = (await succeeds(published.project().run('tar', ['-tf', tarball]))).split('\n');
    for (const name of ['README.md', 'LICENSE', 'package.json']) {
      assert.ok(files.includes(`package/${name}`), `${path.basename(tarball)} has no ${name}`);
    }
  }
});
