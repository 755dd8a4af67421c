// Row 15, too: the slot of the kind goes to another node of the cluster.

import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Group } from '../group.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { Run } from '../run.ts';
import { now } from '../../__test__/fixtures/processes.ts';
import { startCluster } from '../../__test__/fixtures/redis-cluster.ts';
import type { RedisServer } from '../../__test__/fixtures/redis-server.ts';

const leaseMs = 800;
const kind = 'orders';

const common = { row: 15, leaseMs, shortRuns: 1, longRuns: 100, limitMs: 60_000 };

export const slots: Fault[] = [
  {
    ...common,
    title: 'Cluster: the slot is moved key by key, under messages; the leader stays',
    boundMs: leaseMs,
    measures: 'from the end of the move until the new node names the leader',
    setUp: moved,
  },
  {
    ...common,
    title: 'Cluster: the node hands over to its replica; the leader stays',
    boundMs: leaseMs,
    measures: 'from the promotion until the replica names the leader',
    setUp: handedOver,
  },
  {
    ...common,
    title: 'Cluster: the node is killed',
    boundMs: leaseMs + 200,
    measures: 'from the promotion of its replica until one leader stands',
    setUp: (bench) => failedOver(bench, 'SIGKILL'),
  },
  {
    ...common,
    title: 'Cluster: the node hangs, and goes on when its replica has taken over',
    boundMs: leaseMs + 200,
    measures: 'from the promotion of its replica until one leader stands',
    setUp: (bench) => failedOver(bench, 'SIGSTOP'),
  },
];

async function clusterOf(bench: Bench) {
  const cluster = await startCluster();
  bench.after(() => cluster.stop());
  const eyes = new Map(cluster.nodes.map((node) => [node, bench.eye(node)]));
  const group = bench.group({ url: '', kind, options: { redis: cluster.redis } });
  return { cluster, group, eyeOn: (node: RedisServer): RegisterEye => eyes.get(node)! };
}

async function moved(bench: Bench) {
  const { cluster, group, eyeOn } = await clusterOf(bench);
  const slot = await cluster.slotOf(kind);
  return async (run: Run) => {
    const { leader, followers } = await group.steady();
    const from = await cluster.ownerOf(kind);
    const others = await cluster.otherMasters(from);
    const to = others[run.number % others.length]!;
    const { term } = await eyeOn(from).read();
    const talk = talking(leader);
    const struckAt = await run.strike('the slot is opened, and emptied key by key', async () => {
      await cluster.openSlot(slot, from, to);
      // The register first, or last: the others are on the other side in the meantime.
      const isRegister = (key: string) => key.endsWith(':register');
      const registerFirst = run.number % 2 === 0;
      await cluster.moveKeys(slot, from, to, (key) => isRegister(key) === registerFirst);
      await sleepFor(run, 1.5 * leaseMs);
    });
    const closing = run.note('the rest is moved, and the slot is given away');
    await cluster.closeSlot(slot, from, to);
    await run.prove('another node has the slot', async () => (await cluster.ownerOf(kind)) === to);
    const closedAt = now();
    await goesOn(run, group, eyeOn(to), { leader, term, struckAt, since: closedAt });
    await isHeardAgain(run, leader, followers);
    const sent = await talk.end();
    run.note(`${sent} messages were sent, the move closed after ${ms(closing, closedAt)} ms`);
  };
}

async function handedOver(bench: Bench) {
  const { cluster, group, eyeOn } = await clusterOf(bench);
  let promotedAt = 0n;
  return async (run: Run) => {
    // In two node timeouts the nodes vote on a master once. Asked sooner, the old one holds all commands back until they do, for longer than a lease.
    await run.becomes('the nodes vote again', async () => now() - promotedAt > 2_500_000_000n);
    await cluster.whole();
    const { leader, followers } = await group.steady();
    const old = await cluster.ownerOf(kind);
    const [replica] = await cluster.replicasOf(old);
    const { term } = await eyeOn(old).read();
    const struckAt = await run.strike('CLUSTER FAILOVER', () =>
      eyeOn(replica!).send('CLUSTER', 'FAILOVER'),
    );
    promotedAt = await becomesMaster(run, eyeOn(replica!));
    await goesOn(run, group, eyeOn(replica!), { leader, term, struckAt, since: promotedAt });
    await isHeardAgain(run, leader, followers);
  };
}

async function failedOver(bench: Bench, signal: 'SIGKILL' | 'SIGSTOP') {
  const { cluster, group, eyeOn } = await clusterOf(bench);
  return async (run: Run) => {
    await cluster.whole();
    await group.steady();
    const old = await cluster.ownerOf(kind);
    const [replica] = await cluster.replicasOf(old);
    const before = await eyeOn(old).read();
    const struckAt = await run.strike(`${signal} to the node`, () =>
      signal === 'SIGKILL' ? old.kill() : process.kill(old.pid, signal),
    );
    const promotedAt = await becomesMaster(run, eyeOn(replica!));
    const { at } = await eyeOn(replica!).standing(run, group, {
      at: struckAt,
      stamp: before.stamp,
    });
    run.recovered(promotedAt, at);
    const leader = await run.becomes('all name one leader', () => group.agreed());
    const { term } = await eyeOn(replica!).read();
    run.expect(term >= before.term, 'the term has not fallen');
    if (signal === 'SIGKILL') await old.restart();
    else process.kill(old.pid, 'SIGCONT');
    const followers = group.living.filter((one) => one !== leader);
    await isHeardAgain(run, leader, followers);
    await run.becomes('the old one is a replica', async () => {
      const [role] = (await eyeOn(old).send('ROLE')) as string[];
      return role === 'slave';
    });
    run.expect(await leader.call('isLeader'), 'the leader stays when the old one is back');
  };
}

async function becomesMaster(run: Run, replica: RegisterEye): Promise<bigint> {
  let at = 0n;
  await run.prove('the replica has taken over', async () => {
    const [role] = (await replica.send('ROLE')) as string[];
    at = now();
    return role === 'master';
  });
  return at;
}

type Process = Awaited<ReturnType<Group['steady']>>['leader'];

interface Reign {
  leader: Process;
  term: number;
  struckAt: bigint;
  /** From when on the node that has the slot now counts. */
  since: bigint;
}

async function goesOn(
  run: Run,
  group: Group,
  eye: RegisterEye,
  { leader, term, struckAt, since }: Reign,
) {
  const { stamp } = await eye.read();
  const at = await run.becomes('the node names the leader', async () => {
    const seen = await eye.read();
    return seen.stamp !== stamp && seen.holder.startsWith(leader.id) && now();
  });
  run.recovered(since, at);
  run.expect(await leader.call('isLeader'), 'the leader stays');
  run.expect(group.electedSince(struckAt).length === 0, 'no election');
  run.expect((await eye.read()).term === term, 'its term stays');
  await run.becomes('all name it', async () => (await group.agreed()) === leader);
}

let words = 0;

/** What the leader says reaches all, on subscriptions that were made anew. */
async function isHeardAgain(run: Run, leader: Process, followers: Process[]): Promise<void> {
  await run.becomes('all hear the leader', async () => {
    const word = `word ${(words += 1)}`;
    await leader.call('messageAll', word).catch(() => undefined);
    const heard = (one: Process) => one.of('message').some(([{ message }]) => message === word);
    const until = now() + 100_000_000n;
    while (now() < until) {
      if (followers.every(heard)) return true;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return false;
  });
}

/** Sends all the time. What it sends may be lost; what is asked is that nothing else goes wrong for it. */
function talking(leader: Process) {
  let sent = 0;
  let isOver = false;
  const loop = (async () => {
    while (!isOver) {
      await leader.call('messageAll', sent).catch(() => undefined);
      sent += 1;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  return {
    async end(): Promise<number> {
      isOver = true;
      await loop;
      return sent;
    },
  };
}

async function sleepFor(run: Run, forMs: number): Promise<void> {
  run.note(`the keys are on two nodes for ${forMs} ms`);
  await new Promise((resolve) => setTimeout(resolve, forMs));
}

function ms(from: bigint, to: bigint): string {
  return (Number(to - from) / 1e6).toFixed(0);
}
