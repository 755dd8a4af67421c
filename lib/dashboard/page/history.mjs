// What the chosen kind has done: its terms over time, and its takeovers.

import { byId, element, reconcile, setAttribute, setText, setTime, show } from './dom.mjs';
import { ago, clock, duration, running, seen } from './text.mjs';
import { RANGES, drawTimeline, gapsOf } from './timeline.mjs';

const COLORS = 8;
const SHOWN_TAKEOVERS = 50;

/** What was chosen of the past, if anything was. */
let range;
/** What the drawing shows. */
let drawn = { history: null, look: '' };
let colors = { kind: null, byId: new Map() };

/** @param {() => void} paint shows it again */
export function startHistory(paint) {
  for (const { label, ms } of RANGES) {
    const input = element('input', { type: 'radio', name: 'range', value: ms });
    input.addEventListener('change', () => {
      range = ms;
      paint();
    });
    byId('ranges').append(element('label', {}, input, element('span', {}, label)));
  }
}

/** @param {{ history: any, color: (id: string) => number, now: number, seenAt: number }} view */
export function renderHistory(view) {
  renderTimeline(view);
  renderTakeovers(view.history, view.seenAt);
}

function renderTimeline({ history, color, now, seenAt }) {
  const { reigns, vacantSince, watchedSince, blind } = history;
  const box = byId('timeline');
  const ranges = byId('ranges');
  const rangeMs = range ?? fitting(history, now);
  for (const input of ranges.querySelectorAll('input'))
    input.checked = Number(input.value) === rangeMs;
  for (const { id } of reigns) color(id);
  renderLegend({ reigns, vacantSince, rangeMs, now, seenAt, color });
  const width = Math.max(240, box.clientWidth);
  // Drawn anew only where it would look different, so that what the mouse points at stays.
  const pixelMs = vacantSince === null ? Math.max(1000, rangeMs / width) : 1000;
  const look = [rangeMs, width, seenAt < now, Math.floor(now / pixelMs)].join();
  if (drawn.history === history && drawn.look === look) return;
  drawn = { history, look };
  // What is not seen any more is hatched up to now.
  const hidden =
    seenAt < now && blind.at(-1)?.to !== null ? [...blind, { from: seenAt, to: null }] : blind;
  box.replaceChildren(
    drawTimeline({
      reigns,
      vacantSince,
      watchedSince: watchedSince ?? now,
      blind: hidden,
      colorOf: color,
      rangeMs,
      now,
      width,
    }),
  );
}

/** The shortest that shows all that was watched, so that there is something to see at once. */
function fitting({ watchedSince }, now) {
  const span = now - (watchedSince ?? now);
  return (RANGES.find(({ ms }) => span <= ms) ?? RANGES[RANGES.length - 1]).ms;
}

function renderLegend({ reigns, vacantSince, rangeMs, now, seenAt, color }) {
  const start = now - rangeMs;
  const led = new Map();
  for (const { id, from, to } of reigns) {
    const ms = Math.max(0, (to ?? seenAt) - Math.max(from, start));
    if (ms > 0) led.set(id, (led.get(id) ?? 0) + ms);
  }
  const gaps = gapsOf(reigns, seenAt, vacantSince).filter(({ to }) => to > start);
  const items = [...led].sort((a, b) => b[1] - a[1]).slice(0, COLORS);
  const entries = items.map(([id, ms]) => ({
    key: `id ${id}`,
    id,
    name: seen(id),
    text: running(ms),
    swatch: `c${color(id)}`,
  }));
  const without = gaps.reduce((sum, { from, to }) => sum + to - Math.max(from, start), 0);
  if (without > 0)
    entries.push({ key: 'none', id: '', name: 'nobody', text: duration(without), swatch: 'none' });
  reconcile(byId('legend'), entries, {
    key: ({ key }) => key,
    create: () =>
      element(
        'li',
        {},
        element('span', { class: 'swatch' }),
        element('bdi'),
        element('span', { class: 'quiet' }),
      ),
    update: (node, { name, text, swatch }) => {
      const [mark, title, length] = node.children;
      setAttribute(mark, 'class', `swatch ${swatch}`);
      setText(title, name);
      setText(length, text);
    },
  });
}

function renderTakeovers({ takeovers, watchedSince }, now) {
  const latest = takeovers.slice(-SHOWN_TAKEOVERS).reverse();
  show(byId('takeovers-none'), latest.length === 0);
  setText(
    byId('takeovers-none'),
    watchedSince
      ? `None since ${clock(watchedSince, now)}, when this dashboard began to watch.`
      : '',
  );
  setText(
    byId('takeovers-count'),
    takeovers.length > SHOWN_TAKEOVERS ? `the last ${SHOWN_TAKEOVERS} of ${takeovers.length}` : '',
  );
  reconcile(byId('takeovers'), latest, {
    key: ({ term, at }) => `${term} ${at}`,
    create: () =>
      element(
        'li',
        {},
        element('time', { class: 'at' }),
        element(
          'span',
          { class: 'who' },
          element('bdi'),
          element('span', { class: 'quiet arrow' }, ' → '),
          element('bdi'),
        ),
        element('strong', { class: 'gap' }),
        element('span', { class: 'quiet how small' }),
      ),
    update: (node, { at, from, to, ms, after }) => {
      const [time, who, gap, how] = node.children;
      setTime(time, at, clock(at, now));
      setText(who.children[0], from === null ? 'unknown' : seen(from));
      setText(who.children[2], seen(to));
      setText(gap, ms === null ? 'not seen' : duration(ms));
      setText(how, `${HOW[after ?? 'unseen']}, ${ago(now - at)}`);
    },
  });
}

const HOW = {
  handover: 'handed over',
  silence: 'fell silent',
  unseen: 'while Redis was out of reach',
};

/** An instance keeps its color as long as its kind is shown. */
export function colorOf(kind) {
  if (colors.kind !== kind) colors = { kind, byId: new Map() };
  return (id) => {
    if (!colors.byId.has(id)) colors.byId.set(id, colors.byId.size % COLORS);
    return colors.byId.get(id);
  };
}
