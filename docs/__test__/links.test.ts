// Every link inside the project leads somewhere, also to the heading that it names.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { all, read, root } from './document.ts';

for (const file of all) {
  test(`the links of ${file}`, () => {
    const document = read(file);
    const broken = document.links.map((link) => [link, problem(file, link.href)] as const);
    assert.deepEqual(
      broken.filter(([, why]) => why).map(([{ line, href }, why]) => `${line}: ${href}: ${why}`),
      [],
    );
  });
}

function problem(file: string, href: string): string | undefined {
  if (/^(https?|mailto):/.test(href)) return undefined;
  const [to, anchor] = decodeURI(href).split('#');
  const target = to ? path.join(path.dirname(file), to) : file;
  const found = path.join(root, target);
  if (!existsSync(found)) return 'there is no such file';
  if (anchor === undefined) return undefined;
  if (statSync(found).isDirectory() || !target.endsWith('.md'))
    return 'only documents have anchors';
  return read(target).anchors.has(anchor) ? undefined : 'there is no such heading';
}
