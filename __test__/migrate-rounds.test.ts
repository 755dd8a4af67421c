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

for (const [old, fresh, order] of [
  [1, 1, 'start first'],
  [3, 2, 'start first'],
  [3, 2, 'stop first'],
] as const) {
  test(`${old} old and ${fresh} new, ${order}: no promise is broken on the way there and back`, async () => {
    const kind = `${old}-${fresh}-${order}`;
    const plan = { url: redis.url, kind, leaseMs: 800, old, fresh, order };
    const random = new Random(old);
    const { faults, sent, received } = await playRound(plan, () => random.unit());
    assert.deepEqual(faults, []);
    // Of two instances, it depends on whose turn it is which kinds each sends: half of those to roles reach nobody.
    assert.ok(sent > 50 && received > 20, `${sent} sent, ${received} received`);
  });
}
