// The examples for prom-client and OpenTelemetry: each shows the same numbers of a leader and of a follower.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { startRedis } from '../../__test__/fixtures/redis-server.ts';
import { Example } from './example.ts';

test('Prometheus scrapes the metrics of a leader and of a follower', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const scrape = async () => {
    const env = { REDIS_URL: redis.url, PORT: '0' };
    const service = new Example(t, 'prom-client', ['service.mjs'], env);
    const port = await service.says(/listening on (\d+)/);
    const metrics = async () => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const lines = text.matchAll(/^incumbent_(\w+)\{kind="poller"\} (\S+)$/gm);
      return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]));
    };
    return { service, metrics };
  };
  const leader = await scrape();
  const first = await eventually(async () => {
    const metrics = await leader.metrics();
    return metrics.is_leader === 1 && metrics.renewals_granted_total! > 2 && metrics;
  });
  assert.equal(first.takeovers_total, 1);
  assert.equal(first.connected, 1);
  assert.ok(first.term! > 0 && first.valid_for_seconds! > 0);
  assert.ok(first.round_trip_p50_seconds! > 0 && first.round_trip_p50_seconds! < 1);

  const follower = await scrape();
  await eventually(async () => {
    const [own, others] = [await follower.metrics(), await leader.metrics()];
    return own.is_leader === 0 && own.instances === 2 && others.instances === 2;
  });
  leader.service.kill('SIGTERM');
  assert.equal(await leader.service.ended, 0);
  await eventually(async () => {
    const { is_leader, takeovers_total, leaderless_seconds_total } = await follower.metrics();
    return is_leader === 1 && takeovers_total === 1 && leaderless_seconds_total! > 0;
  });
});

test('OpenTelemetry exports them', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const env = { REDIS_URL: redis.url, EXPORT_INTERVAL_MS: '1000', NO_COLOR: '1' };
  const service = new Example(t, 'opentelemetry', ['service.mjs'], env);
  const value = (name: string) => {
    const latest = service.output.split(`name: 'incumbent.${name}'`).at(-1)!;
    return Number(/value: ([\d.]+)/.exec(latest)?.[1]);
  };
  await eventually(() => value('is_leader') === 1 && value('takeovers') === 1, { within: 30_000 });
  await eventually(() => value('renewals.granted') > 2, { within: 30_000 });
  await eventually(() => value('round_trip.p50') > 0, { within: 30_000 });
  assert.match(service.output, /kind: 'poller'/);
  service.kill('SIGTERM');
  assert.equal(await service.ended, 0, service.output.slice(-2000));
});
