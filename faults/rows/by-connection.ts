// Rows 1, 2, 5, 7, 8, 9 and 21 again, with crash detection by connection: what it makes faster, what it costs, and the one
// thing that it cannot exclude.

import { setTimeout as sleep } from 'node:timers/promises';
import { overlapsOf } from '../../__test__/fixtures/oracle.ts';
import { msBetween, now, type CandidateProcess } from '../../__test__/fixtures/processes.ts';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import { isStoppedBySignal, localPortsOf } from '../proofs.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { Run } from '../run.ts';
import { cutOff } from './cut-off.ts';
import { ended } from './ended.ts';
import { halfOpen } from './half-open.ts';
import { killed } from './killed.ts';
import { paused } from './paused.ts';
import { slowSubscriber } from './slow-subscriber.ts';

const options = { crashDetection: 'connection' };
const leaseMs = 400;
const validMs = 0.8 * leaseMs;
const stopMs = leaseMs / 4;
/** Looks come 10 ms apart, and the connection must have been gone for 20; the rest is for the end of a process, and for a busy machine. */
const quickMs = 200;

/** The same fault in that mode; `runs` of all that share its row. */
function again(faults: Fault[], runs: number, changes: Partial<Fault> = {}): Fault[] {
  return faults.map((fault) => ({
    ...fault,
    title: inThatMode(fault.title),
    options,
    shortRuns: 1,
    longRuns: Math.ceil(runs / faults.length),
    ...changes,
  }));
}

function inThatMode(title: string): string {
  return `crashDetection 'connection': ${title}`;
}

const [leaderCutOff, followerCutOff] = cutOff;

/** The reign ends with its connections, and another one begins. */
const closed: Fault[] = [
  {
    title: 'the connections of the leader are reset: its reign ends',
    setUp: setUpReset,
  },
  {
    title: 'CLIENT KILL of the connections of the leader: its reign ends',
    setUp: (bench: Bench) => setUpKill(bench, false),
  },
  {
    title:
      'CLIENT KILL of the connections of a leader that is stopped: its first isLeader() is false',
    setUp: (bench: Bench) => setUpKill(bench, true),
  },
].map(({ title, setUp }) => ({
  row: 7,
  title: inThatMode(title),
  leaseMs,
  options,
  boundMs: quickMs,
  measures: 'from the strike to the next elected',
  shortRuns: 1,
  longRuns: 200,
  setUp,
}));

const droppedAndCutOff: Fault = {
  row: 8,
  title: inThatMode('the server closes the connection of a leader that is cut off at that moment'),
  leaseMs,
  options,
  mayOverlapMs: validMs,
  boundMs: validMs,
  measures: 'for how long both the old leader and the new one led',
  shortRuns: 1,
  longRuns: 200,
  setUp: setUpDropped,
};

export const byConnection: Fault[] = [
  ...again(killed, 500, { boundMs: quickMs }),
  ...again(paused, 500),
  ...again(ended, 500, { boundMs: quickMs }),
  ...closed,
  ...again(halfOpen, 500),
  droppedAndCutOff,
  ...again([leaderCutOff!], 250, { boundMs: quickMs }),
  ...again([followerCutOff!], 250),
  ...again(slowSubscriber, 500),
];

async function setUpReset(bench: Bench) {
  const redis = await bench.redis();
  const proxies = await bench.proxies(redis, 3);
  const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
  const connections = () => proxies.reduce((sum, { counts }) => sum + counts.total, 0);
  return async (run: Run) => {
    const { leader } = await group.steady();
    const made = connections();
    const struckAt = await run.strike(`the connections of ${group.label(leader)} are reset`, () =>
      proxies[group.place(leader)]!.reset(),
    );
    await run.prove('connections are made anew', () => connections() > made);
    const { event } = await group.elected(run, struckAt);
    run.recovered(struckAt, event.at);
    await run.becomes('all name one leader', () => group.agreed());
    run.expect(isToldSince(leader, struckAt), 'the old leader is told');
  };
}

async function setUpKill(bench: Bench, isStopped: boolean) {
  const redis = await bench.redis();
  const group = bench.group({ url: redis.url });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    const { leader } = await group.steady();
    if (isStopped) {
      leader.suspend();
      await run.prove('the kernel calls it stopped', () => isStoppedBySignal(leader.pid));
    }
    let killed = 0;
    const struckAt = await run.strike(`CLIENT KILL of ${group.label(leader)}'s`, async () => {
      killed = await killConnections(eye, leader);
    });
    await run.prove('Redis has closed both', () => killed === 2);
    const { event } = await group.elected(run, struckAt);
    run.recovered(struckAt, event.at);
    if (isStopped) await continues(run, leader, struckAt);
    await run.becomes('all name one leader', () => group.agreed());
    run.expect(isToldSince(leader, struckAt), 'the old leader is told');
  };
}

/** Lets a stopped process go on: what it reads first is what counts. */
async function continues(run: Run, one: CandidateProcess, struckAt: bigint) {
  // Long enough to be seen as a pause by its process, and too short for its deadline to pass.
  await sleep(Math.max(0, stopMs - msBetween(struckAt, now())));
  const continuedAt = run.note('SIGCONT');
  one.resume();
  const pause = await run.becomes('it runs again', () =>
    one.pauses.find(({ at }) => at > continuedAt),
  );
  run.expect(!pause.isLeader, 'its first isLeader() is false');
}

async function setUpDropped(bench: Bench) {
  const redis = await bench.redis();
  const proxies = await bench.proxies(redis, 3);
  const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
  return async (run: Run) => {
    const { leader } = await group.steady();
    const proxy = proxies[group.place(leader)]!;
    const lost = proxy.counts.lostBytes;
    const struckAt = await run.strike(
      `${group.label(leader)} is cut off, and Redis closes its connections`,
      () => proxy.drop(),
    );
    await run.prove('bytes vanished', () => proxy.counts.lostBytes > lost);
    await group.elected(run, struckAt);
    await run.becomes('the old leader has given up', async () => !(await leader.call('isLeader')));
    const spans = group.records.spans().filter(({ to }) => to > struckAt);
    const ledTwice = Math.max(0, ...overlapsOf(spans).map(({ ms }) => ms));
    run.recovered(struckAt, struckAt + BigInt(Math.round(ledTwice * 1e6)));
    run.note('healed');
    proxy.pass();
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(struckAt).length === 1, 'one election');
  };
}

/** Ends all connections of a process at the server, and returns how many these were. */
async function killConnections(eye: RegisterEye, one: CandidateProcess): Promise<number> {
  const ports = localPortsOf(one.pid);
  const clients = String(await eye.send('CLIENT', 'LIST')).split('\n');
  const own = clients.filter((line) => ports.has(Number(/ addr=[^ ]*:(\d+) /.exec(line)?.[1])));
  for (const line of own) await eye.send('CLIENT', 'KILL', 'ID', /^id=(\d+)/.exec(line)![1]!);
  return own.length;
}

function isToldSince({ events }: CandidateProcess, since: bigint): boolean {
  return events.some(({ name, at }) => name === 'defeated' && at > since);
}
