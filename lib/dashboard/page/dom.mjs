// The few ways in which this page changes its document. Nothing here reads text as HTML.

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/**
 * Sets the text only where it differs: what is read aloud, or selected, is left alone.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows it, or not. */
export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

export function setAttribute(node, name, value) {
  if (value === undefined || value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/**
 * An element with attributes and children.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes]
 * @param {(Node | string)[]} children
 */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same, of a drawing. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...children);
  return node;
}

/**
 * A point in time: for people as they read it, for machines and for the mouse in UTC.
 * @param {any} node a `time` element
 * @param {number} ms
 * @param {string} text
 */
export function setTime(node, ms, text) {
  setText(node, text);
  const iso = new Date(ms).toISOString();
  setAttribute(node, 'datetime', iso);
  setAttribute(node, 'title', `${iso.replace('T', ' ').replace('Z', '')} UTC`);
}

/**
 * Brings the children of `parent` into line with `items`, and keeps the nodes of those that stay: so the focus, the
 * selection and the scroll position stay as well.
 *
 * @template T
 * @param {any} parent
 * @param {T[]} items
 * @param {{ key: (item: T) => string, create: (item: T) => any, update: (node: any, item: T) => void }} how
 */
export function reconcile(parent, items, { key, create, update }) {
  const nodes = (parent.nodesByKey ??= new Map());
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const wanted = new Set(items.map(key));
  for (const [name, node] of nodes) {
    if (wanted.has(name)) continue;
    // Whoever is in it by keyboard goes on from here, and not from the top of the page.
    if (node.contains(focused)) {
      parent.tabIndex = -1;
      parent.focus({ preventScroll: true });
    }
    node.remove();
    nodes.delete(name);
  }
  let next = parent.firstChild;
  for (const item of items) {
    const name = key(item);
    let node = nodes.get(name);
    if (!node) {
      node = create(item);
      nodes.set(name, node);
    }
    update(node, item);
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
  // A node that is moved loses the focus.
  if (focused?.isConnected && document.activeElement !== focused)
    focused.focus({ preventScroll: true });
}
