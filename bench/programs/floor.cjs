'use strict';
// What instances cannot do without, by bare sockets, for the least that any library makes of it. Each is subscribed to a
// channel, on which something as long as a heartbeat is published five times in a lease, and calls an empty script once a
// second. Task: { port, count, leaseMs, publishes }.

const { createHash } = require('node:crypto');
const { once } = require('node:events');
const net = require('node:net');
const { serve, task } = require('./channel.cjs');

const script = 'return 1';
const hash = createHash('sha1').update(script).digest('hex');
const heartbeat = 'x'.repeat(150);

async function connect() {
  const socket = net.connect(task.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.resume();
  return socket;
}

/** @param {import('node:net').Socket} socket @param {string[]} words */
function send(socket, ...words) {
  const parts = words.map((word) => `$${word.length}\r\n${word}\r\n`);
  socket.write(`*${words.length}\r\n${parts.join('')}`);
}

/** @param {import('node:net').Socket} socket @param {number} everyMs @param {string[]} words */
function repeat(socket, everyMs, ...words) {
  const start = () => setInterval(() => send(socket, ...words), everyMs);
  setTimeout(start, Math.random() * everyMs);
}

serve({
  async start() {
    send(await connect(), 'SCRIPT', 'LOAD', script);
    for (let number = 0; number < task.count; number++) {
      send(await connect(), 'SUBSCRIBE', 'floor');
      repeat(await connect(), 1000, 'EVALSHA', hash, '0');
    }
    if (task.publishes) repeat(await connect(), task.leaseMs / 5, 'PUBLISH', 'floor', heartbeat);
  },
  cpu: () => process.cpuUsage(),
});
