// The register as it stands in Redis: read when it is looked at.

import { byId, element, setText } from './dom.mjs';
import { clock, seen } from './text.mjs';

const box = () => document.querySelector('details.register');

let kind;
let read;

export function startRegister() {
  box().addEventListener('toggle', () => {
    if (box().open) void look();
  });
  byId('register-again').addEventListener('click', () => void look());
}

/** The register that is open is always that of the kind that is shown. @param {string} name */
export function renderRegister(name) {
  if (name === kind) return;
  kind = name;
  byId('register').replaceChildren();
  setText(byId('register-at'), '');
  if (box().open) void look();
}

async function look() {
  const asked = kind;
  read = asked;
  let told;
  try {
    const answer = await fetch(`register?kind=${encodeURIComponent(asked)}`);
    told = await answer.json();
  } catch {
    told = { error: 'the dashboard does not answer' };
  }
  if (asked !== kind || read !== asked) return;
  const { register, problem, error, at } = told;
  const fields = register ? Object.entries(register) : [];
  byId('register').replaceChildren(
    ...fields.map(([name, value]) =>
      element(
        'div',
        {},
        element('dt', {}, seen(name)),
        element('dd', { class: 'mono' }, value === '' ? '–' : seen(String(value))),
      ),
    ),
  );
  const state = error ?? problem ?? (register ? '' : 'There is none.');
  setText(
    byId('register-at'),
    [state, at ? `Read at ${clock(at, at)}.` : ''].filter(Boolean).join(' '),
  );
}
