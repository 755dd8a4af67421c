'use strict';

// What is shown comes from others: nothing of it may steer a terminal.

/** Control characters and those that change the direction of writing, as JSON would write them. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

function escaped(text) {
  return text.replace(UNPRINTABLE, (character) =>
    [...character].map((one) => `\\u{${one.codePointAt(0).toString(16)}}`).join(''),
  );
}

/** A kind or an id: as it is where it reads as one word, otherwise in quotes. */
function name(text) {
  return /^[\p{L}\p{N}_.:@/+-]+$/u.test(text) ? text : escaped(JSON.stringify(text));
}

/** A value, shortened to about `limit` characters. */
function value(json, limit = Infinity) {
  const text = escaped(JSON.stringify(json) ?? 'undefined');
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

/** A span, in the unit that suits it. */
function span(ms) {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, length]) => seconds >= length);
  let rest = Math.floor(seconds);
  return units
    .slice(first, first + 2)
    .map(([unit, length]) => {
      const count = Math.floor(rest / length);
      rest -= count * length;
      return `${count} ${unit}`;
    })
    .join(' ');
}

/** A moment as UTC, to the second or to the millisecond. */
function moment(ms) {
  return new Date(ms).toISOString().replace('T', ' ');
}

/** Rows of texts as lines, each column as wide as it must be. */
function table(rows) {
  const widths = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const line = (row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ');
  return rows.map((row) => line(row).trimEnd());
}

module.exports = { escaped, moment, name, span, table, value };
