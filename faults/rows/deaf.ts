// Row 10: commands pass, subscriptions do not: a process can speak and ask, and hears nothing.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import type { CandidateProcess } from '../../__test__/fixtures/processes.ts';

const leaseMs = 400;

export const deaf: Fault[] = [
  ...(['the leader', 'a follower'] as const).map((who): Fault => ({
    row: 10,
    title: `the subscription of ${who} is dead for 2 L: no change, and a gap is told`,
    leaseMs,
    shortRuns: 1,
    longRuns: 70,
    setUp: (bench) => staysAndTellsAGap(bench, who),
  })),
  {
    row: 10,
    title: 'the subscriptions of all followers are dead, and the leader is killed: they poll',
    leaseMs,
    // A read each L/4 sees the last stamp that much later than a heartbeat would have brought it.
    boundMs: leaseMs + leaseMs / 4 + 200,
    measures: 'from the kill to the next elected',
    shortRuns: 1,
    longRuns: 70,
    setUp: pollsAndTakesOver,
  },
];

async function staysAndTellsAGap(bench: Bench, who: 'the leader' | 'a follower') {
  const { group, proxies, eye } = await besideProxies(bench);
  return async (run: Run) => {
    const { leader, followers } = await group.steady();
    const [victim, other] =
      who === 'the leader' ? [leader, followers[0]!] : [followers[0]!, leader];
    await run.settles('a message before', other.call('messageAll', 'before'));
    await run.becomes('it is heard', () => heard(victim, 'before'));

    const proxy = proxies[group.place(victim)]!;
    const lost = proxy.counts.lostBytes;
    const struckAt = await run.strike(`${group.label(victim)} becomes deaf`, () =>
      proxy.blackhole('both', 'subscriptions'),
    );
    await run.settles('messages meanwhile', other.call('messageAll', 'meanwhile'));
    await run.prove('what it should hear vanishes', () => proxy.counts.lostBytes > lost);
    await sleep(2 * leaseMs);
    run.expect(!heard(victim, 'meanwhile'), 'it did not hear');
    await run.settles('it can still speak', victim.call('messageAll', 'deaf, not dumb'));
    await run.becomes('the other hears it', () => heard(other, 'deaf, not dumb'));

    run.note('healed');
    proxy.pass();
    await run.becomes('a gap is told', async () => {
      await other.call('messageAll', 'after');
      return victim.events.some(({ name, at }) => name === 'gap' && at > struckAt);
    });
    const { beat } = await eye.read();
    await run.becomes('renewals go on', async () => (await eye.read()).beat >= beat + 5);
    run.expect((await group.agreed()) === leader, 'all name the same leader as before');
    run.expect(group.electedSince(struckAt).length === 0, 'no election');

    function heard(one: CandidateProcess, message: string): boolean {
      return one.events.some(
        ({ name, at, args }) =>
          name === 'message' && at > run.startedAt && args[0].message === message,
      );
    }
  };
}

async function pollsAndTakesOver(bench: Bench) {
  const { group, proxies } = await besideProxies(bench);
  return async (run: Run) => {
    const { leader, followers } = await group.steady();
    const struck = followers.map((one) => proxies[group.place(one)]!);
    const lost = struck.map(({ counts }) => counts.lostBytes);
    await run.strike('all followers become deaf', () => {
      for (const proxy of struck) proxy.blackhole('both', 'subscriptions');
    });
    await run.prove('heartbeats vanish', () =>
      struck.every(({ counts }, index) => counts.lostBytes > lost[index]!),
    );
    // Until they poll, which they begin when they miss the heartbeats.
    await sleep(1.5 * leaseMs);
    const killedAt = await run.strike(`SIGKILL to ${group.label(leader)}`, () =>
      group.kill(leader),
    );
    const { event } = await group.elected(run, killedAt);
    run.recovered(killedAt, event.at);
    run.note('healed');
    for (const proxy of struck) proxy.pass();
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(killedAt).length === 1, 'one election');
  };
}

async function besideProxies(bench: Bench) {
  const redis = await bench.redis();
  const proxies = await bench.proxies(redis, 3);
  const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
  return { group, proxies, eye: bench.eye(redis) };
}
