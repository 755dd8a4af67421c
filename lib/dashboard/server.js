'use strict';

// The dashboard's server: a page, the stream that keeps it up to date, and, where they are allowed, two deeds.

const { readFileSync, readdirSync } = require('node:fs');
const { createHash } = require('node:crypto');
const { createServer } = require('node:http');
const path = require('node:path');
const { BrowserStream } = require('./browser-stream.js');
const {
  SAFE_HEADERS,
  isAllowedHost,
  isFromElsewhere,
  isFromThisPage,
  isToken,
} = require('./guards.js');

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const MOST_STREAMS = 64;
const MOST_BODY = 4096;

/**
 * @typedef {object} Dashboard
 * @property {import('./board.js').Board} board
 * @property {(kind: string) => Promise<any>} look reads the register of a kind
 * @property {null | { token: string, reelect(kind: string): Promise<any>, transfer(kind: string, to: string): Promise<any> }} actions
 * @property {string[]} [hosts] names under which the page may be asked for, beside addresses and localhost
 */

/** @param {Dashboard} dashboard */
function createDashboard({ board, look, actions, hosts = [] }) {
  const files = pageFiles();
  const allowed = new Set(hosts.map((host) => host.toLowerCase()));
  let streams = 0;

  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(SAFE_HEADERS)) response.setHeader(name, value);
    if (!isAllowedHost(request.headers.host, allowed)) {
      return refuse(
        response,
        421,
        'this name is not one of the dashboard: allow it with --allow-host',
      );
    }
    const url = addressOf(request);
    if (!url) return refuse(response, 400, 'this is not an address');
    if (request.method === 'POST') return void act(request, response, url.pathname);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD, POST');
      return refuse(response, 405, 'there is nothing to do so with');
    }
    const file = files.get(url.pathname);
    if (file) return sendFile(request, response, file);
    if (isFromElsewhere(request.headers)) return refuse(response, 403, 'only for the page itself');
    if (url.pathname === '/events') return stream(request, response, url.searchParams.get('kind'));
    if (url.pathname === '/register') return void register(response, url.searchParams.get('kind'));
    return refuse(response, 404, 'there is no such page');
  });
  // Beside the streams, the files of pages that are just being opened.
  server.maxConnections = 4 * MOST_STREAMS;

  function stream(request, response, kind) {
    if (streams >= MOST_STREAMS) return refuse(response, 503, 'too many pages are open');
    if (request.method === 'HEAD') return refuse(response, 405, 'a stream has no head');
    streams++;
    response.on('close', () => streams--);
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      // A proxy in between is not to collect what it hands on.
      'X-Accel-Buffering': 'no',
    });
    new BrowserStream(response, { board, kind, hasActions: actions !== null });
  }

  async function register(response, kind) {
    if (kind === null || !board.kind(kind)) return refuse(response, 404, 'there is no such kind');
    try {
      const { at, address, register, problem } = await look(kind);
      answer(response, 200, { at, address, register, problem });
    } catch (error) {
      refuse(response, 502, error.message);
    }
  }

  async function act(request, response, pathname) {
    if (!actions)
      return refuse(response, 403, 'this dashboard only shows: start it with --allow-actions');
    if (!isFromThisPage(request.headers))
      return refuse(response, 403, 'only the page itself may ask for this');
    if (!isToken(request.headers.authorization, actions.token)) {
      return refuse(response, 401, 'this is not the token that the command has printed');
    }
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
      return refuse(response, 415, 'a deed is asked for in JSON');
    }
    try {
      const asked = await bodyOf(request);
      const done = await deed(pathname, asked);
      if (done === undefined) return refuse(response, 404, 'there is no such deed');
      answer(response, 200, { done });
    } catch (error) {
      refuse(response, error.status ?? 409, error.message);
    }
  }

  async function deed(pathname, { kind, to }) {
    if (pathname === '/actions/unlock') return {};
    if (typeof kind !== 'string') throw failure(400, '"kind" must be a text');
    if (pathname === '/actions/reelect') return (await actions.reelect(kind)) ?? {};
    if (pathname !== '/actions/transfer') return undefined;
    if (typeof to !== 'string') throw failure(400, '"to" must be the id of an instance');
    return (await actions.transfer(kind, to)) ?? {};
  }

  return server;
}

/** The page's files, by their address. They are few and small, and nothing else of the disk can be asked for. */
function pageFiles() {
  const directory = path.join(__dirname, 'page');
  const files = new Map();
  for (const name of readdirSync(directory)) {
    const type = TYPES[path.extname(name)];
    if (!type) continue;
    const body = readFileSync(path.join(directory, name));
    const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    files.set(`/${name}`, { type, body, tag });
  }
  files.set('/', files.get('/index.html'));
  return files;
}

function addressOf({ url }) {
  try {
    return new URL(url, 'http://dashboard');
  } catch {
    return undefined;
  }
}

function sendFile(request, response, { type, body, tag }) {
  // The files are those of the version that runs now.
  response.setHeader('Cache-Control', 'no-cache');
  response.setHeader('ETag', tag);
  if (request.headers['if-none-match'] === tag) return response.writeHead(304).end();
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function refuse(response, status, error) {
  answer(response, status, { error });
}

function answer(response, status, body) {
  if (response.destroyed) return;
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}

async function bodyOf(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MOST_BODY) throw failure(413, 'this is too long');
  }
  try {
    const body = JSON.parse(text);
    if (body !== null && typeof body === 'object') return body;
  } catch {
    // Told below, together with JSON that is no object.
  }
  throw failure(400, 'this is not a JSON object');
}

function failure(status, message) {
  return Object.assign(new Error(message), { status });
}

module.exports = { createDashboard };
