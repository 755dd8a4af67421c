// Every password and secret of the tests contains one word, and whatever a command of the scripts prints is searched for it: no output of any
// test may show a password.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const file = path.join(fileURLToPath(import.meta.url), '../../fixtures/canary.txt');

export const canary = readFileSync(file, 'utf8').trim();

/** The lines of a text that show a password. */
export function leaksIn(text) {
  return text.includes(canary) ? text.split('\n').filter((line) => line.includes(canary)) : [];
}
