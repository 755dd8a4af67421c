// Row 30: commands are under way while everything changes, and arrive late, or twice.

import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import { msBetween } from '../../__test__/fixtures/processes.ts';
import type { RedisServer } from '../../__test__/fixtures/redis-server.ts';

const leaseMs = 400;

export const lateCommands: Fault[] = [
  {
    row: 30,
    title: 'Redis is wiped while a take is under way: nobody takes what is missing',
    leaseMs,
    boundMs: leaseMs + 200,
    measures: 'from the delivery of the take to the next elected',
    shortRuns: 1,
    setUp: wipedUnderATake,
  },
  {
    row: 30,
    title: 'renewals of the old leader are delivered late: refused',
    leaseMs,
    boundMs: leaseMs + 200,
    measures: 'from the holding back to the next elected',
    shortRuns: 1,
    setUp: renewalsHeldBack,
  },
  {
    row: 30,
    title: 'the commands of the old leader are delivered a second time: refused',
    leaseMs,
    boundMs: leaseMs + 20,
    measures: 'from the kill to the next elected',
    shortRuns: 1,
    setUp: commandsRepeated,
  },
];

async function wipedUnderATake(bench: Bench) {
  const redis = await bench.redis();
  const proxies = await bench.proxies(redis, 3);
  const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    const { leader, followers } = await group.steady();
    const killedAt = await run.strike(`SIGKILL to ${group.label(leader)}`, () =>
      group.kill(leader),
    );
    const held = followers.map((one) => proxies[group.place(one)]!);
    const lateBytes = () => held.reduce((sum, { counts }) => sum + counts.lateBytes, 0);
    const before = lateBytes();
    // All that the followers send from now on waits; what they take, they take after the lease.
    for (const proxy of held) proxy.hold('requests', 'commands');
    await run.prove(
      'a take is under way',
      () =>
        followers.some((one) =>
          one.events.some(
            ({ name, args, at }) =>
              name === 'statechange' && args[0] === 'candidate' && at > killedAt,
          ),
        ) && lateBytes() > before,
    );
    await run.strike('FLUSHALL', () => eye.send('FLUSHALL'));
    run.expect((await eye.read()).holder === '', 'the register is missing');
    const deliveredAt = run.note('what was under way is delivered');
    for (const proxy of held) proxy.pass();
    const { event } = await group.elected(run, killedAt);
    run.recovered(deliveredAt, event.at);
    const waitedMs = msBetween(deliveredAt, event.at);
    run.expect(
      waitedMs >= leaseMs * 0.95,
      `what was missing is watched for a lease first, not for ${waitedMs.toFixed(0)} ms`,
    );
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(killedAt).length === 1, 'one election');
  };
}

async function renewalsHeldBack(bench: Bench) {
  const redis = await bench.redis();
  const proxies = await bench.proxies(redis, 3);
  const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    const { leader } = await group.steady();
    const proxy = proxies[group.place(leader)]!;
    const before = proxy.counts.lateBytes;
    const { term } = await eye.read();
    const heldAt = await run.strike('the commands of the leader are held back', () =>
      proxy.hold('requests', 'commands'),
    );
    await run.prove('a renewal waits', () => proxy.counts.lateBytes > before + 100);
    const { event, process } = await group.elected(run, heldAt);
    run.recovered(heldAt, event.at);
    const taken = await eye.read();
    run.note('the renewals are delivered');
    proxy.pass();
    await run.becomes(
      'the new leader renews on',
      async () => (await eye.read()).beat > taken.beat + 5,
    );
    const later = await eye.read();
    run.expect(later.holder.startsWith(process.id), 'the register names the new leader still');
    run.expect(later.term === taken.term && later.term > term, 'its term goes on');
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(heldAt).length === 1, 'one election');
  };
}

async function commandsRepeated(bench: Bench) {
  const redis = await bench.redis();
  const group = bench.group({ url: redis.url });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    const { leader } = await group.steady();
    const recorded = await record(redis, leader.id, 4);
    const killedAt = await run.strike(`SIGKILL to ${group.label(leader)}`, () =>
      group.kill(leader),
    );
    const { event, process } = await group.elected(run, killedAt);
    run.recovered(killedAt, event.at);
    let { beat, term } = await eye.read();
    const answers: unknown[][] = [];
    await run.strike(
      `${recorded.length} commands of ${group.label(leader)}, a second time`,
      async () => {
        for (const command of recorded) answers.push((await eye.send(...command)) as unknown[]);
      },
    );
    await run.prove(
      'the scripts answer them',
      () => answers.length > 0 && answers.every((answer) => answer.length >= 10),
    );
    run.expect(
      answers.every(([granted]) => granted === '0'),
      'none is granted',
    );
    await run.becomes('the new leader renews on', async () => (await eye.read()).beat > beat + 5);
    const later = await eye.read();
    run.expect(later.holder.startsWith(process.id) && later.term === term, 'its term goes on');
    await run.becomes('all name the new leader', () => group.agreed());
    run.expect(group.electedSince(killedAt).length === 1, 'one election');
  };
}

/** The next commands with which this instance changes the register, as the server saw them. */
async function record(redis: RedisServer, id: string, count: number): Promise<string[][]> {
  const watcher = await redis.client();
  const commands: string[][] = [];
  try {
    const enough = new Promise<void>((resolve) => {
      void watcher.monitor((line) => {
        const command = argumentsOf(String(line));
        // A renewal, a take or a release names its holder; what the scripts call in turn is not repeated.
        if (
          !/^evalsha$/i.test(command[0] ?? '') ||
          !command.some((one) => one.startsWith(`${id}:`))
        )
          return;
        commands.push(command);
        if (commands.length >= count) resolve();
      });
    });
    await enough;
  } finally {
    watcher.destroy();
  }
  return commands;
}

/** `1339518083.107412 [0 127.0.0.1:60866] "evalsha" "…"`, with the escapes that JSON has, too. */
function argumentsOf(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) =>
    text!.replace(/\\(.)/g, '$1'),
  );
}
