// Row 14: sentinels promote a replica. Its data may lack what was written last.

import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Group } from '../group.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { Run } from '../run.ts';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import type { RedisServer } from '../../__test__/fixtures/redis-server.ts';
import {
  ask,
  masterName,
  startSentinels,
  type SentinelFleet,
  type SentinelOptions,
} from '../../__test__/fixtures/sentinels.ts';

const leaseMs = 800;

const common = {
  row: 14,
  leaseMs,
  boundMs: leaseMs + 200,
  measures: 'from the promotion, as the first sentinel tells of it, until one leader stands',
  shortRuns: 1,
  longRuns: 100,
  limitMs: 60_000,
};

export const failovers: Fault[] = [
  {
    ...common,
    title: 'Sentinel: the master is killed',
    setUp: (bench) => failover(bench, killed),
  },
  {
    ...common,
    title: 'Sentinel: the master hangs, and goes on as one when another has taken its place',
    setUp: (bench) => failover(bench, hung),
  },
  {
    ...common,
    title: 'Sentinel: a failover is asked for, and the old master stays one for a while',
    setUp: (bench) => failover(bench, askedFor),
  },
  {
    ...common,
    title: 'Sentinel: the replica that is promoted lacks the last election, and the master is dead',
    setUp: lostWrites,
  },
];

/** A way to make the sentinels promote another server. */
interface Way {
  what: string;
  begin(fleet: SentinelFleet, old: RedisServer): Promise<unknown>;
  /** Ends what it has begun, once a leader stands again. */
  end(fleet: SentinelFleet, old: RedisServer): Promise<unknown>;
  /** Whether the old one lives on beside the new one, and can be looked at. */
  oldLives: boolean;
}

const killed: Way = {
  what: 'SIGKILL to the master',
  begin: (_fleet, old) => old.kill(),
  end: (_fleet, old) => old.restart(),
  oldLives: false,
};

const hung: Way = {
  what: 'SIGSTOP to the master',
  begin: async (_fleet, old) => process.kill(old.pid, 'SIGSTOP'),
  end: async (_fleet, old) => process.kill(old.pid, 'SIGCONT'),
  oldLives: true,
};

const askedFor: Way = {
  what: 'SENTINEL FAILOVER',
  begin: (fleet) => promotion(fleet),
  end: async () => {},
  oldLives: true,
};

/** Asks for a failover; after one the sentinels wait for a while. */
export function promotion(fleet: SentinelFleet): Promise<unknown> {
  return eventually(() => ask(fleet.sentinels[0]!, 'FAILOVER', masterName), { within: 20_000 });
}

export async function sentinels(bench: Bench, options: SentinelOptions = {}) {
  const fleet = await startSentinels(options);
  bench.after(() => fleet.stop());
  const eyes = new Map(fleet.servers.map((server) => [server, bench.eye(server)]));
  return { fleet, eyeOn: (server: RedisServer): RegisterEye => eyes.get(server)! };
}

async function failover(bench: Bench, way: Way) {
  const { fleet, eyeOn } = await sentinels(bench);
  const group = bench.group({ url: '', options: { redis: fleet.redis } });
  return async (run: Run) => {
    const old = await fleet.settled();
    await group.steady();
    const before = await eyeOn(old).read();
    const struckAt = await run.strike(way.what, () => way.begin(fleet, old));
    const promotedAt = await promoted(run, fleet, struckAt);
    const master = await successor(run, fleet, old);
    await standsAgain(run, group, eyeOn(master), { struckAt, promotedAt, before });
    await way.end(fleet, old);
    if (way.oldLives) await isLeftAlone(run, eyeOn(old), eyeOn(master));
    await fleet.rejoin();
  };
}

/** Waits until a sentinel tells of a promotion, and returns when that was. */
export async function promoted(run: Run, fleet: SentinelFleet, since: bigint): Promise<bigint> {
  let at = 0n;
  await run.prove('a sentinel tells of a promotion', () => {
    const told = fleet.events.find((event) => event.name === '+promoted-slave' && event.at > since);
    at = told?.at ?? 0n;
    return told;
  });
  return at;
}

export async function successor(run: Run, fleet: SentinelFleet, old: RedisServer) {
  return run.becomes('all sentinels name another', async () => {
    const ports = await Promise.all(fleet.sentinels.map((sentinel) => fleet.namedPort(sentinel)));
    const [named] = ports;
    if (ports.some((port) => port !== named)) return undefined;
    return fleet.servers.find((server) => server !== old && server.port === named);
  });
}

interface Situation {
  struckAt: bigint;
  promotedAt: bigint;
  before: { term: number; stamp: string };
}

async function standsAgain(
  run: Run,
  group: Group,
  eye: RegisterEye,
  { struckAt, promotedAt, before }: Situation,
): Promise<void> {
  const { at } = await eye.standing(run, group, { at: struckAt, stamp: before.stamp });
  run.recovered(promotedAt, at);
  await run.becomes('all name one leader', () => group.agreed());
  const { term } = await eye.read();
  const elections = group.electedSince(struckAt).length;
  run.expect(term >= before.term, 'the term has not fallen');
  run.expect(elections === (term > before.term ? 1 : 0), `one election at most (${elections})`);
}

/** The old master runs no script any more, however long it takes itself for one. */
async function isLeftAlone(run: Run, old: RegisterEye, present: RegisterEye): Promise<void> {
  const before = await run.becomes('the old master answers', () => scriptsRun(old));
  let { stamp } = await present.read();
  for (let renewals = 0; renewals < 4; renewals++) {
    stamp = await run.becomes('renewals go on', async () => {
      const next = (await present.read()).stamp;
      return next !== stamp && next;
    });
  }
  const after = await scriptsRun(old);
  run.expect(after === before, `nothing is asked of the old master (${before}, ${after})`);
}

/** As text, so that none is an answer, too. */
async function scriptsRun(eye: RegisterEye): Promise<string> {
  const info = String(await eye.send('INFO', 'commandstats'));
  const calls = [...info.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)];
  return String(calls.reduce((sum, [, count]) => sum + Number(count), 0));
}

async function lostWrites(bench: Bench) {
  const { fleet, eyeOn } = await sentinels(bench, { replicas: 1 });
  const group = bench.group({ url: '', options: { redis: fleet.redis } });
  return async (run: Run) => {
    const old = await fleet.settled();
    const replica = fleet.servers.find((server) => server !== old)!;
    const { leader } = await group.steady();
    // Nobody answers there. The sentinels see to it only after a while. After a failover they may have closed the connection of whoever looks.
    await run.becomes('the replica is cut off', () =>
      eyeOn(replica).send('REPLICAOF', '127.0.0.1', '1'),
    );
    const killedAt = await group.kill(leader);
    const { process: elected } = await group.elected(run, killedAt);
    const before = await eyeOn(old).read();
    const struckAt = await run.strike('SIGKILL to the master', () => old.kill());
    let stamp = '';
    await run.prove('the replica has not heard of the last election', async () => {
      const seen = await eyeOn(replica).read();
      stamp = seen.stamp;
      return seen.term < before.term && !seen.holder.startsWith(elected.id);
    });
    const promotedAt = await promoted(run, fleet, struckAt);
    const { at } = await eyeOn(replica).standing(run, group, { at: struckAt, stamp });
    run.recovered(promotedAt, at);
    await run.becomes('all name one leader', () => group.agreed());
    await run.becomes('the term has risen', async () => {
      return (await eyeOn(replica).read()).term > before.term;
    });
    await old.restart();
    await fleet.rejoin();
  };
}
