// Tests of single blocks, for what the general ways of blocks.test.ts do not show.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Candidate } from '../../index.js';
import { WebSocket } from 'ws';
import { parse, parseAllDocuments } from 'yaml';
import { OldInstance, type OldOptions } from '../../__test__/fixtures/old-instance.ts';
import type { Program } from '../../__test__/fixtures/program.ts';
import { startRedis, type RedisServer } from '../../__test__/fixtures/redis-server.ts';
import { read, root, type Block } from './document.ts';
import type { Reader } from './reader.ts';

interface Scene {
  t: TestContext;
  block: Block;
  reader: Reader;
  redis: RedisServer;
}

export const scenarios: Record<string, (scene: Scene) => Promise<void>> = {
  /** It leads, pushes jobs, tells of its end; its copy pushes nothing before, and goes on after a SIGKILL as well. */
  async 'in-ten-lines'({ block, reader }) {
    const copies = [1, 2, 3].map(() => reader.start(block));
    const pushes = ({ output }: Program) => /pushing a job in term \d+/.test(output);
    const next = () => reader.until(() => copies.find((one) => one.isRunning && pushes(one)));

    const first = await next();
    assert.match(first.output, /I lead, in term \d+/);
    assert.equal(copies.filter(pushes).length, 1);
    first.kill('SIGTERM');
    assert.equal(await first.ended, 0);
    assert.match(first.output, /I lead no more; nobody yet does/);

    const second = await next();
    second.kill('SIGKILL');
    await second.ended;
    const third = await next();
    third.kill('SIGTERM');
    assert.equal(await third.ended, 0);
  },

  async fencing({ block, reader, t }) {
    const program = reader.start(block);
    await reader.until(() => said(program) === '1 OK\n');
    const onlooker = new Candidate({ redis: reader.redisUrl, kind: 'job-pusher' });
    t.after(() => onlooker.stop());
    await onlooker.start();
    program.kill('SIGKILL');
    await reader.until(() => onlooker.isLeader());
    const replies = await onlooker.fenced([
      ['LRANGE', 'jobs', 0, -1],
      ['GET', 'cursor'],
    ]);
    assert.deepEqual(replies, [['{"id":43}'], '43']);
  },

  /** Its copy goes on where it stopped. */
  async checkpoint({ block, reader, t }) {
    const first = reader.start(block);
    await reader.until(() => first.output.includes('page 2'));
    const onlooker = new Candidate({ redis: reader.redisUrl, kind: 'importer', eligible: false });
    t.after(() => onlooker.stop());
    await onlooker.start();
    await reader.until(async () => (await onlooker.getCheckpoint<any>())?.page === 3);
    assert.equal(said(first), 'importing page 0\nimporting page 1\nimporting page 2\n');
    const { id } = (await onlooker.getLeader())!;
    first.kill('SIGKILL');
    const second = reader.start(block);
    await reader.until(async () => ((await onlooker.getLeader())?.id ?? id) !== id);
    second.kill('SIGTERM');
    await second.ended;
    assert.equal(said(second), '');
  },

  /** The rights are enough for an election, discovery, messages and a handover. */
  async rights({ block, reader, redis, t }) {
    const [acl, setuser, user, ...rights] = block.code.trim().split(' ');
    await redis.cli(acl!, setuser!, user!, 'reset', ...rights);
    const url = `redis://${user}:password@127.0.0.1:${redis.port}`;
    const candidates = [0, 1].map(() => new Candidate({ redis: url, kind: 'orders' }));
    t.after(() => Promise.all(candidates.map((candidate) => candidate.stop())));
    const errors: unknown[] = [];
    candidates.forEach((candidate) => candidate.on('error', (error) => errors.push(error)));
    await Promise.all(candidates.map((candidate) => candidate.start()));
    const [leader, follower] = candidates[0]!.isLeader() ? candidates : candidates.toReversed();
    const heard = once(leader!, 'message');
    await follower!.messageLeader('a word');
    assert.equal((await heard)[0].message, 'a word');
    await follower!.setMeta('new');
    assert.equal((await leader!.getInstances()).length, 2);
    await leader!.stop();
    await reader.until(() => follower!.isLeader());
    assert.deepEqual(errors, []);
  },

  /** It goes on after Redis was away for less than a lease, and for longer. */
  async outage({ block, reader, t }) {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const program = reader.start(block, { REDIS_URL: redis.url });
    const beats = () => program.output.match(/^beat \d+$/gm)?.length ?? 0;
    for (const pauseMs of [0, 0, 1500]) {
      const before = beats();
      await reader.until(() => beats() > before + 2);
      await redis.kill();
      await sleep(pauseMs);
      await redis.restart();
    }
    const before = beats();
    await reader.until(() => beats() > before + 2);
    await endAll([program]);
  },

  /** Each migration is made once, whoever dies, and all copies serve. */
  async migrations({ block, reader, redis }) {
    const copies = [1, 2, 3].map(() => reader.start(block));
    const serves = ({ output }: Program) => /^serving$/m.test(output);
    await reader.until(() => copies.every(serves));
    const migrated = copies.flatMap(
      ({ output }) => output.match(/^migrated to version \d$/gm) ?? [],
    );
    assert.deepEqual(migrated, ['migrated to version 1', 'migrated to version 2']);
    await endAll(copies);
    const late = reader.start(block);
    await reader.until(() => serves(late));
    await endAll([late]);
    assert.equal(said(late), 'serving\n');
    const client = await redis.client();
    await client.select(Number(new URL(reader.redisUrl).pathname.slice(1)));
    assert.equal(await client.hGet('{shop}:config', 'revision'), '1');
    client.destroy();
  },

  /** All copies have the prices in their order, over a change of leader, and so does one that comes late. */
  async cache({ block, reader }) {
    const versions = ({ output }: Program) =>
      [...output.matchAll(/prices of version (\d+)/g)].map(([, version]) => Number(version));
    const copies = [reader.start(block), reader.start(block)];
    await reader.until(() => copies.every((copy) => versions(copy).length >= 3));
    copies[0]!.kill('SIGTERM');
    assert.equal(await copies[0]!.ended, 0, copies[0]!.output);
    const seen = Math.max(...copies.flatMap(versions));
    const late = reader.start(block);
    await reader.until(() => [copies[1]!, late].every((copy) => versions(copy).at(-1)! > seen + 1));
    await endAll([copies[1]!, late]);
    for (const copy of [...copies, late]) {
      assert.deepEqual(
        versions(copy),
        [...versions(copy)].sort((a, b) => a - b),
      );
    }
  },

  /** Clients of each copy get what the leader sends, in order, and go on to get it from the next leader. */
  async websockets({ block, reader, t }) {
    const copies = [1, 2].map(() => reader.start(block, { PORT: '0' }));
    const clients = await Promise.all(
      copies.map(async (copy) => {
        const [, port] = await reader.until(() => /listening on (\d+)/.exec(copy.output));
        const client = new WebSocket(`ws://127.0.0.1:${port}`);
        t.after(() => client.terminate());
        const ticks: { term: number; number: number }[] = [];
        client.on('message', (data) => ticks.push(JSON.parse(String(data))));
        return { copy, ticks };
      }),
    );
    await reader.until(() => clients.every(({ ticks }) => ticks.length >= 3));
    const terms = new Set(clients.flatMap(({ ticks }) => ticks.map(({ term }) => term)));
    assert.equal(terms.size, 1);
    // Whichever leads: the other one's client goes on to hear.
    copies[0]!.kill('SIGTERM');
    assert.equal(await copies[0]!.ended, 0, copies[0]!.output);
    const { ticks } = clients[1]!;
    const heard = ticks.length;
    await reader.until(() => ticks.length > heard + 3);
    const order = ticks.map(({ term, number }) => term * 1000 + number);
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    );
    await endAll([copies[1]!]);
  },

  /** The new side of the difference works; the old one differs in nothing but the name of the package. */
  async 'drop-in'({ block, reader, t }) {
    const side = (mark: string) =>
      block.code
        .split('\n')
        .filter((line) => line.startsWith(mark) || line.startsWith(' '))
        .map((line) => line.slice(1))
        .join('\n');
    assert.equal(side('-').replace('node-raft-redis', 'incumbent'), side('+'));
    const program = { ...block, language: 'js', code: side('+') };
    const onlooker = new Candidate({ redis: reader.redisUrl, kind: 'worker', eligible: false });
    t.after(() => onlooker.stop());
    await onlooker.start();
    const count = async (wanted: number) => (await onlooker.getInstances()).length === wanted;

    const first = reader.start(program);
    await reader.until(() => first.output.includes('elected'));
    const second = reader.start(program);
    await reader.until(() => count(3));
    await endAll([first]);
    assert.match(said(first), /^elected\n(.*\n)*defeated\n$/);
    await reader.until(() => second.output.includes('elected'));
    await endAll([second]);
  },

  /** It takes the leadership over from the old instances, which follow, and tells when the last of them has left. */
  async move({ block, reader, t }) {
    const old = await startOld(t, { url: reader.redisUrl, kind: 'orders' });
    await reader.until(() => old.leads);
    const defeated = once(old, 'defeated');
    const program = reader.start(block, { REDIS_URL: reader.redisUrl });
    await reader.until(() => program.output.includes('elected'));
    await defeated;
    assert.equal(old.leads, false);
    await old.stop();
    await reader.until(() => program.output.includes('the last old instance has left'));
    await endAll([program]);
  },

  /** Added to the usual ones, they are enough for the move; without one of them it is named. */
  async 'rights-for-the-move'({ block, reader, redis, t }) {
    const usual = read('docs/redis.md').blocks.find(({ code }) => code.startsWith('ACL SETUSER'))!;
    const words = ({ code }: Block) => code.trim().split(' ').slice(3);
    const as = async (user: string, rights: string[]) => {
      await redis.cli('ACL', 'SETUSER', user, 'reset', ...rights);
      const url = `redis://${user}:password@127.0.0.1:${redis.port}`;
      const one = new Candidate({ redis: url, kind: 'orders', migrate: 'node-raft-redis' });
      t.after(() => one.stop());
      return one;
    };
    const old = await startOld(t, { url: redis.url, kind: 'orders' });
    const rights = [...words(usual), ...words(block)];
    const one = await as('mover', rights);
    const errors: unknown[] = [];
    one.on('error', (error) => errors.push(error));
    await one.start();
    await reader.until(() => old.leaderId === one.id && one.stats().legacyInstances === 1);
    const heard = once(old, 'message');
    await one.messageAll('a word');
    assert.equal((await heard)[0].message, 'a word');
    assert.deepEqual(errors, []);

    const poor = await as('poor', [...rights, '-scan']);
    const refusal = once(poor, 'error').catch((error) => [error]);
    await poor.start();
    const [error] = await refusal;
    assert.equal(error.code, 'ERR_REDIS_REFUSED');
    assert.match(error.message, /scan/i);
  },

  /** A deployment that a cluster would take: its parts fit together, and it leaves a leader the time to drain. */
  async kubernetes({ block }) {
    const objects = parseAllDocuments(block.code).map((document) => {
      assert.deepEqual([document.errors, document.warnings], [[], []]);
      return document.toJS();
    });
    for (const { apiVersion, kind, metadata } of objects) {
      assert.equal(
        apiVersion,
        { Deployment: 'apps/v1', PodDisruptionBudget: 'policy/v1' }[kind as string],
      );
      assert.match(metadata.name, /^[a-z0-9-]+$/);
    }
    const deployment = objects.find(({ kind }) => kind === 'Deployment').spec;
    const budget = objects.find(({ kind }) => kind === 'PodDisruptionBudget').spec;
    const pod = deployment.template;
    for (const { matchLabels } of [deployment.selector, budget.selector]) {
      assert.deepEqual({ ...pod.metadata.labels, ...matchLabels }, pod.metadata.labels);
    }
    assert.ok(deployment.replicas >= 2);
    assert.equal(deployment.strategy.type, 'RollingUpdate');

    const [container] = pod.spec.containers;
    const server = readFileSync(path.join(root, 'examples/express/server.mjs'), 'utf8');
    const [port] = container.ports;
    const paths = ['livenessProbe', 'readinessProbe'].map((probe) => {
      assert.equal(container[probe].httpGet.port, port.name);
      return container[probe].httpGet.path as string;
    });
    assert.deepEqual(paths, ['/live', '/ready']);
    for (const path of paths) assert.ok(server.includes(`app.get('${path}'`), path);
    const variables = container.env.map(({ name }: { name: string }) => name);
    for (const name of variables) assert.match(server, new RegExp(`\\b${name}\\b`));
    const drainMs = 5000;
    assert.ok(pod.spec.terminationGracePeriodSeconds * 1000 >= 2 * drainMs);
  },

  /** Every metric that a rule names is one that the example for Prometheus offers. */
  async alerts({ block }) {
    const source = readFileSync(path.join(root, 'examples/prom-client/metrics.mjs'), 'utf8');
    const named = (make: string) =>
      [...source.matchAll(new RegExp(`${make}\\(\\s*'(\\w+)'`, 'g'))].map(([, name]) => name!);
    const offered = new Set([
      ...named('gauge').map((name) => `incumbent_${name}`),
      ...named('counter').map((name) => `incumbent_${name}_total`),
    ]);
    const { groups } = parse(block.code);
    const rules = groups.flatMap(({ rules }: { rules: object[] }) => rules);
    assert.ok(rules.length > 0);
    for (const { alert, expr, annotations } of rules) {
      assert.match(alert, /^[A-Z]\w+$/);
      assert.ok(annotations.summary);
      const metrics = (expr as string).match(/incumbent_\w+/g) ?? [];
      assert.ok(metrics.length > 0, alert);
      for (const metric of metrics) assert.ok(offered.has(metric), metric);
    }
  },
};

/** What it printed, without what a busy machine may make it warn of. */
async function startOld(t: TestContext, options: OldOptions): Promise<OldInstance> {
  const one = new OldInstance(options);
  t.after(() => one.stop());
  await one.start();
  return one;
}

function said({ output }: Program): string {
  return output.replace(/^(\(node:|\(Use `node|ERR_).*\n/gm, '');
}

async function endAll(programs: Program[]) {
  for (const program of programs) {
    program.kill('SIGTERM');
    assert.equal(await program.ended, 0, program.output);
  }
}
