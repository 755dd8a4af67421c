// A service with one leader among its copies: health over HTTP, and a graceful end on SIGTERM.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { Candidate } from 'incumbent';

const candidate = new Candidate({ redis: process.env.REDIS_URL, kind: 'shop' });
candidate.on('error', (error) => console.error(error.code, error.message));

candidate.lead(async ({ term, signal }) => {
  console.log(`sweeping carts, in term ${term}`);
  await once(signal, 'abort');
  console.log('swept the last cart');
});

let isClosing = false;
const app = express();

// Alive as long as it answers. Restarting it because Redis is away would help nobody.
app.get('/live', (_request, response) => response.send('alive'));

// Followers are as ready as the leader. 'degraded' is ready, too: it can still serve.
app.get('/ready', (_request, response) => {
  const health = candidate.health();
  response.status(isClosing || health.status === 'down' ? 503 : 200).json(health);
});

app.get('/why', (_request, response) => response.send(candidate.explain()));

app.get('/slow', async (_request, response) => {
  await sleep(300);
  response.send('done');
});

// In a container, probes come from outside: HOST is 0.0.0.0 there.
const { PORT = '3000', HOST = '127.0.0.1' } = process.env;
const server = app.listen(Number(PORT), HOST, () => {
  console.log(`listening on ${server.address().port}`);
});

process.once('SIGTERM', async () => {
  isClosing = true;
  // Requests under way are answered; the next leader takes over meanwhile.
  server.close();
  await Promise.all([once(server, 'close'), candidate.stop()]);
  console.log('closed');
});

// Not awaited: the service answers before it has seen Redis.
candidate.start().catch((error) => console.error(error.code, error.message));
