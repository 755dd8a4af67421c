// The states of a kind, in words: a color is never the only thing that tells them apart.

import { kindName, seen } from './text.mjs';

/** What needs a look comes first. */
export const RANK = { vacant: 0, silent: 1, led: 2, idle: 3, unseen: 4 };

const WORDS = {
  led: 'Led',
  vacant: 'No leader',
  silent: 'Silent',
  idle: 'Not running',
  unseen: 'Looking',
};

/** @param {string} state @param {boolean} isStale */
export function stateWord(state, isStale) {
  return isStale && state !== 'unseen' ? `${WORDS[state]}, when last seen` : WORDS[state];
}

/** What a change of a kind is worth saying, or nothing. */
export function newsOf(before, after) {
  if (!before || (before.state === after.state && before.term === after.term)) return undefined;
  const name = kindName(after.name);
  if (after.state === 'vacant') return `Nobody leads ${name}.`;
  if (after.state === 'silent') return `The leader of ${name} is silent.`;
  if (after.state === 'idle') return `${name} is not running any more.`;
  if (before.term === after.term) return `${seen(after.leader)} goes on leading ${name}.`;
  return `${seen(after.leader)} leads ${name} now.`;
}
