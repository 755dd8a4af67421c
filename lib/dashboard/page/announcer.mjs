// Tells what has changed to those who listen to the page: politely, and never so often that it becomes noise.

import { byId } from './dom.mjs';

const PAUSE_MS = 5000;

let spokenAt = -Infinity;
let timer;
/** @type {Map<string, string>} */
const pending = new Map();

/**
 * @param {string} subject what the news is about: a later one replaces one that was not spoken yet
 * @param {string} text
 */
export function announce(subject, text) {
  pending.delete(subject);
  pending.set(subject, text);
  clearTimeout(timer);
  timer = setTimeout(speak, Math.max(0, spokenAt + PAUSE_MS - performance.now()));
}

function speak() {
  spokenAt = performance.now();
  const all = [...pending.values()];
  pending.clear();
  const more = all.length > 3 ? ` And ${all.length - 3} more changes.` : '';
  byId('live').textContent = all.slice(0, 3).join(' ') + more;
}
