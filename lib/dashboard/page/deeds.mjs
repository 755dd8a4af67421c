// What may be asked of a leader, where the server allows it: first the token, then a question that says what will happen.

import { announce } from './announcer.mjs';
import { byId, setText, show } from './dom.mjs';
import { kindName, seen } from './text.mjs';

// Only here, and gone when the page is left.
let token = null;
let isOffered = false;
/** What is done when the dialog is confirmed. */
let deed = async () => {};
let paint = () => {};

export const canAct = () => isOffered && token !== null;

/** @param {boolean} isAllowed */
export function offerActions(isAllowed) {
  isOffered = isAllowed;
  show(byId('lock'), isAllowed);
}

/** @param {() => void} paintAgain shows the page again */
export function initDeeds(paintAgain) {
  paint = paintAgain;
  byId('lock').addEventListener('click', () => (token === null ? unlock() : lock()));
  byId('reelect').addEventListener('click', ({ currentTarget }) => reelect(currentTarget.dataset));
  byId('ask-no').addEventListener('click', () => byId('ask').close());
  byId('ask-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void confirm();
  });
}

function unlock() {
  ask({
    title: 'Unlock actions',
    text: 'The command that serves this page has printed a token. It is kept until this page is closed.',
    yes: 'Unlock',
    needsToken: true,
    deed: async () => {
      const given = byId('ask-token').value.trim();
      await post('unlock', {}, given);
      token = given;
      setText(byId('lock'), 'Lock actions');
      announce('actions', 'Actions are unlocked.');
      paint();
    },
  });
}

function lock() {
  token = null;
  setText(byId('lock'), 'Actions …');
  announce('actions', 'Actions are locked.');
  paint();
}

function reelect({ kind, leader }) {
  ask({
    title: `A new election for ${kindName(kind)}?`,
    text: `${seen(leader)} gives the leadership up, once its work has settled, and another instance takes over. In between nobody leads, usually for some milliseconds.`,
    yes: 'Ask for it',
    deed: () => post('reelect', { kind }),
  });
}

/** Prepares the button of an instance. */
export function offerHandOver(button, kind, { id }) {
  button.onclick = () =>
    ask({
      title: `Hand ${kindName(kind.name)} over to ${seen(id)}?`,
      text: `${seen(kind.leader ?? '')} gives the leadership up, once its work has settled, and ${seen(id)} takes over. In between nobody leads, usually for some milliseconds.`,
      yes: 'Hand over',
      deed: () => post('transfer', { kind: kind.name, to: id }),
    });
  button.setAttribute('aria-label', `Hand over to ${seen(id)} …`);
}

function ask({ title, text, yes, needsToken = false, deed: wanted }) {
  deed = wanted;
  setText(byId('ask-title'), title);
  setText(byId('ask-text'), text);
  setText(byId('ask-yes'), yes);
  show(byId('ask-token-row'), needsToken);
  show(byId('ask-refused'), false);
  byId('ask-token').value = '';
  byId('ask-yes').disabled = false;
  byId('ask').showModal();
  (needsToken ? byId('ask-token') : byId('ask-no')).focus();
}

async function confirm() {
  const [asked, words] = [deed, byId('ask-yes').textContent];
  byId('ask-yes').disabled = true;
  setText(byId('ask-yes'), 'Asking …');
  show(byId('ask-refused'), false);
  try {
    await asked();
    if (deed === asked) byId('ask').close();
  } catch (error) {
    // Another question has taken its place meanwhile.
    if (deed !== asked) return;
    setText(byId('ask-refused'), `${error.message[0].toUpperCase()}${error.message.slice(1)}.`);
    show(byId('ask-refused'), true);
  }
  if (deed !== asked) return;
  setText(byId('ask-yes'), words);
  byId('ask-yes').disabled = false;
}

async function post(name, body, bearer = token) {
  let answer;
  try {
    answer = await fetch(`actions/${name}`, {
      method: 'POST',
      // A header takes only Latin letters; a token has no others, but what is pasted may.
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${encodeURIComponent(bearer)}`,
      },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error('the dashboard does not answer');
  }
  const { error } = await answer.json();
  if (error) throw new Error(error);
}
