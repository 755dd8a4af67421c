'use strict';

/**
 * A warning for each given name that is not known. Not an error: options meant for another library
 * must not stop a service. The value is never shown.
 */
function unknownNames(given, known, prefix = '') {
  return Object.keys(given)
    .filter((name) => !known.includes(name) && given[name] !== undefined)
    .map((name) => {
      const closest = closestName(name, known);
      const hint = closest ? `did you mean "${prefix}${closest}"?` : `known: ${known.join(', ')}`;
      return `unknown option ${JSON.stringify(prefix + name.slice(0, 64))} is ignored; ${hint}`;
    });
}

/**
 * The name of `names` that `given` was most likely meant to be, or undefined. Letter case does not
 * count.
 */
function closestName(given, names) {
  const wanted = given.toLowerCase();
  // Longer than any name with its slips: nothing of ours, and not worth the work.
  if (wanted.length > 40) return undefined;
  const [best] = names
    .map((name) => ({ name, slips: editDistance(wanted, name.toLowerCase()) }))
    .filter(({ name, slips }) => slips <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.slips - b.slips);
  return best?.name;
}

/** How many letters must be added, removed or replaced to make one word the other (Levenshtein). */
function editDistance(from, to) {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    for (let column = 1; column <= to.length; column++) {
      const replaced = row[column - 1] + (from[line - 1] === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[column] + 1, next[column - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}

module.exports = { unknownNames };
