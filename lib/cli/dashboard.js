'use strict';

const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { isIP } = require('node:net');
const { InvalidArgumentError } = require('commander');
const { IncumbentError } = require('../errors.js');
const { Board } = require('../dashboard/board.js');
const { deedsOf } = require('../dashboard/deeds.js');
const { createDashboard } = require('../dashboard/server.js');
const { observing } = require('./observing.js');
const { SERVER_HELP, addServerOptions } = require('./server-options.js');

const USUAL_PORT = 4240;

/** `incumbent dashboard`: a page that shows the kinds of a server, live. */
function addDashboard(program) {
  addServerOptions(program.command('dashboard'))
    .description('serves a page that shows the kinds on a server as they are, live')
    .option('--kind <kind...>', 'only these kinds; without it, the server is searched for all')
    .option('--port <port>', `where the page is served; ${USUAL_PORT}, or a free one`, portOf)
    .option('--host <address>', 'the address to listen at', '127.0.0.1')
    .option('--allow-host <name...>', 'more names under which the page may be asked for', [])
    .option('--allow-actions', 'lets who has the token ask a leader to go', false)
    .option('--json', 'prints { url, redis, token } as JSON', false)
    .addHelpText('after', HELP)
    .action(async ({ kind, ...given }) => {
      const options = { kinds: kind, ...given };
      await observing(given, (observer, lifetime) => serve(observer, lifetime, options));
      // A signal is how it ends.
      process.exitCode = 0;
    });
}

const HELP = `
The page only shows, unless --allow-actions is given. Then a deed needs a token: that of the
environment variable INCUMBENT_DASHBOARD_TOKEN, or a new one, which is printed.

Whoever reaches the page reads the kinds, ids and metas on the server. It listens at this host
alone; from another one, it is best reached through a tunnel:
  ssh -L ${USUAL_PORT}:127.0.0.1:${USUAL_PORT} HOST
${SERVER_HELP}

It runs until Ctrl-C ends it. Exit codes: 0 ended so, 2 wrong usage, or a port that cannot be had.`;

async function serve(observer, lifetime, { kinds, port, host, allowHost, allowActions, json }) {
  const token = allowActions ? chosenToken() : undefined;
  const board = new Board(observer, kinds);
  const server = createDashboard({
    board,
    look: (kind) => observer.status(kind),
    actions: allowActions ? deedsOf({ observer, board, token }) : null,
    hosts: isIP(host) ? allowHost : [...allowHost, host],
  });
  await listen(server, host, port);
  board.once('failed', ({ message }) =>
    console.error(`warning: Redis is not seen yet: ${message}; the page shows when it is`),
  );
  board.start();
  tell({ board, server, host, token, json });
  await lifetime.over();
  board.close();
  server.close();
  // The streams of the pages that are open would hold it.
  server.closeAllConnections();
}

/** At the usual port, or at a free one where that is taken; at the one that was asked for, or not at all. */
async function listen(server, host, port) {
  try {
    await listenAt(server, host, port ?? USUAL_PORT);
  } catch (error) {
    if (error.code !== 'EADDRINUSE' || port !== undefined) throw notListening(error, host, port);
    await listenAt(server, host, 0);
  }
}

async function listenAt(server, host, port) {
  server.listen({ port, host });
  await once(server, 'listening');
}

function notListening({ code, message }, host, port = USUAL_PORT) {
  const place = `port ${port} of ${host}`;
  const reasons = {
    EADDRINUSE: `${place} is in use: choose another --port, or none for a free one`,
    EACCES: `${place} may not be used by this user: choose a --port above 1023`,
    EADDRNOTAVAIL: `this host has no address ${host}: choose another --host`,
    ENOTFOUND: `the name ${host} is not known: choose another --host`,
  };
  return new IncumbentError(
    'ERR_INVALID_OPTION',
    reasons[code] ?? `${place} cannot be used: ${message}`,
  );
}

function tell({ board, server, host, token, json }) {
  const { port, address, family } = server.address();
  // Everywhere is no place to go to; this host is one of them.
  const name = isEverywhere(address) ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
  const url = `http://${name}:${port}/`;
  if (!isThisHost(address)) {
    console.error(
      `warning: whoever can reach port ${port} at ${host} reads the kinds, ids and metas; nothing is encrypted`,
    );
  }
  if (json) {
    console.log(JSON.stringify({ url, redis: board.address, ...(token && { token }) }));
    return;
  }
  console.log(`The dashboard of ${board.address}: ${url}`);
  if (token) console.log(`The token for its actions: ${token}`);
  console.log('Ctrl-C ends it.');
}

const isEverywhere = (address) => address === '0.0.0.0' || address === '::';
const isThisHost = (address) => address.startsWith('127.') || address === '::1';

/** What fits into a header as it is, and is not guessed. */
const TOKEN = /^[\w.~-]{16,256}$/;

function chosenToken() {
  const token = process.env.INCUMBENT_DASHBOARD_TOKEN;
  if (!token) return randomBytes(18).toString('base64url');
  if (TOKEN.test(token)) return token;
  throw new IncumbentError(
    'ERR_INVALID_OPTION',
    'INCUMBENT_DASHBOARD_TOKEN must be 16 to 256 of the letters A-Z a-z 0-9 - . _ ~',
  );
}

function portOf(text) {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new InvalidArgumentError('a port is a whole number from 0 to 65535; 0 is a free one.');
}

module.exports = { addDashboard };
