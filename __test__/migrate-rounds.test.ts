// Fleets of old instances are replaced by new ones and back, in short; `npm run migrate` plays a hundred.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { playRound } from '../migrate/round.ts';
import { Random } from '../soak/faults.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

for (const [old, fresh] of [
  [1, 1],
  [3, 2],
] as const) {
  test(`${old} old and ${fresh} new: no promise is broken on the way there and back`, async () => {
    const plan = { url: redis.url, kind: `${old}-${fresh}`, leaseMs: 800, old, fresh };
    const random = new Random(old);
    const { faults, sent, received } = await playRound(plan, () => random.unit());
    assert.deepEqual(faults, []);
    assert.ok(sent > 50 && received > 50, `${sent} sent, ${received} received`);
  });
}
