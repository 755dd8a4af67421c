// Drawings are SVG by hand: well-formed, without anything from elsewhere, readable on light and dark, and described in words.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { read, root, tested } from './document.ts';

const folder = 'docs/images';
const images = readdirSync(path.join(root, folder)).map((name) => path.join(folder, name));

for (const file of images.filter((name) => name.endsWith('.svg'))) {
  test(file, () => {
    const text = readFileSync(path.join(root, file), 'utf8');
    assert.equal(XMLValidator.validate(text), true);
    const { svg } = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(text);
    assert.equal(svg.role, 'img');
    assert.ok(svg.title['#text'] && svg.desc['#text'], 'no title or no description');
    assert.equal(svg['aria-labelledby'], `${svg.title.id} ${svg.desc.id}`);
    assert.match(svg.style, /prefers-color-scheme: dark/);
    const addresses = text.match(/\b\w+:\/\/[^"\s]+/g);
    assert.deepEqual(addresses, ['http://www.w3.org/2000/svg'], 'names something from elsewhere');
    const classes = new Set(
      [...text.matchAll(/class="([\w -]+)"/g)].flatMap(([, list]) => list!.split(' ')),
    );
    const styled = new Set([...svg.style.matchAll(/\.([a-z-]+)/g)].map(([, name]) => name));
    for (const name of classes) assert.ok(styled.has(name), `.${name} has no style`);
  });
}

test('every image is shown by a document', () => {
  const shown = tested.flatMap((file) =>
    read(file).links.map(({ href }) => path.join(path.dirname(file), href)),
  );
  for (const file of images) assert.ok(shown.includes(file), file);
});
