// The instances of a kind: who they are, what they say of themselves, since when they are there.

import { canAct } from './deeds.mjs';
import { byId, element, reconcile, setAttribute, setText, show } from './dom.mjs';
import { clock, count, running, seen } from './text.mjs';

// More of an object is shown when it is opened.
const MOST_PAIRS = 6;
const MOST_TEXT = 48;

/** @param {{ kind: any, instances: any, now: number, colorOf: (id: string) => number, hasLed: Set<string>, isOld: boolean, offerHandOver: (node: any, kind: any, instance: any) => void }} view */
export function renderInstances({ kind, instances, now, colorOf, hasLed, isOld, offerHandOver }) {
  const { list, total, heir } = instances;
  show(byId('instances-none'), total === 0);
  setText(
    byId('instances-count'),
    total > list.length
      ? `${list.length} of ${count(total, 'instance')}`
      : total
        ? String(total)
        : '',
  );
  reconcile(byId('instances'), list, {
    key: ({ id }) => id,
    create,
    update: (node, instance) =>
      update(node, instance, { kind, now, heir, colorOf, hasLed, isOld, offerHandOver }),
  });
}

function create() {
  const parts = {
    swatch: element('span', { class: 'swatch' }),
    id: element('bdi', { class: 'mono id' }),
    badges: element('span', { class: 'badges' }),
    meta: element('div', { class: 'meta' }),
    age: element('span', { class: 'quiet small age' }),
    hand: element('button', { type: 'button', class: 'plain small' }, 'Hand over …'),
  };
  const node = element(
    'li',
    {},
    element('p', { class: 'line' }, parts.swatch, parts.id, parts.badges),
    parts.meta,
    parts.age,
    parts.hand,
  );
  node.parts = parts;
  return node;
}

function update(node, instance, { kind, now, heir, colorOf, hasLed, isOld, offerHandOver }) {
  const { parts } = node;
  const { id, isLeader, eligible, priority, joinedAt } = instance;
  // Only who has led has a color: then the timeline shows it.
  setAttribute(parts.swatch, 'class', hasLed.has(id) ? `swatch c${colorOf(id)}` : 'swatch');
  setText(parts.id, seen(id));
  const badges = [
    isLeader && 'leads',
    heir === id && 'takes over next',
    eligible === false && 'never leads',
    priority ? `priority ${priority}` : false,
  ].filter(Boolean);
  reconcile(parts.badges, badges, {
    key: (badge) => badge,
    create: (badge) =>
      element('span', { class: badge === 'leads' ? 'badge leads' : 'badge' }, badge),
    update: () => {},
  });
  setText(parts.age, joinedAt === null ? '' : `here for ${running(now - joinedAt)}`);
  setAttribute(parts.age, 'title', joinedAt === null ? null : `since ${clock(joinedAt, now)}`);
  renderMeta(parts.meta, instance);
  show(parts.hand, canAct() && !isOld && !isLeader && eligible !== false && kind.state === 'led');
  offerHandOver(parts.hand, kind, instance);
}

/** Only when it has changed: what is opened stays open. */
function renderMeta(node, { meta, metaText, metaLength }) {
  const text = metaText ?? JSON.stringify(meta);
  if (node.rendered === text) return;
  node.rendered = text;
  node.replaceChildren(
    ...(metaText === undefined
      ? described(meta)
      : [
          opened(`${metaText} …`, `the first ${metaText.length} of ${count(metaLength, 'letter')}`),
        ]),
  );
}

function described(meta) {
  if (meta === '' || meta === null || meta === undefined) return [];
  if (typeof meta !== 'object' || Array.isArray(meta)) {
    const text = typeof meta === 'string' ? meta : JSON.stringify(meta);
    return text.length > 2 * MOST_TEXT
      ? [opened(text, 'meta')]
      : [element('bdi', { class: 'small' }, seen(text))];
  }
  const pairs = Object.entries(meta);
  const isPlain = ([, value]) => value === null || typeof value !== 'object';
  const shown = pairs.filter(isPlain).slice(0, MOST_PAIRS);
  const isWhole =
    shown.length === pairs.length && pairs.every(([, value]) => String(value).length <= MOST_TEXT);
  const list = element('dl', { class: 'pairs small' });
  for (const [name, value] of shown) {
    const text = seen(String(value));
    list.append(
      element(
        'div',
        {},
        element('dt', {}, seen(name)),
        element('dd', {}, text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text),
      ),
    );
  }
  const all = isWhole ? [] : [opened(JSON.stringify(meta, null, 2), 'all of its meta')];
  return [...(shown.length ? [list] : []), ...all];
}

function opened(text, title) {
  const lines = text.split('\n').map(seen).join('\n');
  return element(
    'details',
    { class: 'small' },
    element('summary', {}, title),
    element('pre', { tabindex: 0 }, lines),
  );
}
