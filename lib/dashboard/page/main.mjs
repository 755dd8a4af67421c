// The page: hears the stream, keeps what it tells, and shows it once a frame, and its times once a second.

import { announce } from './announcer.mjs';
import { initDeeds, offerActions } from './deeds.mjs';
import { byId, setAttribute, setText, show } from './dom.mjs';
import { renderKind, startKind } from './kind.mjs';
import { renderKinds, sorted } from './kinds.mjs';
import { newsOf } from './states.mjs';
import { Stream } from './stream.mjs';
import { renderSummary } from './summary.mjs';
import { clock, duration, kindName } from './text.mjs';

const BEAT_MS = 1000;

const state = {
  server: '',
  connection: { state: 'starting' },
  isLinked: false,
  /** Since when this page hears nothing, by the server's time. */
  unheardSince: null,
  /** How much the server's clock is ahead of ours. */
  clockOffset: 0,
  /** @type {Map<string, any>} */
  kinds: new Map(),
  /** Which kind the address names; null: none, so the first is shown where there is room. */
  named: null,
  chosen: null,
  chosenParts: {},
  isLoaded: false,
  /** Since when the dashboard looks at this server. */
  watchedSince: null,
};

/** The next time that the page is shown anew, if there is something to show. */
let frame;

const stream = new Stream({ onData: take, onLink: link });
const now = () => Date.now() + state.clockOffset;

start();

function start() {
  readAddress();
  window.addEventListener('hashchange', () => {
    readAddress();
    choose(state.named ?? state.chosen);
    paint();
    enter();
  });
  byId('search').addEventListener('input', paint);
  byId('skip').addEventListener('click', (event) => {
    // The address stays: it names the kind.
    event.preventDefault();
    byId('kind').focus();
  });
  initDeeds(paint);
  startKind(paint);
  state.chosen = state.named;
  stream.open(state.chosen);
  setInterval(paint, BEAT_MS);
  document.addEventListener('visibilitychange', paint);
  window.addEventListener('resize', paint);
  paint();
}

function readAddress() {
  const [, name] = /^#kind\/(.*)$/.exec(location.hash) ?? [];
  try {
    state.named = name === undefined ? null : decodeURIComponent(name);
  } catch {
    state.named = null;
  }
  document.body.dataset.view = state.named === null ? 'kinds' : 'kind';
}

/** Where only one of both is shown, the view has changed as a whole: the keyboard goes along. */
function enter() {
  if (matchMedia('(min-width: 60rem)').matches) return;
  if (state.named === null) byId('search').focus({ preventScroll: true });
  else byId('kind').focus({ preventScroll: true });
  scrollTo(0, 0);
}

function choose(name) {
  if (name === state.chosen) return;
  state.chosen = name;
  state.chosenParts = {};
  entitle();
  stream.open(name);
}

function take(message) {
  state.clockOffset = message.now - Date.now();
  state.connection = message.connection;
  state.watchedSince = message.watchedSince;
  if (message.full) {
    Object.assign(state, { server: message.full.server, isLoaded: true });
    offerActions(message.full.hasActions);
    const names = new Set(message.kinds.map(({ name }) => name));
    for (const name of state.kinds.keys()) if (!names.has(name)) state.kinds.delete(name);
    state.chosenParts = {};
  }
  for (const kind of message.kinds) {
    const news = newsOf(state.kinds.get(kind.name), kind);
    if (news) announce(`kind ${kind.name}`, news);
    state.kinds.set(kind.name, kind);
  }
  if (message.chosen?.name === state.chosen) Object.assign(state.chosenParts, message.chosen);
  entitle();
  paint();
}

/** Also of a page in the background, where somebody watches the titles alone. */
function entitle() {
  const kinds = [...state.kinds.values()];
  const without = kinds.filter((kind) => kind.state === 'vacant').length;
  const name = state.chosen === null ? '' : `${kindName(state.chosen)} · `;
  const title = `${without ? `(${without} without a leader) ` : ''}${name}Incumbent`;
  if (document.title !== title) document.title = title;
}

function link(isUp) {
  if (isUp === state.isLinked) return;
  state.isLinked = isUp;
  if (isUp) state.unheardSince = null;
  // While the page is being opened, nothing was lost.
  else if (state.isLoaded) state.unheardSince = now();
  paint();
}

function paint() {
  if (document.hidden) return;
  frame ??= requestAnimationFrame(() => {
    frame = undefined;
    render();
  });
}

function render() {
  const staleSince =
    state.unheardSince ?? (state.connection.state === 'blind' ? state.connection.since : null);
  // What is not seen does not grow older: it is told as it was.
  const seenAt = staleSince ?? now();
  renderLink(staleSince);
  const isReady = state.isLoaded && (state.connection.state !== 'starting' || state.kinds.size > 0);
  const kinds = sorted([...state.kinds.values()]);
  const isKnown = isReady && !(kinds.length === 0 && staleSince !== null);
  show(byId('empty'), isKnown && kinds.length === 0);
  show(byId('columns'), kinds.length > 0);
  show(byId('skip'), kinds.length > 0);
  setText(byId('example'), example());
  renderSummary({
    kinds,
    now: seenAt,
    isReady: isKnown,
    isStale: staleSince !== null,
    watchedSince: state.watchedSince,
  });
  if (!kinds.length) return;

  const shown = state.named ?? (state.kinds.has(state.chosen) ? state.chosen : kinds[0].name);
  if (shown !== state.chosen) choose(shown);
  renderKinds({ kinds, chosen: shown, now: seenAt, isStale: staleSince !== null });
  renderKind({
    kind: state.kinds.get(shown),
    name: shown,
    parts: state.chosenParts,
    now: now(),
    seenAt,
    isStale: staleSince !== null,
  });
}

function renderLink(staleSince) {
  const { connection, unheardSince, isLoaded } = state;
  const link = byId('link');
  const banner = byId('banner');
  setText(byId('server'), state.server ? ` on ${state.server}` : '');
  const words = { live: 'Live', blind: 'Redis lost', starting: 'Connecting' };
  const isLost = unheardSince !== null;
  setAttribute(link, 'data-state', isLost ? 'lost' : isLoaded ? connection.state : 'loading');
  setText(
    byId('link-text'),
    isLost ? 'Dashboard lost' : isLoaded ? words[connection.state] : 'Connecting',
  );
  setAttribute(document.body, 'data-stale', staleSince === null ? null : 'true');
  show(banner, staleSince !== null);
  if (staleSince === null) return;
  const at = clock(staleSince, now());
  const since = `since ${at}`;
  // Without the running time, so that it is not read aloud every second.
  const old = state.kinds.size ? ' What is shown is what was known then.' : '';
  setText(
    banner,
    isLost
      ? `The dashboard has not been heard ${since}. Is the command still running?${old}`
      : `Redis cannot be seen ${since}: ${connection.reason}.${old}`.replace(/\.\.( |$)/, '.$1'),
  );
  setAttribute(banner, 'title', `for ${duration(now() - staleSince)}`);
}

function example() {
  const server = /^[\w.:-]+$/.test(state.server) ? state.server : 'localhost:6379';
  return `npm install incumbent\nnode -e "new (require('incumbent').Candidate)({ redis: 'redis://${server}', kind: 'orders' }).start()"`;
}
