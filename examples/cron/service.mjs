// One of several copies: each second one of them puts a report on the list of those that are due.

import { Candidate } from 'incumbent';
import { cron } from './cron.mjs';

const candidate = new Candidate({ redis: process.env.REDIS_URL, kind: 'reports' });
candidate.on('error', (error) => console.error(error.code, error.message));
candidate.on('elected', ({ term }) => console.log(`I lead, in term ${term}`));

cron(candidate, '* * * * * *', (tick) => [['RPUSH', '{reports}:due', tick.toISOString()]]);

process.once('SIGTERM', () => candidate.stop());

await candidate.start();
