// A cluster: each kind in a slot of its own, on whichever node has it at the moment.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { IncumbentError } from 'incumbent';
import { secretOf } from './fixtures/canary.ts';
import { incumbent, type Report } from './fixtures/command.ts';
import { eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { ProcessFleet } from './fixtures/process-fleet.ts';
import type { CandidateProcess } from './fixtures/processes.ts';
import { startCluster, type RedisCluster } from './fixtures/redis-cluster.ts';
import { readRegister, registerKey, renewals } from './fixtures/register.ts';

let redis: RedisCluster;
before(async () => {
  redis = await startCluster();
});
after(() => redis.stop());

/** Sends to all others, and waits until each has it. */
async function reachesAll(fleet: ProcessFleet, sender: CandidateProcess, text: string) {
  await sender.call('messageAll', text);
  for (const one of fleet.living.filter((other) => other !== sender)) {
    await one.event('message', ({ args }) => args[0].message === text);
  }
}

test('kinds on all nodes, from one node to begin with', async (t) => {
  const [seed] = redis.nodes;
  const options = { redis: { cluster: [{ host: '127.0.0.1', port: seed!.port }] } };
  const owners = new Set<number>();
  for (let number = 0; owners.size < 3; number++) {
    const kind = `spread-${number}`;
    const owner = await redis.ownerOf(kind);
    if (owners.has(owner.port)) continue;
    owners.add(owner.port);
    const fleet = new Fleet(t, { kind, ...options });
    const [leader, follower] = await fleet.lead(1);
    assert.ok((await readRegister(owner, kind)).holder.startsWith(leader.id));
    const heard = new Promise((resolve) => follower!.once('message', resolve));
    await leader.messageAll('hello');
    assert.deepEqual(await heard, { message: 'hello', from: leader.id });
    // By its node alone: the others are not told.
    const channels: string[] = await owner.cli('PUBSUB', 'SHARDCHANNELS', '*');
    assert.ok(channels.some((name) => name.includes(`{${kind}}`)));
    assert.deepEqual(await owner.cli('PUBSUB', 'CHANNELS', '*'), []);
  }
});

test('the doctor goes to the node of the kind, and the rights that it lists are enough on all nodes', async (t) => {
  const kind = 'examined';
  const owner = await redis.ownerOf(kind);
  const [stranger] = await redis.otherMasters(owner);
  const place = { cluster: [{ host: '127.0.0.1', port: stranger!.port }] };
  const examined = async (options: object): Promise<Report> => {
    const more = ['--json', '--kind', kind, '--wait-replicas', '1'];
    const { stdout } = await incumbent(['doctor', ...more, '--redis', JSON.stringify(options)]);
    return JSON.parse(stdout);
  };
  const { server, leastAcl } = await examined(place);
  assert.equal(
    server,
    `127.0.0.1:${owner.port} (named by the node at 127.0.0.1:${stranger!.port})`,
  );
  const password = secretOf('of-the-cluster');
  const rules = leastAcl.split(' ').slice(3);
  for (const node of redis.nodes) {
    const words = rules.map((rule) => (rule === '>password' ? `>${password}` : rule));
    await node.cli('ACL', 'SETUSER', 'limited', ...words);
  }
  const limited = { ...place, username: 'limited', password };
  const report = await examined(limited);
  assert.equal(report.ok, true, JSON.stringify(report.checks));
  for (const node of redis.nodes) await node.cli('ACL', 'LOG', 'RESET');
  const fleet = new Fleet(t, { kind, redis: limited, waitReplicas: 1 });
  const [leader, follower] = await fleet.lead(1);
  const heard = new Promise((resolve) => follower!.once('message', resolve));
  await leader.messageAll('hello');
  assert.deepEqual(await heard, { message: 'hello', from: leader.id });
  for (const node of redis.nodes) assert.deepEqual(await node.cli('ACL', 'LOG'), []);
});

test('a slot that moves under load, key by key: no change of leader, and all hear each other', async (t) => {
  const kind = 'moving';
  const fleet = new ProcessFleet(t, { url: '', kind, options: { redis: redis.redis } });
  for (let number = 0; number < 3; number++) await fleet.start();
  const leader = await fleet.agreed();
  await redis.whole();
  const slot = await redis.slotOf(kind);
  const from = await redis.ownerOf(kind);
  const to = (await redis.otherMasters(from))[0]!;
  const { term } = await readRegister(from, kind);

  await redis.openSlot(slot, from, to);
  await renewals(from, kind, 2);
  const moved = await redis.moveKeys(slot, from, to, (key) => key.endsWith(':register'));
  assert.equal(moved.length, 1);
  // The register is there, the registry is here, and messages go where they went.
  await redis.beside(to, async (ask) => {
    const stamp = async () => (await ask('HGET', moved[0]!, 'stamp')) as string;
    for (let count = 0; count < 3; count++) {
      const last = await stamp();
      await eventually(async () => (await stamp()) !== last);
    }
  });
  await reachesAll(fleet, leader, 'half way');
  await redis.closeSlot(slot, from, to);

  await renewals(to, kind, 3);
  assert.equal((await readRegister(to, kind)).term, term);
  assert.equal(await leader.call('isLeader'), true);
  assert.equal(fleet.elections(), 1);
  // Whoever listened at the old node was left there without a word.
  await eventually(async () => (await subscribersOf(to, kind)) === 3);
  for (const one of fleet.living) await reachesAll(fleet, one, `from ${one.id}`);
  for (const one of fleet.living) {
    await eventually(async () => (await one.call('getInstances')).length === 3);
    assert.deepEqual(one.of('left'), []);
  }
  fleet.assertKeptPromise();
});

test('a slot that stays open half way: the leadership changes hands, and the checkpoint goes along', async (t) => {
  const kind = 'half-way';
  const fleet = new Fleet(t, { kind, redis: redis.redis });
  const [leader, follower] = await fleet.lead(1);
  await redis.whole();
  await leader.setCheckpoint({ page: 1 });
  const slot = await redis.slotOf(kind);
  const from = await redis.ownerOf(kind);
  const to = (await redis.otherMasters(from))[0]!;
  await redis.openSlot(slot, from, to);
  await redis.moveKeys(slot, from, to, (key) => key.endsWith(':register'));

  await eventually(() => leader.setCheckpoint({ page: 2 }).then(() => true, whileUnconfirmed));
  assert.deepEqual(await follower!.getCheckpoint(), { page: 2 });
  const elected = once(follower!, 'elected');
  await leader.stop();
  const [{ checkpoint }] = await elected;
  assert.deepEqual(checkpoint, { page: 2 });
  assert.deepEqual(await follower!.fenced([], { checkpoint: { page: 3 } }), []);
  await redis.closeSlot(slot, from, to);
  await eventually(async () => follower!.isLeader());
  assert.deepEqual(await eventually(() => follower!.getCheckpoint().catch(whileMoved)), {
    page: 3,
  });
});

test('crash detection by connection has no effect while a slot moves, and says why', async (t) => {
  const kind = 'hidden-half-way';
  const fleet = new Fleet(t, { kind, redis: redis.redis, crashDetection: 'connection' });
  const leader = await fleet.start();
  await redis.whole();
  const slot = await redis.slotOf(kind);
  const from = await redis.ownerOf(kind);
  const to = (await redis.otherMasters(from))[0]!;
  const warnings: string[] = [];
  const collect = ({ message }: Error) => warnings.push(message);
  process.on('warning', collect);
  t.after(() => process.off('warning', collect));
  await redis.openSlot(slot, from, to);
  await redis.moveKeys(slot, from, to, (key) => key.endsWith(':register'));
  const told = await eventually(() => warnings.find((text) => text.includes('has no effect')));
  assert.match(told, /its slot is on the way to another node of the cluster/);
  await redis.closeSlot(slot, from, to);
  await eventually(async () => (await to.cli('HGET', registerKey(kind), 'presence')) !== '');
  assert.equal(leader.isLeader(), true);
});

/** Until its next renewal at the new node a leader's writes are refused. */
function whileUnconfirmed(error: IncumbentError): false {
  if (error.code === 'ERR_REDIS_UNREACHABLE') return false;
  throw error;
}

/** The node that has just given the slot away refuses a call, until the other one is connected. */
function whileMoved(error: IncumbentError): undefined {
  if (!/answered: MOVED /.test(error.message)) throw error;
}

/** How many connections listen to what all of a kind are told. */
async function subscribersOf(node: { cli(...command: string[]): Promise<any> }, kind: string) {
  const name = `incumbent:{${kind}}:0:all`;
  const [, count] = await node.cli('PUBSUB', 'SHARDNUMSUB', name);
  return Number(count);
}

test('a node hands over to its replica: no change of leader', async (t) => {
  const kind = 'handed';
  const fleet = new ProcessFleet(t, { url: '', kind, options: { redis: redis.redis } });
  for (let number = 0; number < 3; number++) await fleet.start();
  const leader = await fleet.agreed();
  await redis.whole();
  const old = await redis.ownerOf(kind);
  const [replica] = await redis.replicasOf(old);
  await replica!.cli('CLUSTER', 'FAILOVER');
  await eventually(async () => (await redis.ownerOf(kind)) === replica);
  await renewals(replica!, kind, 6);
  assert.equal(await leader.call('isLeader'), true);
  assert.equal(fleet.elections(), 1);
  await eventually(async () => (await subscribersOf(replica!, kind)) === 3);
  for (const one of fleet.living) await reachesAll(fleet, one, `from ${one.id}`);
  fleet.assertKeptPromise();
});

test('a node that dies: a leader stands again once its replica has taken over', async (t) => {
  const kind = 'dead';
  const fleet = new ProcessFleet(t, { url: '', kind, options: { redis: redis.redis } });
  for (let number = 0; number < 2; number++) await fleet.start();
  await fleet.agreed();
  await redis.whole();
  const dead = await redis.ownerOf(kind);
  await dead.kill();
  t.after(() => dead.restart());
  const successor = await eventually(
    async () => {
      const owner = await redis.ownerOf(kind);
      return owner !== dead && owner;
    },
    { within: 30_000 },
  );
  const leader = await fleet.agreed();
  assert.equal(await leader.call('isLeader'), true);
  assert.ok((await readRegister(successor, kind)).holder.startsWith(leader.id));
  await eventually(async () => (await subscribersOf(successor, kind)) === 2);
  await reachesAll(fleet, leader, 'again');
  fleet.assertKeptPromise();
});

test('nodes that do not tell by which name they are reached', async (t) => {
  const own = await startCluster({
    replicas: 0,
    args: ['--cluster-preferred-endpoint-type', 'unknown-endpoint'],
  });
  t.after(() => own.stop());
  for (const kind of ['a', 'b', 'c', 'd']) {
    const [seed] = own.nodes;
    const cluster = [{ host: 'localhost', port: seed!.port }];
    const fleet = new Fleet(t, { kind, redis: { cluster } });
    const leader = await fleet.start();
    const owner = await own.ownerOf(kind);
    assert.ok((await readRegister(owner, kind)).holder.startsWith(leader.id));
    // Before its servers.
    await leader.stop();
  }
});

test('crash detection by connection shows connections in a cluster as well', async (t) => {
  const kind = 'shown';
  const options = { redis: redis.redis, leaseMs: 20_000, crashDetection: 'connection' };
  const fleet = new ProcessFleet(t, { url: '', kind, options });
  await redis.whole();
  // A long lease, which the first start on an empty register waits for: so the register is made vacant before.
  const first = new Fleet(t, { kind, redis: redis.redis, leaseMs: 100 });
  await (await first.start()).stop();
  for (let number = 0; number < 2; number++) await fleet.start();
  const leader = await fleet.agreed();
  await leader.kill();
  const next = await fleet.agreed();
  assert.notEqual(next.id, leader.id);
  fleet.assertKeptPromise();
});
