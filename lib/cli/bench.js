'use strict';

const { randomBytes } = require('node:crypto');
const { candidateOptions } = require('./candidate-options.js');
const { Figures, messages, roundTrip, takeovers } = require('./bench-parts.js');
const { Lifetime } = require('./lifetime.js');
const { Observer } = require('./observer.js');
const { SERVER_HELP, addServerOptions, atLeast } = require('./server-options.js');
const { span, table } = require('./text.js');

const HELP = `
Three candidates of a kind of their own run in this process for a few seconds; the kind's keys are
deleted at the end. The figures are those of this host, this process and this server together, and
no more than an impression: BENCHMARKS.md in the repository tells how to measure with care.
${SERVER_HELP}

Exit codes: 0 done, 1 the server cannot be used, 2 wrong usage, 130 ended by Ctrl-C.`;

/** `incumbent bench`: how fast it is on the user's own server. */
function addBench(program) {
  addServerOptions(program.command('bench'))
    .description('measures round trip, handover and messages over a server, for some seconds')
    .option('--seconds <n>', 'how long each part lasts', atLeast(0.1, false), 2)
    .option('--json', 'prints the figures as JSON', false)
    .addHelpText('after', HELP)
    .action(bench);
}

async function bench(given) {
  const lifetime = new Lifetime();
  const kind = `incumbent-bench-${randomBytes(4).toString('hex')}`;
  const options = { ...candidateOptions(given), kind, eligible: true, minInstances: 1 };
  const observer = new Observer(options);
  const candidates = [];
  try {
    // A server that cannot be asked is an error at once; candidates would wait for it.
    await observer.status(kind);
    const figures = await lifetime.race(measure(options, candidates, given.seconds * 1000));
    if (figures === undefined) process.exitCode = lifetime.exitCode;
    else print(figures, observer.address, given);
  } finally {
    await Promise.all(candidates.map((candidate) => candidate.stop()));
    await observer.forget(kind).catch(() => {});
    observer.close();
  }
}

async function measure(options, candidates, ms) {
  const { Candidate } = require('../../index.js');
  for (const name of ['a', 'b', 'c']) candidates.push(new Candidate({ ...options, meta: name }));
  await Promise.all(candidates.map((candidate) => candidate.start()));
  const [one, other] = candidates;
  return {
    handoverMs: await takeovers(candidates, ms),
    pingPongMs: await roundTrip(one, other, ms),
    messagesPerSecond: await messages(one, other, ms),
    roundTripMs: Figures.of(candidates.map((candidate) => candidate.stats().roundTripMs.p50)),
  };
}

function print({ handoverMs, pingPongMs, messagesPerSecond, roundTripMs }, address, { json }) {
  const figures = { server: address, roundTripMs, handoverMs, pingPongMs, messagesPerSecond };
  if (json) return console.log(JSON.stringify(figures, null, 2));
  const row = (what, { p50, p99, count }) => [what, span(p50), span(p99), String(count)];
  console.log(`Redis at ${address}\n`);
  const lines = table([
    ['', 'MEDIAN', 'P99', 'SAMPLES'],
    row('round trip of the election', roundTripMs),
    row('handover: released to elected', handoverMs),
    row('message and its answer', pingPongMs),
  ]);
  console.log(lines.join('\n'));
  console.log(`\nmessages to one instance: ${Math.round(messagesPerSecond)} per second`);
}

module.exports = { addBench };
