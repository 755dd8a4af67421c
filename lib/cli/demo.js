'use strict';

const { randomBytes } = require('node:crypto');
const { candidateOptions } = require('./candidate-options.js');
const { Lifetime } = require('./lifetime.js');
const { Observer } = require('./observer.js');
const { addServerOptions } = require('./server-options.js');

const HELP = `
Without --redis and --options it needs no server: the instances share one process and its memory.
With a server they are three processes, and the first leader is killed with SIGKILL. They are of a
kind of their own, whose keys are deleted at the end.

Exit codes: 0 done, 1 it failed, 2 wrong usage.`;

/** `incumbent demo`: the main job, to be looked at. */
function addDemo(program) {
  addServerOptions(program.command('demo'))
    .description('shows three instances that elect a leader, and what happens when it dies')
    .addHelpText('after', HELP)
    .action(demo);
}

async function demo(given) {
  const lifetime = new Lifetime();
  const { demonstrate } = await import('./demo/demo.mjs');
  const isOverRedis = given.redis !== undefined || given.options !== undefined;
  const kind = `incumbent-demo-${randomBytes(4).toString('hex')}`;
  const own = { kind, leaseMs: 800, eligible: true, minInstances: 1 };
  const options = { ...(isOverRedis ? candidateOptions(given) : {}), ...own };
  const observer = isOverRedis ? new Observer(options) : undefined;
  try {
    const code = await demonstrate({ options, signal: lifetime.signal });
    process.exitCode = lifetime.exitCode || code;
    // Where the server is away, nothing was left there.
    await observer?.forget(kind).catch(() => {});
  } finally {
    observer?.close();
  }
}

module.exports = { addDemo };
