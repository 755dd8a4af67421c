'use strict';

const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { isIP } = require('node:net');
const { InvalidArgumentError } = require('commander');
const { IncumbentError } = require('../errors.js');
const { Board } = require('../dashboard/board.js');
const { createDashboard } = require('../dashboard/server.js');
const { candidateOptions } = require('./candidate-options.js');
const { Observer } = require('./observer.js');

const USUAL_PORT = 4240;

/** `incumbent dashboard`: a page that shows the kinds of a server, live. */
function addDashboard(program) {
  program
    .command('dashboard')
    .description('serves a page that shows the kinds of a server as they are, live')
    .option('--redis <url>', 'the server: a URL, or the option "redis" of a candidate as JSON')
    .option('--options <file>', 'a file with the options of a candidate as JSON')
    .option('--port <port>', `where the page is served; ${USUAL_PORT}, or a free one`, portOf)
    .option('--host <address>', 'the address to listen at', '127.0.0.1')
    .option('--allow-host <name...>', 'more names under which the page may be asked for', [])
    .option('--allow-actions', 'lets who has the token ask leaders to go', false)
    .option('--json', 'prints the address as JSON', false)
    .addHelpText('after', help)
    .action(serve);
}

const help = `
The page only shows, unless --allow-actions is given. Then it needs a token: that of the
environment variable INCUMBENT_DASHBOARD_TOKEN, or a new one, which is printed.

Whoever reaches the page reads the kinds, ids and metas on the server. It listens at this host
alone; from another one, it is best reached through a tunnel:
  ssh -L ${USUAL_PORT}:127.0.0.1:${USUAL_PORT} HOST`;

async function serve({ port, host, allowHost, allowActions, json, ...given }) {
  const token = allowActions ? chosenToken() : undefined;
  const observer = new Observer(candidateOptions(given));
  const board = new Board(observer);
  const server = createDashboard({
    board,
    look: (kind) => observer.status(kind),
    actions: allowActions ? actionsOf(observer, token) : null,
    hosts: isIP(host) ? allowHost : [...allowHost, host],
  });
  try {
    await listen(server, host, port);
  } catch (error) {
    board.close();
    throw error;
  }
  board.start();
  tell({ observer, address: server.address(), token, json });
  board.once('blind', ({ reason }) =>
    console.error(`warning: Redis cannot be seen: ${reason}; the page shows when it can`),
  );
  await ended();
  board.close();
  server.close();
  // The streams of the pages that are open would go on.
  server.closeAllConnections();
}
