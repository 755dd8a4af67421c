// Every block of code in README.md and docs/ is run, or looked at, as the comment before it says:
//
//   <!-- test: program -->            runs to its end, with exit code 0
//   <!-- test: service tells="…" -->  two copies run: one tells it, is ended by SIGTERM, and the other one tells it
//   <!-- test: fleet tells="…" -->    two copies run, and both tell it; SIGTERM ends them
//   <!-- test: until tells="…" -->    of `sh`: runs until it tells it; then Ctrl-C ends it
//   <!-- test: types -->              of `ts`: it has to fit the typings, and is not run
//   <!-- test: excerpt FILE -->       stands in that file, whose own tests run it
//   <!-- test: scenario NAME -->      has a test of its own, in scenarios.ts
//   <!-- test: output -->             is what the `program`, or the `sh`, before it prints
//
// With as="NAME" it is also saved under that name, for the blocks that follow in the document. A block of `sh` needs no
// comment: it runs as it stands, with exit code 0. One of `rust` needs none either: `cargo test` runs it, if its document is
// a part of the crate's. Whatever is nothing of this fails.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { read, root, tested, type Block } from './document.ts';
import { assertOutput } from './output.ts';
import { Desk, type Reader } from './reader.ts';
import { scenarios } from './scenarios.ts';
import { fromScripts } from './scripts.ts';

let desk: Desk;
before(async () => {
  desk = await Desk.make();
});
after(() => desk.close());

// Of one block, on a busy machine; most take a second.
const timeout = 90_000;

for (const file of tested) {
  const { blocks } = read(file);
  if (blocks.length === 0) continue;
  describe(file, { concurrency: 2 }, () => {
    blocks.forEach((block, index) => {
      const [earlier, later] = [blocks.slice(0, index), blocks.slice(index + 1)];
      const { kind, as } = block.directive ?? {};
      if (as !== undefined) {
        test(`line ${block.line}: ${as} is used by a later block`, () =>
          assert.ok(later.some(({ code }) => code.includes(as))));
      }
      // Compared by the test of the block before it.
      if (kind === 'output' && isRun(earlier.at(-1))) return;
      const shown = later[0]?.directive?.kind === 'output' ? later[0].code : undefined;
      test(`line ${block.line}: ${described(block)}`, { timeout }, async (t) => {
        const reader = desk.reader(t);
        for (const { directive, code } of earlier) {
          if (directive?.as !== undefined) reader.save(directive.as, code);
        }
        for (const { code } of earlier.filter(installsMore)) await reader.shell(code);
        await check(t, block, reader, shown);
      });
    });
  });
}

test('every scenario belongs to a block', () => {
  const named = tested.flatMap((file) => read(file).blocks.map(({ directive }) => directive));
  const used = named.filter((directive) => directive?.kind === 'scenario').map((one) => one!.name!);
  assert.deepEqual([...used].sort(), Object.keys(scenarios).sort());
});

function described({ language, directive }: Block): string {
  const { kind = '', name = '' } = directive ?? {};
  return [language, kind, name].filter(Boolean).join(' ');
}

/** Whoever comes to a block has installed what the document said before, more than what lies on the desk. */
function installsMore({ language, code }: Block): boolean {
  return language === 'sh' && /^npm install /.test(code) && code.trim() !== 'npm install incumbent';
}

/** Whether its output can be compared. */
function isRun(block: Block | undefined): boolean {
  const kind = block?.directive?.kind ?? block?.language;
  return kind === 'program' || kind === 'sh' || kind === 'until';
}

async function check(t: TestContext, block: Block, reader: Reader, shown: string | undefined) {
  if (block.language === 'ts') await checkTypes(block);
  const { kind, name, tells } = block.directive ?? { kind: block.language };
  switch (kind) {
    case 'sh':
    case 'program': {
      const ended = await (kind === 'sh' ? reader.shell(block.code) : reader.run(block));
      assert.equal(ended.status, 0, ended.output);
      if (shown !== undefined) assertOutput(ended.stdout, shown);
      return;
    }
    case 'until': {
      const printed = await reader.shellUntil(block.code, new RegExp(tells!));
      if (shown === undefined) return;
      // By now it may have printed more.
      const lines = shown.trimEnd().split('\n').length;
      return assertOutput(printed.split('\n').slice(0, lines).join('\n'), shown);
    }
    case 'service':
      return checkService(block, reader, new RegExp(tells!));
    case 'fleet':
      return checkFleet(block, reader, new RegExp(tells!));
    case 'excerpt': {
      const whole = plain(readFileSync(path.join(root, name!), 'utf8'));
      return assert.ok(whole.includes(plain(block.code)), `${name} does not have these lines`);
    }
    case 'types':
      return assert.equal(block.language, 'ts', 'only TypeScript has types to check');
    case 'scenario': {
      const scenario = scenarios[name!];
      assert.ok(scenario, `scenarios.ts has no scenario '${name}'`);
      return scenario({ t, block, reader, redis: desk.redis });
    }
    case 'rust': {
      const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' });
      const included = new RegExp(`include_str!\\("[./]*${block.document.replace('.', '\\.')}"\\)`);
      const rust = sources.filter((source) => source.endsWith('.rs'));
      const isIncluded = (source: string) =>
        included.test(readFileSync(path.join(root, 'src', source), 'utf8'));
      return assert.ok(rust.some(isIncluded), 'no module of the crate includes this document');
    }
  }
  assert.fail(`nothing says how this block of '${block.language}' is tested`);
}

/** Exactly one of two copies does it; when it is ended, the other one does. */
async function checkService(block: Block, reader: Reader, tells: RegExp) {
  const copies = [reader.start(block), reader.start(block)];
  const told = () => copies.find(({ output }) => tells.test(output));
  const first = await reader.until(told);
  const second = copies.find((copy) => copy !== first)!;
  assert.doesNotMatch(second.output, tells);
  first.kill('SIGTERM');
  assert.equal(await first.ended, 0, first.output);
  await reader.until(() => tells.test(second.output));
  second.kill('SIGTERM');
  assert.equal(await second.ended, 0, second.output);
}

async function checkFleet(block: Block, reader: Reader, tells: RegExp) {
  const copies = [reader.start(block), reader.start(block)];
  await reader.until(() => copies.every(({ output }) => tells.test(output)));
  for (const copy of copies) {
    copy.kill('SIGTERM');
    assert.equal(await copy.ended, 0, copy.output);
  }
}

/** As TypeScript sees it in a project of its own that has the package installed. */
async function checkTypes(block: Block) {
  const file = path.join(desk.folder, `types-${path.basename(block.document)}-${block.line}.mts`);
  writeFileSync(file, block.code);
  const options = ['--noEmit', '--strict', '--target', 'esnext', '--module', 'nodenext'];
  const types = ['--types', 'node', '--typeRoots', path.join(root, 'node_modules', '@types')];
  const { installed, run } = await fromScripts('run.mjs');
  const { ok, output } = await run(installed('tsc'), [...options, ...types, file], {
    cwd: desk.folder,
  });
  assert.ok(ok, output);
}

const plain = (text: string) => text.replace(/\s+/g, ' ').trim();
