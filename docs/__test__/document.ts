// What the tests know of a document: its blocks of code with what is said of their tests, its links, its headings.

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import GithubSlugger from 'github-slugger';
import MarkdownIt from 'markdown-it';

export const root = path.join(__dirname, '..', '..');

/** The documents whose every block is tested. */
export const tested = ['README.md', ...markdownIn('docs')];

/** All documents: those, and the ones for whoever works on the project. Links and anchors are tested in all of them. */
export const all = [...markdownIn('.').filter((file) => file !== 'README.md'), ...tested];

/** How a block is tested: the words of the comment before it, `<!-- test: kind name key="value" -->`. */
export interface Directive {
  kind: string;
  /** The first word behind the kind that is no pair. */
  name: string | undefined;
  /** A pattern that the program has to tell. */
  tells: string | undefined;
  /** The name of the file that a reader saves the block as. */
  as: string | undefined;
}

export interface Block {
  /** Its document, from the root. */
  document: string;
  line: number;
  language: string;
  code: string;
  directive: Directive | undefined;
}

export interface Link {
  line: number;
  href: string;
}

export interface Document {
  file: string;
  text: string;
  blocks: Block[];
  links: Link[];
  /** What a link can name after its `#`. */
  anchors: Set<string>;
}

export function read(file: string): Document {
  const text = readFileSync(path.join(root, file), 'utf8');
  const document: Document = { file, text, blocks: [], links: [], anchors: new Set() };
  const slugger = new GithubSlugger();
  const tokens = new MarkdownIt({ html: true }).parse(text, {});
  tokens.forEach((token, index) => {
    const line = (token.map?.[0] ?? 0) + 1;
    if (token.type === 'code_block') {
      throw new Error(`${file}:${line}: a block without a fence, and so without a language`);
    }
    if (token.type === 'fence') {
      const before = tokens[index - 1];
      const directive = before?.type === 'html_block' ? directiveOf(before.content) : undefined;
      const { info, content: code } = token;
      document.blocks.push({ document: file, line, language: info, code, directive });
    }
    if (token.type !== 'inline') return;
    const children = token.children ?? [];
    if (tokens[index - 1]?.type === 'heading_open') {
      document.anchors.add(slugger.slug(children.map(({ content }) => content).join('')));
    }
    for (const child of children) {
      const href = child.attrGet('href') ?? child.attrGet('src');
      if (href !== null) document.links.push({ line, href });
      if (child.type === 'html_inline') {
        const [, source] = /^<img src="([^"]*)"/.exec(child.content) ?? [];
        if (source !== undefined) document.links.push({ line, href: source });
      }
    }
  });
  return document;
}

/** The first cells of the rows below a heading, without those of the header. */
export function firstCells(document: Document, heading: string): string[] {
  const [, section] = document.text.split(new RegExp(`\n##+ ${heading}\n`));
  if (section === undefined) throw new Error(`${document.file} has no heading '${heading}'`);
  const rows = [...section.split(/\n##+ /)[0]!.matchAll(/^\| ([^|]+)\|/gm)];
  return rows.map(([, cell]) => cell!.trim()).filter((cell) => cell.startsWith('`'));
}

/** The names in backticks at the beginning of cells such as "`a`, `b`" or "`elected` `({ term })`". */
export function names(cells: string[]): string[] {
  return cells.flatMap((cell) => [...cell.matchAll(/`([\w:]+)[^`]*`/g)].map(([, name]) => name!));
}

function directiveOf(comment: string): Directive | undefined {
  const [, text] = /^<!-- test: (.*?) -->\s*$/.exec(comment) ?? [];
  if (text === undefined) return undefined;
  const valueOf = (key: string) => new RegExp(` ${key}="([^"]*)"`).exec(text)?.[1];
  const [kind, name] = text.replace(/ \w+="[^"]*"/g, '').split(' ');
  return { kind: kind!, name, tells: valueOf('tells'), as: valueOf('as') };
}

function markdownIn(folder: string): string[] {
  return readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join(folder, name))
    .sort();
}
