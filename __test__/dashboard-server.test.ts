// The dashboard's server as browsers, other pages in them, and programs meet it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask } from './fixtures/dashboard-client.ts';
import { eventually } from './fixtures/eventually.ts';
import { startDashboard } from './fixtures/staged-dashboard.ts';
import { StagedObserver } from './fixtures/staged-observer.ts';

const token = 'a-token-of-a-test';

describe('the page', () => {
  test('is served with all that it needs, and may load nothing else', async (t) => {
    const { url } = await startDashboard(t, fleet());
    const { status, headers, text } = await ask(url, '/');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    const policy = headers['content-security-policy'] as string;
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    assert.doesNotMatch(text, /<script>|<style|style=|onclick|https?:/);
    const needed = [...text.matchAll(/(?:href|src)="([\w.]+)"/g)].map(([, name]) => name);
    assert.ok(needed.length > 5);
    for (const name of needed) assert.equal((await ask(url, `/${name}`)).status, 200, name);
  });

  test('is not sent again to a browser that has it', async (t) => {
    const { url } = await startDashboard(t, fleet());
    const { headers } = await ask(url, '/main.mjs');
    const again = await ask(url, '/main.mjs', { headers: { 'if-none-match': headers.etag! } });
    assert.deepEqual([again.status, again.text], [304, '']);
  });

  test('is small: all its files together have less than 100 kB', async (t) => {
    const { url } = await startDashboard(t, fleet());
    const { text } = await ask(url, '/');
    const names = ['', ...[...text.matchAll(/(?:href|src)="([\w.]+)"/g)].map(([, name]) => name)];
    const seen = new Set(names);
    let bytes = 0;
    for (const name of seen) {
      const file = await ask(url, `/${name}`);
      bytes += Buffer.byteLength(file.text);
      for (const [, next] of file.text.matchAll(/from '\.\/([\w.]+)'/g)) seen.add(next!);
    }
    assert.ok(seen.size > 15, [...seen].join());
    assert.ok(bytes < 100_000, `${bytes} bytes`);
  });

  for (const path of [
    '/../server.js',
    '/%2e%2e/server.js',
    '/..%2fserver.js',
    '//',
    '/http://127.0.0.1/',
    '/events/',
    '/constructor',
    '/%',
  ]) {
    test(`nothing but its files can be had: ${path}`, async (t) => {
      const { url } = await startDashboard(t, fleet());
      const { status, text } = await ask(url, path);
      assert.ok([400, 404].includes(status), `${status} ${text}`);
      assert.equal((await ask(url, '/')).status, 200);
    });
  }
});

describe('another page in the same browser', () => {
  test('that had its own name lead here (DNS rebinding) gets nothing', async (t) => {
    const { url, server } = await startDashboard(t, fleet(), { hosts: ['Dash.Example'] });
    const { port } = server.address();
    const told = async (host: string) =>
      (await ask(url, '/events?kind=orders', { method: 'HEAD', headers: { host } })).status;
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
    ]) {
      assert.ok([400, 421].includes(await told(host)), host);
    }
    for (const host of [
      '127.0.0.1',
      `127.0.0.1:${port}`,
      'LOCALHOST:9999',
      `[::1]:${port}`,
      'dash.example',
      'dash.example.:80',
    ]) {
      assert.equal(await told(host), 405, host);
    }
  });

  test('cannot hear the stream', async (t) => {
    const { url } = await startDashboard(t, fleet());
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site };
      assert.equal((await ask(url, '/events', { headers })).status, 403);
      assert.equal((await ask(url, '/register?kind=orders', { headers })).status, 403);
    }
  });

  test('cannot ask for a deed, even if it had the token', async (t) => {
    const observer = fleet();
    const { url } = await startDashboard(t, observer, { token });
    const right = rightHeaders(url);
    for (const wrong of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: '' },
      { origin: `http://localhost:${new URL(url).port}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'content-type': 'text/plain' },
    ]) {
      const { status } = await deed(url, 'reelect', { kind: 'orders' }, { ...right, ...wrong });
      assert.ok([403, 415].includes(status), `${JSON.stringify(wrong)}: ${status}`);
    }
    assert.deepEqual(observer.requests, []);
  });
});

describe('deeds', () => {
  test('are not to be had without --allow-actions', async (t) => {
    const { url, listen } = await startDashboard(t, fleet());
    const { status, json } = await deed(url, 'unlock', {}, rightHeaders(url));
    assert.equal(status, 403);
    assert.match(json.error, /--allow-actions/);
    const listener = listen();
    await eventually(() => listener.messages.length);
    assert.equal(listener.messages[0].full.hasActions, false);
  });

  test('need the token', async (t) => {
    const observer = fleet();
    const { url } = await startDashboard(t, observer, { token });
    for (const authorization of [
      '',
      'Bearer',
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      `Basic ${token}`,
      token,
    ]) {
      const headers = { ...rightHeaders(url), authorization };
      assert.equal((await deed(url, 'reelect', { kind: 'orders' }, headers)).status, 401);
    }
    assert.deepEqual(observer.requests, []);
    assert.equal((await deed(url, 'unlock', {}, rightHeaders(url))).status, 200);
  });

  test('are asked of the leader, and done when another term has begun', async (t) => {
    const observer = fleet();
    observer.obeys = (kind, { to = 'bert' }) => {
      const from = kind === 'orders' ? 'anna' : 'bert';
      observer.elected(kind, Date.now(), to, { after: 'handover', ms: 2, from });
      return 1;
    };
    const { url } = await startDashboard(t, observer, { token });
    const right = rightHeaders(url);
    const reelected = await deed(url, 'reelect', { kind: 'orders' }, right);
    assert.deepEqual([reelected.status, reelected.json], [200, { done: { leader: 'bert' } }]);
    const given = await deed(url, 'transfer', { kind: 'mails', to: 'anna' }, right);
    assert.deepEqual([given.status, given.json], [200, { done: { leader: 'anna' } }]);
    assert.deepEqual(observer.requests, [
      ['orders', { request: 'reelect' }],
      ['mails', { request: 'transfer', to: 'anna' }],
    ]);
  });

  for (const [situation, asked, words, receivers] of [
    ['a leader that takes no requests', { kind: 'orders' }, /acceptRequests/, 0],
    ['a leader that does not go', { kind: 'orders' }, /has not gone within 0\.05 s/, 1],
    ['an instance that is not there', { kind: 'orders', to: 'carl' }, /not there any more/, 1],
    ['the leader itself', { kind: 'orders', to: 'anna' }, /leads already/, 1],
    ['a kind that nobody leads', { kind: 'vacant' }, /nobody leads/, 1],
    ['a kind that is not there', { kind: 'unknown' }, /no kind "unknown"/, 1],
  ] as const) {
    test(`that fail say why: ${situation}`, async (t) => {
      const observer = fleet();
      observer.look('vacant', Date.now(), { instances: [{ id: 'anna' }] });
      observer.obeys = () => receivers;
      const { url } = await startDashboard(t, observer, { token, patienceMs: 50 });
      const name = 'to' in asked ? 'transfer' : 'reelect';
      const { status, json } = await deed(url, name, asked, rightHeaders(url));
      assert.equal(status, 409);
      assert.match(json.error, words);
    });
  }

  test('that are asked for wrongly are refused', async (t) => {
    const observer = fleet();
    const { url } = await startDashboard(t, observer, { token });
    const right = rightHeaders(url);
    assert.equal((await deed(url, 'reelect', {}, right)).status, 400);
    assert.equal((await deed(url, 'reelect', null, right)).status, 400);
    assert.equal((await deed(url, 'transfer', { kind: 'orders', to: 7 }, right)).status, 400);
    assert.equal((await deed(url, 'remove', { kind: 'orders' }, right)).status, 404);
    assert.equal((await deed(url, 'reelect', { kind: 'x'.repeat(9000) }, right)).status, 413);
    assert.deepEqual(observer.requests, []);
  });
});

describe('the stream', () => {
  test('begins with everything, and goes on with what has changed', async (t) => {
    const observer = fleet();
    const { listen } = await startDashboard(t, observer);
    const listener = listen('orders');
    await listener.until('orders', ({ leader }) => leader === 'anna');
    assert.equal(listener.kinds.size, 2);
    assert.equal(listener.chosen.instances.total, 2);
    observer.elected('orders', Date.now(), 'bert', { after: 'handover', ms: 3, from: 'anna' });
    await listener.until('orders', ({ leader }) => leader === 'bert');
    const last = listener.messages.at(-1);
    assert.equal(last.full, undefined);
    assert.deepEqual(
      last.kinds.map(({ name }: any) => name),
      ['orders'],
    );
    assert.deepEqual(listener.chosen.history.takeovers.at(-1).to, 'bert');
  });

  test('tells everything again when a kind appears or goes, and to whoever connects again', async (t) => {
    const observer = fleet();
    const { listen } = await startDashboard(t, observer);
    const listener = listen();
    await eventually(() => listener.kinds.size === 2);
    observer.look('reports', Date.now(), { leader: 'carl' });
    await listener.until('reports', ({ leader }) => leader === 'carl');
    observer.forget('orders');
    await eventually(() => !listener.kinds.has('orders'));
    assert.deepEqual(observer.watched.sort(), ['mails', 'reports']);
    const again = listen();
    await eventually(() => again.messages.length);
    assert.deepEqual([...again.kinds.keys()].sort(), ['mails', 'reports']);
  });

  test('a kind may have any name, the empty one as well', async (t) => {
    const observer = new StagedObserver();
    for (const name of ['', '__proto__', 'a&kind=b', '\u202e<img>', 'ä/\n']) {
      observer.look(name, Date.now(), { leader: `leads ${name}` });
    }
    const { listen } = await startDashboard(t, observer);
    for (const name of ['', '__proto__', 'a&kind=b', '\u202e<img>', 'ä/\n']) {
      const listener = listen(name);
      await listener.until(name, ({ leader }) => leader === `leads ${name}`);
      assert.equal(listener.chosen.name, name);
    }
  });

  test('says that Redis is lost, since when, and that it is back', async (t) => {
    const observer = fleet();
    const { listen } = await startDashboard(t, observer);
    const listener = listen();
    await listener.until('orders', () => true);
    const at = Date.now();
    observer.failure = new Error('nobody listens there');
    for (const kind of ['orders', 'mails']) {
      observer.tell(kind, { type: 'blind', at, reason: 'the connection broke', code: 'X' });
    }
    await eventually(() => listener.connection.state === 'blind');
    assert.deepEqual(listener.connection, {
      state: 'blind',
      since: at,
      reason: 'the connection broke',
    });
    assert.equal(listener.kinds.get('orders').leader, 'anna');
    observer.failure = undefined;
    for (const kind of ['orders', 'mails']) observer.look(kind, Date.now(), { leader: 'bert' });
    await eventually(() => listener.connection.state === 'live');
  });

  test('a browser that reads nothing costs no memory, and then gets the last state', async (t) => {
    const observer = new StagedObserver();
    const kinds = Array.from({ length: 3000 }, (_, index) => `kind-${index}-${'x'.repeat(100)}`);
    for (const kind of kinds) observer.look(kind, Date.now(), { leader: 'anna' });
    const { listen, server } = await startDashboard(t, observer);
    let slow: any;
    server.once('connection', (socket: any) => (slow = socket));
    const listener = listen();
    await eventually(() => listener.kinds.size === 3000);
    listener.pause();
    let told = 0;
    const tell = () => {
      told++;
      for (const kind of kinds) observer.traffic(kind, Date.now(), told);
    };
    // The system's own buffers take some, until what is written stays here.
    await eventually(
      () => {
        tell();
        return slow.writableLength > 0;
      },
      { every: 260, within: 60_000 },
    );
    const most = slow.writableLength;
    assert.ok(most < 5_000_000, `${most} bytes`);
    // Meanwhile another browser is told of everything.
    const other = listen();
    await eventually(
      () => {
        tell();
        return other.messages.length > 5;
      },
      { every: 100 },
    );
    observer.look(kinds[7]!, Date.now(), { leader: 'bert', instances: [{ id: 'bert' }] });
    assert.ok(slow.writableLength <= most, `${slow.writableLength} bytes instead of ${most}`);
    listener.resume();
    await listener.until(kinds[7]!, ({ leader }) => leader === 'bert');
    assert.equal(listener.kinds.get(kinds.at(-1)!).rate, told);
  });

  test('too many pages are refused, and their number falls when they are closed', async (t) => {
    const { url, listen } = await startDashboard(t, fleet());
    const listeners = Array.from({ length: 64 }, () => listen());
    await eventually(() => listeners.every(({ messages }) => messages.length));
    assert.equal((await ask(url, '/events')).status, 503);
    listeners[0]!.close();
    await eventually(() => {
      const next = listen();
      return eventually(() => next.messages.length, { within: 500 });
    });
  });
});

test('the register is read when it is asked for', async (t) => {
  const { url } = await startDashboard(t, fleet());
  const { json } = await ask(url, '/register?kind=orders');
  assert.deepEqual(json.register, { holder: 'orders:00000000deadbeef', term: '7' });
  assert.equal((await ask(url, '/register?kind=unknown')).status, 404);
  assert.equal((await ask(url, '/register')).status, 404);
});

function fleet() {
  const observer = new StagedObserver();
  const instances = [{ id: 'anna' }, { id: 'bert' }];
  observer.look('orders', Date.now(), { leader: 'anna', instances });
  observer.look('mails', Date.now(), { leader: 'bert', instances });
  return observer;
}

const rightHeaders = (url: string) => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  origin: new URL(url).origin,
  'sec-fetch-site': 'same-origin',
});

function deed(url: string, name: string, body: unknown, headers: Record<string, string>) {
  return ask(url, `/actions/${name}`, { method: 'POST', headers, body });
}
