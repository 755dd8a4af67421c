// The terms of a kind, drawn over time: a bar for each, red where nobody led, hatched where nobody looked.

import { drawn } from './dom.mjs';
import { duration, seen } from './text.mjs';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** What may be looked at, with the distances of the ticks that fit on a wide screen. */
export const RANGES = [
  { label: '5 min', ms: 5 * MINUTE },
  { label: '1 h', ms: HOUR },
  { label: '6 h', ms: 6 * HOUR },
  { label: '24 h', ms: 24 * HOUR },
];

const STEPS = [
  15_000,
  30_000,
  MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
];
const TICK_DISTANCE = 76;

const BAR = { top: 24, height: 36 };
const HEIGHT = 86;
const LETTER = 7.3;

/**
 * @param {{ reigns: any[], vacantSince: number | null, watchedSince: number, blind: any[], colorOf: (id: string) => number, rangeMs: number, now: number,
 *   width: number }} view
 */
export function drawTimeline({
  reigns,
  vacantSince,
  watchedSince,
  blind,
  colorOf,
  rangeMs,
  now,
  width,
}) {
  const start = now - rangeMs;
  const x = (time) =>
    Math.round(((Math.min(Math.max(time, start), now) - start) / rangeMs) * width * 10) / 10;
  const shown = reigns.filter(({ to }) => to === null || to > start);
  const gaps = gapsOf(reigns, now, vacantSince).filter(({ to }) => to > start);
  const svg = drawn('svg', {
    width,
    height: HEIGHT,
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: 'img',
    'aria-label': inWords(shown, gaps, rangeMs),
  });
  svg.append(
    hatching(),
    drawn('rect', { class: 'ground', x: 0, y: BAR.top, width, height: BAR.height, rx: 6 }),
  );

  const known = Math.min(watchedSince, reigns[0]?.from ?? Infinity);
  if (known > start) svg.append(unknown(x(start), x(known), 'not watched yet'));
  for (const reign of shown) svg.append(bar(reign, x, colorOf, now));
  for (const { from, to } of blind) {
    if ((to ?? now) > start) svg.append(unknown(x(from), x(to ?? now), 'Redis out of reach'));
  }
  svg.append(...gapMarks(gaps, x, width), ...axis(start, now, rangeMs, x, width));
  return svg;
}

/**
 * When nobody led though somebody was there: between two terms, and behind the last one while `vacantSince` tells so.
 *
 * @param {any[]} reigns
 * @param {number} now
 * @param {number | null} vacantSince
 */
export function gapsOf(reigns, now, vacantSince) {
  const gaps = [];
  for (const [index, { to }] of reigns.entries()) {
    if (to === null) continue;
    const next = reigns[index + 1];
    if (next?.afterUnknown) continue;
    if (!next && vacantSince === null) continue;
    const from = Math.max(to, next ? (next.awaitedSince ?? to) : vacantSince);
    gaps.push({ from, to: next?.from ?? now, isOpen: !next });
  }
  return gaps.filter(({ from, to }) => to > from);
}

function inWords(reigns, gaps, rangeMs) {
  const span = duration(rangeMs);
  if (!reigns.length) return `No term in the last ${span}.`;
  const longest = Math.max(0, ...gaps.map(({ from, to }) => to - from));
  const without = gaps.length ? `, nobody led for ${duration(longest)} at the longest` : '';
  return `Terms in the last ${span}: ${reigns.length}${without}. The list of takeovers has each.`;
}

function bar({ id, term, from, to }, x, colorOf, now) {
  const [left, right] = [x(from), x(to ?? now)];
  const width = Math.max(1.5, right - left);
  const group = drawn('g', { class: `term c${colorOf(id)}` });
  group.append(
    drawn('title', {}, `${seen(id)}, term ${term}: ${duration((to ?? now) - from)}`),
    drawn('rect', { x: left, y: BAR.top, width, height: BAR.height, rx: Math.min(6, width / 3) }),
  );
  const letters = Math.floor((width - 14) / LETTER);
  const name = seen(id);
  if (letters >= 3) {
    const text = name.length > letters ? `${name.slice(0, letters - 1)}…` : name;
    group.append(drawn('text', { x: left + 8, y: BAR.top + BAR.height / 2 + 4 }, text));
  }
  return group;
}

/** However short a gap is, it is seen; its length stands above where there is room. */
function gapMarks(gaps, x, width) {
  const marks = [];
  let free = Infinity;
  // The latest matter most, so they get the room first.
  for (const { from, to, isOpen } of [...gaps].reverse()) {
    const wide = Math.max(3, x(to) - x(from));
    const left = Math.min(x(from) - (wide === 3 ? 1.5 : 0), width - wide);
    const text = duration(to - from);
    const half = (text.length * 7.8) / 2;
    const middle = Math.min(Math.max(left + wide / 2, half), width - half);
    const group = drawn(
      'g',
      { class: 'gap' },
      drawn('title', {}, `nobody led for ${text}${isOpen ? ' so far' : ''}`),
      drawn('rect', { x: left, y: BAR.top - 4, width: wide, height: BAR.height + 8, rx: 1.5 }),
    );
    if (middle + half + 8 <= free) {
      group.append(drawn('text', { x: middle, y: 13, 'text-anchor': 'middle' }, text));
      free = middle - half;
    }
    marks.push(group);
  }
  return marks;
}

function unknown(left, right, why) {
  return drawn(
    'g',
    { class: 'unknown' },
    drawn('title', {}, why),
    drawn('rect', {
      x: left,
      y: BAR.top,
      width: Math.max(1, right - left),
      height: BAR.height,
      fill: 'url(#hatch)',
    }),
    ...(right - left > why.length * LETTER
      ? [
          drawn(
            'text',
            { x: (left + right) / 2, y: BAR.top + BAR.height / 2 + 4, 'text-anchor': 'middle' },
            why,
          ),
        ]
      : []),
  );
}

function hatching() {
  const pattern = drawn(
    'pattern',
    {
      id: 'hatch',
      width: 7,
      height: 7,
      patternUnits: 'userSpaceOnUse',
      patternTransform: 'rotate(45)',
    },
    drawn('rect', { class: 'hatch-ground', width: 7, height: 7 }),
    drawn('rect', { class: 'hatch-line', width: 1.5, height: 7 }),
  );
  return drawn('defs', {}, pattern);
}

/** Ticks at full minutes and hours of the local day. */
function axis(start, now, rangeMs, x, width) {
  const most = Math.max(2, Math.floor(width / TICK_DISTANCE));
  const step = STEPS.find((ms) => rangeMs / ms <= most) ?? 12 * HOUR;
  const zone = new Date(now).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((start - zone) / step) * step + zone;
  const ticks = [];
  for (let time = first; time <= now; time += step) {
    const at = x(time);
    const label = new Date(time).toTimeString().slice(0, step < MINUTE ? 8 : 5);
    const half = label.length * 3.4;
    ticks.push(
      drawn('line', {
        class: 'tick',
        x1: at,
        x2: at,
        y1: BAR.top + BAR.height + 2,
        y2: BAR.top + BAR.height + 7,
      }),
    );
    if (at < half || at > width - half) continue;
    ticks.push(
      drawn('text', { class: 'axis', x: at, y: HEIGHT - 4, 'text-anchor': 'middle' }, label),
    );
  }
  return ticks;
}
