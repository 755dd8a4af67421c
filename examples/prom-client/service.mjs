// Serves the metrics of a candidate at /metrics.

import { createServer } from 'node:http';
import { Candidate } from 'incumbent';
import { Registry } from 'prom-client';
import { registerMetrics } from './metrics.mjs';

const kind = 'poller';
const candidate = new Candidate({ redis: process.env.REDIS_URL, kind });
candidate.on('error', (error) => console.error(error.code, error.message));

const register = new Registry();
registerMetrics(candidate, kind, register);

const server = createServer(async (_request, response) => {
  response.setHeader('content-type', register.contentType);
  response.end(await register.metrics());
});
server.listen(Number(process.env.PORT ?? 9464), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});

process.once('SIGTERM', async () => {
  server.close();
  await candidate.stop();
});

await candidate.start();
