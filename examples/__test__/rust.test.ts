// The examples in Rust, by themselves and beside instances in Node.js.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Candidate } from 'incumbent';
import { collect, eventually } from '../../__test__/fixtures/eventually.ts';
import { startRedis } from '../../__test__/fixtures/redis-server.ts';
import { RustExample } from './rust-example.ts';

const patience = { within: 30_000 };

describe('beside instances in Node.js', () => {
  async function kindOf(t: TestContext) {
    const redis = await startRedis();
    const candidates: Candidate[] = [];
    t.after(async () => {
      await Promise.all(candidates.map((candidate) => candidate.stop()));
      await redis.stop();
    });
    const options = { redis: redis.url, kind: 'mixed' };
    return {
      async node(more = {}) {
        const candidate = new Candidate({ ...options, ...more });
        candidates.push(candidate);
        await candidate.start();
        return candidate;
      },
      async rust() {
        const rust = await RustExample.start(t, 'messaging', redis.url, options.kind);
        return { rust, id: await rust.says(/started (\S+)/) };
      },
    };
  }

  test('one of all leads, they know each other, and they talk', async (t) => {
    const { node, rust: startRust } = await kindOf(t);
    const leader = await node({ meta: { runs: 'Node.js' } });
    const { rust, id } = await startRust();
    const follower = await node();
    const [toLeader, toFollower] = [collect(leader), collect(follower)];
    assert.equal(leader.isLeader(), true);

    rust.tell('who');
    await rust.says(/done\n/);
    const told = [await rust.says(/.+\n/), await rust.says(/.+\n/), await rust.says(/.+\n/)];
    assert.deepEqual(
      told.sort(),
      [
        `${leader.id} leader {"runs":"Node.js"}\n`,
        `${follower.id} follower ""\n`,
        `${id} follower "Rust"\n`,
      ].sort(),
    );
    const seen = await leader.getInstances();
    assert.deepEqual(
      seen.find((instance) => instance.id === id),
      { id, meta: 'Rust', state: 'follower' },
    );

    rust.tell('leader {"text":"grüße","list":[1,2.5,null]}');
    const { args } = await toLeader.first('message:from:follower', undefined, patience);
    assert.deepEqual(args, [{ message: { text: 'grüße', list: [1, 2.5, null] }, from: id }]);
    rust.tell(`to ${follower.id} to one`);
    rust.tell('followers to the followers');
    rust.tell('all to all');
    for (const message of ['to one', 'to the followers', 'to all']) {
      await toFollower.first('message', (received) => received.message === message, patience);
    }
    await toLeader.first('message', (received) => received.message === 'to all', patience);
    assert.equal(toLeader.of('message').length, 2);

    await leader.messageFollowers({ text: 'grüße', list: [1, 2.5, null] });
    const form = '{"list":[1,2.5,null],"text":"grüße"}';
    await rust.says(new RegExp(`message from ${leader.id} \\(the leader\\): ${escaped(form)}`));
    await follower.messageTo(id, Buffer.from([255, 0]));
    await rust.says(new RegExp(`message from ${follower.id}: \\[255, 0\\]`));
    // So many that they travel together.
    await Promise.all(Array.from({ length: 300 }, (_, number) => follower.messageAll(number)));
    for (let number = 0; number < 300; number++) {
      await rust.says(new RegExp(`^message from ${follower.id}: ${number}$`, 'm'));
    }
  });

  test('each takes over from the other: on a stop, on a handover, and after a crash', async (t) => {
    const { node, rust: startRust } = await kindOf(t);
    const inNode = await node();
    const { rust, id } = await startRust();
    let term = inNode.currentTerm;
    const rises = (next: number) => {
      assert.ok(next > term, `${next} comes after ${term}`);
      term = next;
    };

    await inNode.stop();
    rises(Number(await rust.says(/elected in term (\d+)/)));

    await inNode.start();
    assert.equal(inNode.isLeader(), false);
    assert.equal(await inNode.waitForLeader(), id);
    rust.tell(`transfer ${inNode.id}`);
    await rust.says(new RegExp(`done, ${inNode.id} leads`));
    await eventually(() => inNode.isLeader(), patience);
    rises(inNode.currentTerm);

    assert.equal(await inNode.transferTo(id), id);
    assert.equal(inNode.isLeader(), false);
    rises(Number(await rust.says(/elected in term (\d+)/)));

    rust.tell('reelect');
    await rust.says(/done/);
    await eventually(() => inNode.isLeader(), patience);
    rises(inNode.currentTerm);
    assert.equal(await inNode.transferTo(id), id);
    rises(Number(await rust.says(/elected in term (\d+)/)));

    rust.kill('SIGKILL');
    await eventually(() => inNode.isLeader(), patience);
    rises(inNode.currentTerm);
    const { rust: another } = await startRust();
    await inNode.stop();
    rises(Number(await another.says(/elected in term (\d+)/)));
    another.tell('stop');
    await another.says(/stopped/);
    assert.equal(await another.ended, 0);
  });
});

describe('by themselves', () => {
  test('the job goes on where the one that was killed has ended, in a later term', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const first = await RustExample.start(t, 'singleton_job', redis.url);
    const term = Number(await first.says(/3, in term (\d+)/));
    const second = await RustExample.start(t, 'singleton_job', redis.url);
    await second.says(/has started/);
    first.kill('SIGKILL');
    await first.ended;
    const [last] = first.output
      .match(/\d+(?=, in term)/g)!
      .map(Number)
      .sort((a, b) => b - a);
    const next = Number(await second.says(/(\d+), in term/));
    // What was left may not have been printed.
    assert.ok(next === last! + 1 || next === last! + 2, `${next} comes after ${last}`);
    assert.ok(Number(await second.says(/in term (\d+)/)) > term);
    second.endInput();
    await second.says(/stopped/);
    assert.equal(await second.ended, 0);
  });

  test('without a server the job runs as well', async (t) => {
    const job = await RustExample.start(t, 'singleton_job');
    await job.says(/2, in term/);
    job.endInput();
    assert.equal(await job.ended, 0);
  });

  test('the health is told over HTTP, with and without Redis', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const web = await RustExample.start(t, 'health', redis.url);
    const url = await web.says(/http:\S+/);
    const get = async (path: string) => {
      const answer = await fetch(new URL(path, url));
      return `${answer.status} ${await answer.text()}`;
    };
    await eventually(async () => (await get('/health')).startsWith('200 up: leader'), patience);
    assert.match(await get('/leader'), /^200 it leads/);
    assert.match(await get('/elsewhere'), /^404/);
    await redis.stop();
    await eventually(async () => (await get('/health')).startsWith('503 down: follower'), patience);
    assert.match(await get('/leader'), /^503/);
    web.kill('SIGTERM');
    await web.ended;
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
