// The tables name what the code declares, all of it and nothing else.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { firstCells, names, read, root } from './document.ts';

const source = (file: string) => readFileSync(path.join(root, file), 'utf8');
const typings = source('index.d.ts');

const [readme, api, options, errors, leading] = [
  'README.md',
  'docs/api.md',
  'docs/options.md',
  'docs/errors.md',
  'docs/leading.md',
].map(read) as [Doc, Doc, Doc, Doc, Doc];
type Doc = ReturnType<typeof read>;

/** The names that `pattern` finds in the declaration that begins with `start`. */
function declared(start: string, pattern: RegExp): Set<string> {
  const body = typings.split(start)[1]!.split('\n}')[0]!;
  return new Set([...body.matchAll(pattern)].map(([, name]) => name!));
}

const listed = (document: Doc, heading: string) => new Set(names(firstCells(document, heading)));

const allOptions = declared('export interface Options<', /^ {2}(\w+)\?:/gm);
const allEvents = declared('export interface CandidateEvents<', /^ {2}'?([\w:]+?)'?: \[/gm);

describe('docs/options.md', () => {
  test('has every option', () => assert.deepEqual(listed(options, 'Options'), allOptions));

  test('has every option of Redis', () => {
    assert.deepEqual(
      listed(options, 'Which Redis, and as whom'),
      declared('export interface RedisOptions ', /^ {2}(\w+)\?:/gm),
    );
  });

  test('and those in the README are among them, with the same defaults', () => {
    const defaults = (document: Doc) => {
      const rows = [...document.text.matchAll(/^\| `(\w+)` +\| ([^|]+?) +\|/gm)];
      return new Map(rows.map(([, name, value]) => [name!, value!]));
    };
    const all = defaults(options);
    for (const name of listed(readme, 'Options')) {
      assert.ok(allOptions.has(name), name);
      assert.equal(defaults(readme).get(name), all.get(name), name);
    }
  });
});

describe('docs/api.md', () => {
  test('has every method and property', () => {
    const members = declared(
      'export class Candidate<',
      /^ {2}(?:readonly )?(\w+)(?:<[^(]*>)?[(:]/gm,
    );
    members.delete('constructor');
    const section = api.text.split('\n## Methods\n')[1]!.split('\n## ')[0]!;
    const missing = [...members].filter((name) => !new RegExp(`\\b${name}\\b`).test(section));
    assert.ok(members.size > 20);
    assert.deepEqual(missing, []);
  });

  test('has every event', () => {
    const section = api.text.split('\n## Events\n')[1]!.split('\n## ')[0]!;
    const missing = [...allEvents].filter((name) => !section.includes(`\`${name}\``));
    assert.ok(allEvents.size > 10);
    assert.deepEqual(missing, []);
  });
});

describe('docs/operations.md', () => {
  test('watches what stats() has', () => {
    const stats = declared('export interface Stats ', /^ +(\w+)\??:/gm);
    const section = read('docs/operations.md').text.split('\n## Metrics and alerts\n')[1]!;
    const cells = [...section.split('```')[0]!.matchAll(/^\| ([^|]+)\|/gm)].map(
      ([, cell]) => cell!,
    );
    const watched = cells.flatMap((cell) =>
      [...cell.matchAll(/`([\w.]+)/g)].map(([, name]) => name!),
    );
    assert.ok(watched.length > 10);
    for (const name of watched.flatMap((path) => path.split('.'))) {
      assert.ok(stats.has(name) || name === 'stats', name);
    }
  });
});

describe('docs/leading.md', () => {
  test('has every reason for which a leadership ends', () => {
    const union = typings.split('export type LossReason')[1]!.split(';')[0]!;
    const reasons = [...union.matchAll(/\| '(\w+)'/g)].map(([, reason]) => reason!);
    const told = listed(leading, 'Why a leadership ended');
    assert.deepEqual(told, new Set(reasons));
  });
});

describe('docs/errors.md', () => {
  const sources = [...javascriptIn('lib'), ...rustIn('src')].map(source);
  const found = (pattern: RegExp) =>
    new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name!)));

  test('has every code of an error in lib/ and src/', () => {
    const codes = found(/['"`](ERR_[A-Z_]+)['"`]/g);
    // Of Node.js, which lib/addon.js looks for.
    codes.delete('ERR_DLOPEN_FAILED');
    assert.deepEqual(listed(errors, 'Errors'), codes);
    const typed = typings.split('export type ErrorCode')[1]!.matchAll(/'(ERR_\w+)'/g);
    const inRustAlone = ['ERR_LEAD_FAILED', 'ERR_NO_RUNTIME'];
    assert.deepEqual(codes, new Set([...inRustAlone, ...[...typed].map(([, code]) => code!)]));
  });

  test('has every warning', () => {
    const warnings = listed(errors, 'Warnings');
    assert.deepEqual(warnings, found(/['"`](WARN_[A-Z_]+)['"`]/g));
  });

  test('has every event', () => assert.deepEqual(listed(errors, 'Events'), allEvents));

  test('has every diagnostics channel', () => {
    const list = source('lib/diagnostics.js').split('CHANNELS')[1]!.split(']')[0]!;
    const channels = [...list.matchAll(/'(\w+)'/g)].map(([, name]) => `incumbent:${name}`);
    assert.deepEqual(listed(errors, 'Diagnostics channels'), new Set(channels));
  });
});

function javascriptIn(folder: string): string[] {
  return filesIn(folder, /\.js$/);
}

/** Without the tests of the crate, which may make up codes. */
function rustIn(folder: string): string[] {
  return filesIn(folder, /\.rs$/).filter((file) => !/[/]tests?[/.]/.test(file));
}

function filesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => path.join(folder, name));
}
