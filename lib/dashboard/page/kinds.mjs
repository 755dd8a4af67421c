// The list of kinds: what needs a look first, each a link to all that is known of it.

import { byId, element, reconcile, setAttribute, setText, show } from './dom.mjs';
import { RANK, stateWord } from './states.mjs';
import { briefly, clock, count, duration, kindName, rate, running, seen } from './text.mjs';

const order = new Intl.Collator(undefined, { numeric: true });

/** @param {any[]} kinds */
export function sorted(kinds) {
  return [...kinds].sort((a, b) => RANK[a.state] - RANK[b.state] || order.compare(a.name, b.name));
}

export const addressOf = (kind) => `#kind/${encodeURIComponent(kind)}`;

/** @param {{ kinds: any[], chosen: string | null, now: number, isStale: boolean }} view `kinds`: in their order */
export function renderKinds({ kinds, chosen, now, isStale }) {
  const wanted = byId('search').value.trim().toLowerCase();
  const found = wanted ? kinds.filter((kind) => matches(kind, wanted)) : kinds;
  show(byId('found'), wanted !== '');
  if (wanted) {
    setText(
      byId('found'),
      `${found.length ? found.length : 'None'} of ${count(kinds.length, 'kind')}`,
    );
  }
  reconcile(byId('kinds'), found, {
    key: ({ name }) => name,
    create,
    update: (node, kind) => update(node, kind, { isChosen: kind.name === chosen, now, isStale }),
  });
}

function matches({ name, leader }, wanted) {
  return name.toLowerCase().includes(wanted) || Boolean(leader?.toLowerCase().includes(wanted));
}

function create(kind) {
  const parts = {
    name: element('bdi', { class: 'name' }),
    rate: element('span', { class: 'quiet rate' }),
    leader: element('bdi', { class: 'who' }),
    since: element('span', { class: 'quiet for' }),
    takeover: element('span', { class: 'quiet last' }),
    state: element('span', { class: 'hidden' }),
  };
  const link = element(
    'a',
    { href: addressOf(kind.name), class: 'kind' },
    element('span', { class: 'dot' }),
    parts.name,
    parts.state,
    parts.rate,
    element('span', { class: 'line' }, parts.leader, parts.since),
    parts.takeover,
  );
  const node = element('li', {}, link);
  Object.assign(node, { parts, link });
  return node;
}

function update(node, kind, { isChosen, now, isStale }) {
  const { parts, link } = node;
  const isLost = kind.blindSince !== null;
  setAttribute(link, 'data-state', isLost ? 'unseen' : kind.state);
  setAttribute(link, 'aria-current', isChosen ? 'true' : null);
  setText(parts.name, kindName(kind.name));
  setAttribute(parts.name, 'title', kind.name.length > 24 ? seen(kind.name) : null);
  setText(parts.state, `: ${stateWord(kind.state, isStale || isLost)}. `);
  setText(parts.rate, kind.rate > 0 ? rate(kind.rate) : '');
  setText(parts.leader, who(kind));
  setText(parts.since, lasting(kind, now));
  setText(parts.takeover, kind.last ? takeover(kind.last, now) : '');
}

function takeover({ at, ms }, now) {
  const gap = ms === null ? '' : `${duration(ms)}, `;
  return `takeover: ${gap}${briefly(now - at)}`;
}

function who({ state, leader }) {
  if (state === 'vacant') return 'Nobody leads';
  if (state === 'idle') return 'Not running';
  return seen(leader ?? '');
}

function lasting({ state, since, blindSince }, now) {
  if (blindSince !== null) return `last seen ${clock(blindSince, now)}`;
  if (since === null) return '';
  if (state === 'vacant') return `for ${duration(now - since)}`;
  if (state === 'silent') return `silent for ${duration(now - since)}`;
  return `for ${running(now - since)}`;
}
