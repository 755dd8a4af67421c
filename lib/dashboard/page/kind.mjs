// Everything of the kind that is chosen.

import { canAct, offerHandOver } from './deeds.mjs';
import { byId, element, reconcile, setAttribute, setText, setTime, show } from './dom.mjs';
import { renderInstances } from './instances.mjs';
import { startRegister, renderRegister } from './register.mjs';
import { drawSparkline } from './sparkline.mjs';
import { stateWord } from './states.mjs';
import { ago, clock, count, duration, kindName, rate, running, seen } from './text.mjs';
import { RANGES, drawTimeline, gapsOf } from './timeline.mjs';

const COLORS = 8;
const SHOWN_TAKEOVERS = 50;

let range;
let colors = { kind: null, byId: new Map() };

/** @param {() => void} paint shows it again */
export function startKind(paint) {
  for (const { label, ms } of RANGES) {
    const input = element('input', { type: 'radio', name: 'range', value: ms });
    input.addEventListener('change', () => {
      range = ms;
      paint();
    });
    byId('ranges').append(element('label', {}, input, element('span', {}, label)));
  }
  startRegister();
}

/**
 * @param {{ kind: any, name: string, parts: any, now: number, seenAt: number, isStale: boolean }} view `kind`: undefined where
 *   there is none of that name; `seenAt`: the time up to which all is known
 */
export function renderKind({ kind, name, parts, now, seenAt, isStale }) {
  setText(byId('kind-name'), kindName(name));
  for (const part of document.querySelectorAll('#kind > .card:not(.hero), .facts'))
    show(part, Boolean(kind));
  renderRegister(name);
  if (!kind) {
    setAttribute(byId('hero'), 'data-state', 'idle');
    setText(byId('kind-state'), 'Unknown');
    setText(byId('leader'), 'There is no such kind on this server');
    setText(byId('since'), 'It appears here as soon as its first candidate starts.');
    show(byId('deeds'), false);
    return;
  }
  const isOld = isStale || kind.blindSince !== null;
  const { history, instances, pulse } = parts;
  renderHero(kind, history, instances, seenAt, isOld);
  renderFacts(kind, history, pulse, seenAt, isOld);
  if (history) renderTimeline(name, history, now, seenAt);
  if (history) renderTakeovers(history, seenAt);
  if (instances)
    renderInstances({
      kind,
      instances,
      now: seenAt,
      colorOf: colorOf(name),
      hasLed: new Set(history?.reigns.map(({ id }) => id)),
      offerHandOver,
    });
}

function renderHero(kind, history, instances, now, isOld) {
  setAttribute(byId('hero'), 'data-state', isOld ? 'stale' : kind.state);
  setText(byId('kind-state'), stateWord(kind.state, isOld));
  const leader = byId('leader');
  reconcile(leader, said(kind, isOld), {
    key: ({ tag, part }) => `${tag} ${part}`,
    create: ({ tag }) => element(tag),
    update: (node, { text }) => setText(node, text),
  });
  setText(byId('since'), sinceWords(kind, history, instances, now));
  show(byId('deeds'), canAct() && kind.leader !== null && kind.state !== 'idle');
  byId('reelect').dataset.kind = kind.name;
  byId('reelect').dataset.leader = kind.leader ?? '';
}

/** The sentence that matters most. A name that others have chosen stands by itself. */
function said({ state, leader }, isOld) {
  const name = { tag: 'bdi', part: 'name', text: seen(leader ?? '') };
  const rest = (text) => ({ tag: 'span', part: 'rest', text });
  if (state === 'led') return [name, rest(isOld ? ' led when last seen' : ' leads')];
  if (state === 'silent') return [name, rest(isOld ? ' was silent when last seen' : ' is silent')];
  if (state === 'vacant') return [rest(isOld ? 'Nobody led when last seen' : 'Nobody leads')];
  if (state === 'idle') return [rest('Not running')];
  return [rest('Looking …')];
}

function sinceWords({ state, since, blindSince }, history, instances, now) {
  const last = history?.reigns.at(-1);
  const sight =
    blindSince === null
      ? ''
      : ` Not seen since ${clock(blindSince, now)}: ${history?.lostSight?.reason ?? ''}`;
  if (since === null) {
    if (state === 'idle') return `No instance is there, and nobody leads.${sight}`;
    return sight.trim();
  }
  const at = clock(since, now);
  if (state === 'led') return `since ${at}, for ${running(now - since)}.${sight}`;
  if (state === 'silent')
    return `It was last heard at ${at}, ${duration(now - since)} ago.${sight}`;
  if (state === 'idle')
    return `No instance is there. ${last ? `${seen(last.id)} led until ${at}.` : ''}${sight}`;
  const none = instances?.total && instances.list.every(({ eligible }) => !eligible);
  const why = none ? ' None of its instances may lead (eligible: false).' : '';
  return `since ${at}, for ${duration(now - since)}.${last ? ` ${seen(last.id)} led before.` : ''}${why}${sight}`;
}

function renderFacts({ last, hour, rate: perSecond, term }, history, pulse, now, isOld) {
  setText(byId('takeover-ago'), last ? ago(now - last.at) : 'None seen');
  setText(
    byId('takeover-gap'),
    last
      ? `nobody led for ${last.ms === null ? 'a time unknown' : duration(last.ms)}`
      : watchedWords(history, now),
  );
  setText(byId('gap-sum'), hour.without > 0 ? duration(hour.without) : '0 s');
  setText(
    byId('gap-of'),
    `in the last hour${hour.count ? `, ${count(hour.count, 'takeover')}` : ''}`,
  );
  setText(byId('rate'), isOld ? '–' : rate(perSecond));
  setText(byId('term'), term === null ? '–' : String(term));
  setText(byId('lease'), pulse?.leaseMs ? `lease ${duration(pulse.leaseMs)}` : '');
  if (pulse) drawSparkline(byId('spark'), byId('spark-title'), pulse, now);
}

function watchedWords(history, now) {
  return history?.watchedSince ? `watched for ${running(now - history.watchedSince)}` : '';
}

function renderTimeline(name, history, now, seenAt) {
  const { reigns, watchedSince, blind } = history;
  const box = byId('timeline');
  const ranges = byId('ranges');
  const rangeMs = range ?? fitting(history, now);
  for (const input of ranges.querySelectorAll('input'))
    input.checked = Number(input.value) === rangeMs;
  const color = colorOf(name);
  for (const { id } of reigns) color(id);
  const width = Math.max(240, box.clientWidth);
  // What is not seen any more is hatched up to now.
  const hidden =
    seenAt < now && blind.at(-1)?.to !== null ? [...blind, { from: seenAt, to: null }] : blind;
  box.replaceChildren(
    drawTimeline({
      reigns,
      watchedSince: watchedSince ?? now,
      blind: hidden,
      colorOf: color,
      rangeMs,
      now,
      width,
    }),
  );
  renderLegend(reigns, rangeMs, now, seenAt, color);
}

/** The shortest that shows all that was watched, so that there is something to see at once. */
function fitting({ watchedSince }, now) {
  const span = now - (watchedSince ?? now);
  return (RANGES.find(({ ms }) => span <= ms) ?? RANGES[RANGES.length - 1]).ms;
}

function renderLegend(reigns, rangeMs, now, seenAt, color) {
  const start = now - rangeMs;
  const led = new Map();
  for (const { id, from, to } of reigns) {
    const ms = Math.max(0, (to ?? seenAt) - Math.max(from, start));
    if (ms > 0) led.set(id, (led.get(id) ?? 0) + ms);
  }
  const gaps = gapsOf(reigns, seenAt).filter(({ to }) => to > start);
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
function colorOf(kind) {
  if (colors.kind !== kind) colors = { kind, byId: new Map() };
  return (id) => {
    if (!colors.byId.has(id)) colors.byId.set(id, colors.byId.size % COLORS);
    return colors.byId.get(id);
  };
}
