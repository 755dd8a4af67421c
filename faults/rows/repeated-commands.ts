// Row 12: commands reach Redis late, twice, or in another order, over connections that their sender has given up.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import { startRecorder, type CommandRecorder, type Recorded } from '../command-recorder.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;

export const repeatedCommands: Fault[] = [
  {
    row: 12,
    title: 'every command of the leader is delivered twice for 3 L: the second is refused',
    leaseMs,
    shortRuns: 1,
    longRuns: 50,
    setUp: doubled,
  },
  {
    row: 12,
    title:
      'old renewals arrive again, in any order, while the others wait for the lease of a dead leader',
    leaseMs,
    boundMs: leaseMs + 20,
    measures: 'from the kill to the next elected',
    shortRuns: 1,
    longRuns: 50,
    setUp: replayedToWatchers,
  },
  {
    row: 12,
    title: 'takes, renewals and releases of earlier reigns arrive under a new leader',
    leaseMs,
    shortRuns: 1,
    longRuns: 50,
    setUp: replayedUnderSuccessor,
  },
  {
    row: 12,
    title: 'renewals are kept back, their sender reconnects, and they arrive after it gave up',
    leaseMs,
    // The late renewal is the register's last word, and is watched for L from its landing.
    boundMs: leaseMs + 20,
    measures: 'from the landing to the next elected',
    shortRuns: 1,
    longRuns: 50,
    setUp: keptBack,
  },
];

async function doubled(bench: Bench) {
  const { group, recorders } = await besideRecorders(bench);
  return async (run: Run) => {
    const { leader } = await group.steady();
    const recorder = recorders[group.place(leader)]!;
    const refused = recorder.late.refused;
    const granted = recorder.late.granted;
    const struckAt = await run.strike(
      'each command is sent a second time, beside the first',
      () => {
        recorder.mode = 'double';
      },
    );
    await sleep(3 * leaseMs);
    recorder.mode = 'pass';
    await run.prove('seconds were answered', () => recorder.late.refused >= refused + 10);
    // Where the second is the faster one, it is granted, and the first is refused: the same to the register.
    run.note(`seconds granted: ${recorder.late.granted - granted}`);
    run.expect((await group.agreed()) === leader, 'all name the same leader as before');
    run.expect(group.electedSince(struckAt).length === 0, 'no election');
  };
}

async function replayedToWatchers(bench: Bench) {
  const { group, recorders } = await besideRecorders(bench);
  return async (run: Run) => {
    const { leader } = await group.steady();
    const recorder = recorders[group.place(leader)]!;
    await run.becomes('renewals to repeat', () => recorder.recorded.length >= 8);
    const { granted, refused } = { ...recorder.late };
    const killedAt = await run.strike(`SIGKILL to ${group.label(leader)}`, () =>
      group.kill(leader),
    );
    let repeats = 0;
    while (group.electedSince(killedAt).length === 0 && repeats < 100) {
      await recorder.deliver(shuffled(recorder.recorded.slice(-8)));
      repeats += 1;
      await sleep(leaseMs / 20);
    }
    run.note(`${repeats} times 8 old renewals arrived`);
    await run.prove('they were answered', () => recorder.late.refused > refused + 8);
    run.expect(recorder.late.granted === granted, 'none was granted');
    const { event } = await group.elected(run, killedAt);
    run.recovered(killedAt, event.at);
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(killedAt).length === 1, 'one election');
    for (const one of recorders) one.recorded.length = 0;
  };
}

async function replayedUnderSuccessor(bench: Bench) {
  const { group, recorders, eye } = await besideRecorders(bench);
  return async (run: Run) => {
    const first = (await group.steady()).leader;
    const { beat: early } = await eye.read();
    await run.becomes('a renewal', async () => (await eye.read()).beat > early);
    await run.settles('stop()', first.call('stop'));
    const second = await run.becomes('a second leader', () => group.agreed(first));
    await run.settles('start()', first.call('start'));
    await run.settles('reelect()', second.call('reelect'));
    await run.becomes('another leader', () =>
      group.agreed().then((next) => next !== second && next),
    );
    const leader = await run.becomes('one that all name', () => group.agreed());
    const before = await eye.read();

    const { granted, refused } = { ...recorders[0]!.late };
    // What the present leader has sent may be its last word, which is delivered once; all else is of the past.
    const old = recorders
      .flatMap((recorder) => recorder.recorded)
      .filter(({ parts }) => !parts.includes(String(before.term)));
    const scripts = new Set(old.map(({ parts }) => parts[1]));
    const struckAt = await run.strike(`${old.length} commands of earlier reigns arrive`, () =>
      recorders[0]!.deliver(shuffled(old)),
    );
    await run.prove(
      'takes, renewals and releases were answered',
      () => recorders[0]!.late.refused - refused >= old.length && scripts.size === 3,
    );
    run.expect(recorders[0]!.late.granted === granted, 'none was granted');
    const { beat } = await eye.read();
    await run.becomes('renewals go on', async () => (await eye.read()).beat >= beat + 5);
    run.expect((await eye.read()).term === before.term, 'the term goes on');
    run.expect((await group.agreed()) === leader, 'all name the same leader as before');
    run.expect(group.electedSince(struckAt).length === 0, 'no election');
    for (const one of recorders) one.recorded.length = 0;
  };
}

async function keptBack(bench: Bench) {
  const { group, recorders, eye } = await besideRecorders(bench);
  return async (run: Run) => {
    const { leader } = await group.steady();
    const recorder = recorders[group.place(leader)]!;
    const before = await eye.read();
    recorder.kept.length = 0;
    await run.strike('renewals of the leader are kept back', () => {
      recorder.mode = 'keep back';
    });
    await run.becomes('one is kept back', () => recorder.kept.length > 0);
    recorder.reset();
    // The others take L after the last renewal that they heard of, and that is later than this.
    await run.becomes(
      'the leader gives up',
      async () => !(await leader.call('isLeader')),
      validMs + 50,
    );
    const late = recorder.kept.filter(({ parts }) => parts.includes(String(before.term)));
    const landedAt = await run.strike(`${late.length} renewals arrive, the last one first`, () =>
      recorder.deliver([...late].reverse()),
    );
    const landed = await eye.read();
    recorder.mode = 'pass';
    recorder.reset();
    await run.prove(
      'one was applied, late',
      () => late.length > 0 && landed.stamp !== before.stamp,
    );
    run.expect(!(await leader.call('isLeader')), 'it does not bring the reign back');
    const { event } = await group.elected(run, landedAt);
    run.recovered(landedAt, event.at);
    await run.becomes('all name one leader', () => group.agreed());
    run.expect(group.electedSince(landedAt).length === 1, 'one election');
  };
}

async function besideRecorders(bench: Bench) {
  const redis = await bench.redis();
  bench.carriesBytes = true;
  const recorders: CommandRecorder[] = [];
  for (let place = 0; place < 3; place++) {
    const recorder = await startRecorder(redis.port);
    bench.after(() => recorder.close());
    recorders.push(recorder);
  }
  const group = bench.group({ url: '', urls: recorders.map(({ url }) => url) });
  return { group, recorders, eye: bench.eye(redis) };
}

function shuffled(commands: Recorded[]): Recorded[] {
  return commands
    .map((command) => ({ command, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ command }) => command);
}
