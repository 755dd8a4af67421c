import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { Program } from '../../__test__/fixtures/program.ts';
import { startRedis } from '../../__test__/fixtures/redis-server.ts';
import { Example, nextLeader } from './example.ts';

const root = path.join(__dirname, '..', '..');

test('@OnElected() runs on one, which finishes its work on SIGTERM before the next one begins', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const command = ['--import', 'tsx', 'src/main.ts'];
  const start = () => new Example(t, 'nestjs', command, { REDIS_URL: redis.url });
  const apps = [start(), start()];
  for (const app of apps) await app.says(/the application is up/);
  const leader = await nextLeader(apps, /sending the newsletter/);
  const follower = apps.find((app) => app !== leader)!;
  assert.match(leader.output, /in term \d+, as leader/);
  assert.doesNotMatch(follower.output, /sending/);

  leader.kill('SIGTERM');
  await leader.ended;
  assert.match(
    leader.output,
    /put the last letter into its envelope\nleads no more; nobody yet does/,
  );
  assert.equal(await nextLeader(apps, /sending the newsletter/), follower);
});

test('its types hold', async (t) => {
  const compiler = path.join(root, 'node_modules', '.bin', 'tsc');
  const check = new Program(t, compiler, {
    args: ['--project', path.join(root, 'examples', 'nestjs', 'tsconfig.json')],
  });
  assert.equal(await check.ended, 0, check.output);
});
