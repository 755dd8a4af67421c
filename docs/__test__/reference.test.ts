// The reference of the API, which typedoc makes of index.d.ts.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../__test__/fixtures/temporary-directory.ts';
import { fromScripts } from './scripts.ts';

test('it is generated without a warning: all that is public is described, and no link leads nowhere', async (t) => {
  const out = path.join(temporaryDirectory(t), 'reference');
  const { generateReference } = await fromScripts('document-tools.mjs');
  const { ok, output } = await generateReference({ out });
  assert.ok(ok, output);
  assert.ok(existsSync(path.join(out, 'classes', 'Candidate.html')), output);
});
