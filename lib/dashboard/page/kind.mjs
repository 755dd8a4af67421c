// Everything of the kind that is chosen.

import { canAct, offerHandOver } from './deeds.mjs';
import { byId, element, reconcile, setAttribute, setText, show } from './dom.mjs';
import { colorOf, renderHistory, startHistory } from './history.mjs';
import { renderInstances } from './instances.mjs';
import { startRegister, renderRegister } from './register.mjs';
import { drawSparkline } from './sparkline.mjs';
import { stateWord } from './states.mjs';
import { briefly, clock, count, duration, kindName, lately, rate, running, seen } from './text.mjs';

/** @param {() => void} paint shows it again */
export function startKind(paint) {
  startHistory(paint);
  startRegister();
}

/**
 * @param {{ kind: any, name: string, parts: any, now: number, seenAt: number, isStale: boolean }} view `kind`: undefined where
 *   there is none of that name; `seenAt`: the time up to which all is known
 */
export function renderKind({ kind, name, parts, now, seenAt, isStale }) {
  setText(byId('kind-name'), kindName(name));
  for (const part of document.querySelectorAll('#kind > .card:not(.hero), .facts'))
    show(part, Boolean(kind && parts.history));
  renderRegister(name);
  if (!kind) {
    setAttribute(byId('hero'), 'data-state', 'idle');
    setText(byId('kind-state'), 'Unknown');
    say([{ tag: 'span', part: 'rest', text: 'There is no such kind on this server' }]);
    setText(byId('since'), 'It appears here as soon as its first candidate starts.');
    show(byId('deeds'), false);
    show(byId('note'), false);
    return;
  }
  const isOld = isStale || kind.blindSince !== null;
  const { history, instances, pulse } = parts;
  renderHero(kind, history, instances, seenAt, isOld);
  renderFacts(kind, history, pulse, seenAt, isOld);
  const color = colorOf(name);
  if (history) renderHistory({ history, color, now, seenAt });
  if (instances)
    renderInstances({
      kind,
      instances,
      now: seenAt,
      colorOf: color,
      isOld,
      hasLed: new Set(history?.reigns.map(({ id }) => id)),
      offerHandOver,
    });
}

function renderHero(kind, history, instances, now, isOld) {
  setAttribute(byId('hero'), 'data-state', isOld ? 'stale' : kind.state);
  setText(byId('kind-state'), stateWord(kind.state, isOld));
  say(said(kind, isOld));
  setText(byId('since'), sinceWords(kind, history, instances, now));
  const note = noteOf(history);
  show(byId('note'), note !== '');
  setText(byId('note'), note);
  show(byId('deeds'), canAct() && !isOld && kind.state === 'led');
  byId('reelect').dataset.kind = kind.name;
  byId('reelect').dataset.leader = kind.leader ?? '';
}

/** What may keep this page from showing all. */
function noteOf(history) {
  const notes = [
    history?.problem,
    history?.limited && `Not all is seen: ${history.limited.reason}`,
  ];
  return notes
    .filter(Boolean)
    .map((note) => seen(note).replace(/[^.]$/, '$&.'))
    .join(' ');
}

function say(parts) {
  reconcile(byId('leader'), parts, {
    key: ({ part }) => part,
    create: ({ tag }) => element(tag),
    update: (node, { text }) => setText(node, text),
  });
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
  if (state === 'idle') {
    const end = history?.silentSince ? 'fell silent at' : 'led until';
    return `No instance is there. ${last ? `${seen(last.id)} ${end} ${at}.` : ''}${sight}`;
  }
  const none = instances?.total && instances.list.every(({ eligible }) => !eligible);
  const why = none ? ' None of its instances may lead (eligible: false).' : '';
  return `since ${at}, for ${duration(now - since)}.${last ? ` ${seen(last.id)} led before.` : ''}${why}${sight}`;
}

function renderFacts({ last, hour, rate: perSecond, term }, history, pulse, now, isOld) {
  setText(byId('takeover-ago'), last ? briefly(now - last.at) : 'None seen');
  setText(
    byId('takeover-gap'),
    last
      ? `nobody led for ${last.ms === null ? 'a time unknown' : duration(last.ms)}`
      : watchedWords(history, now),
  );
  setText(byId('gap-sum'), hour.without > 0 ? duration(hour.without) : '0 s');
  setText(
    byId('gap-of'),
    `${lately(now, history?.watchedSince)}${hour.count ? `, ${count(hour.count, 'takeover')}` : ''}`,
  );
  setText(byId('rate'), isOld ? '–' : rate(perSecond));
  setText(byId('term'), term === null ? '–' : String(term));
  setText(byId('lease'), pulse?.leaseMs ? `lease ${duration(pulse.leaseMs)}` : '');
  if (pulse) drawSparkline(byId('spark'), byId('spark-title'), pulse, now);
}

function watchedWords(history, now) {
  return history?.watchedSince ? `watched for ${running(now - history.watchedSince)}` : '';
}
