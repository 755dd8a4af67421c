// The line that answers first: is everything led, and if not, what is not.

import { byId, setAttribute, setText, show } from './dom.mjs';
import { count, duration, grouped, kindName, lately, rate } from './text.mjs';

/** @param {{ kinds: any[], now: number, isReady: boolean, isStale: boolean, watchedSince: number | null }} view */
export function renderSummary({ kinds, now, isReady, isStale, watchedSince }) {
  const verdict = byId('verdict');
  const { text, state } = isReady ? judged(kinds, now, isStale) : waiting(isStale);
  setText(verdict, text);
  setAttribute(verdict, 'data-state', state);
  show(byId('figures'), isReady && kinds.length > 0);
  if (!isReady || !kinds.length) return;

  const sum = (figure) => kinds.reduce((total, kind) => total + figure(kind), 0);
  setText(byId('figure-kinds'), grouped(kinds.length));
  setText(byId('figure-instances'), grouped(sum(({ instances }) => instances)));
  setText(byId('figure-messages'), isStale ? '–' : rate(sum((kind) => kind.rate)));
  setText(byId('figure-hour'), `Takeovers ${lately(now, watchedSince)}`);
  setText(byId('figure-takeovers'), grouped(sum(({ hour }) => hour.count)));
  const longest = Math.max(...kinds.map(({ hour }) => hour.longest));
  setText(byId('figure-longest'), longest > 0 ? duration(longest) : '–');
}

function waiting(isStale) {
  return isStale
    ? { text: 'Nothing is known of this server yet', state: 'stale' }
    : { text: 'Looking at the server …', state: 'loading' };
}

function judged(kinds, now, isStale) {
  if (kinds.length === 0) return { text: 'Nothing to watch yet', state: 'idle' };
  if (isStale) return { text: `Last known: ${worst(kinds, now, isStale).text}`, state: 'stale' };
  return worst(kinds, now, isStale);
}

function worst(kinds, now, isStale) {
  const of = (state) =>
    kinds.filter((kind) => kind.state === state && (isStale || kind.blindSince === null));
  const unseen = isStale ? 0 : kinds.filter(({ blindSince }) => blindSince !== null).length;
  const [vacant, silent, idle, led] = [of('vacant'), of('silent'), of('idle'), of('led')];
  if (vacant.length === 1) {
    const [{ name, since }] = vacant;
    const lasting = since === null ? '' : ` for ${duration(now - since)}`;
    return { text: `Nobody leads ${kindName(name)}${lasting}`, state: 'vacant' };
  }
  if (vacant.length)
    return { text: `${count(vacant.length, 'kind has', 'kinds have')} no leader`, state: 'vacant' };
  if (silent.length === 1) {
    const [{ name, since }] = silent;
    const lasting = duration(now - since);
    return { text: `The leader of ${kindName(name)} is silent for ${lasting}`, state: 'silent' };
  }
  if (silent.length)
    return { text: `${count(silent.length, 'leader is', 'leaders are')} silent`, state: 'silent' };
  if (unseen) return { text: `${count(unseen, 'kind is', 'kinds are')} not seen`, state: 'stale' };
  if (of('unseen').length === kinds.length) return waiting(false);
  if (!led.length) return { text: 'Nothing is running', state: 'idle' };
  const rest = idle.length ? `; ${count(idle.length, 'kind')} not running` : '';
  if (led.length === 2) return { text: `Both kinds are led${rest}`, state: 'led' };
  if (led.length > 1)
    return { text: `All ${grouped(led.length)} kinds are led${rest}`, state: 'led' };
  return { text: `${kindName(led[0].name)} is led${rest}`, state: 'led' };
}
