// One of several copies: the leader moves a cursor in a table that refuses a leader of old.

import { setTimeout as sleep } from 'node:timers/promises';
import { Candidate } from 'incumbent';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
pool.on('error', (error) => console.error(error.message));

// Several copies may begin at once, and "IF NOT EXISTS" is no lock.
await pool.query(`
  BEGIN;
  SELECT pg_advisory_xact_lock(4711);
  CREATE TABLE IF NOT EXISTS cursor (name text PRIMARY KEY, position bigint NOT NULL, token bigint NOT NULL);
  INSERT INTO cursor VALUES ('jobs', 0, 0) ON CONFLICT DO NOTHING;
  COMMIT;
`);

const candidate = new Candidate({ redis: process.env.REDIS_URL, kind: 'cursor' });
candidate.on('error', (error) => console.error(error.code, error.message));

candidate.lead(async ({ term, signal }) => {
  let position = await claim(term);
  if (position === undefined) return;
  console.log(`leads from ${position} on, in term ${term}`);
  while (!signal.aborted) {
    position += 1;
    // The table decides, whatever became of this process since it last looked at the clock.
    const { rowCount } = await pool.query(
      `UPDATE cursor SET position = $2, token = $1 WHERE name = 'jobs' AND token <= $1`,
      [term, position],
    );
    console.log(`${rowCount ? 'moved to' : 'was refused'} ${position} in term ${term}`);
    if (!rowCount) return;
    await sleep(10, undefined, { signal });
  }
});

/** Shuts earlier leaders out before it reads: none of them can move the cursor after that. */
async function claim(term) {
  const { rows } = await pool.query(
    `UPDATE cursor SET token = $1 WHERE name = 'jobs' AND token <= $1 RETURNING position`,
    [term],
  );
  return rows[0] && Number(rows[0].position);
}

process.once('SIGTERM', async () => {
  await candidate.stop();
  await pool.end();
});

await candidate.start();
