// `npm run soak [-- --minutes 20] [--seed N]`: 20 candidates of one kind in 4 processes, with messages all the time, under random
// faults. Prints a row a minute and a verdict; the exit code is 1 when a promise was broken.

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CrowdEnded } from '../__test__/fixtures/crowd.ts';
import { Records } from '../__test__/fixtures/oracle.ts';
import { startRedis } from '../__test__/fixtures/redis-server.ts';
import { startProxy } from '../__test__/fixtures/tcp-proxy.ts';
import { faults, Random, type Fault, type Scene } from './faults.ts';
import { Ledger } from './ledger.ts';
import { Member } from './member.ts';
import { verdict } from './verdict.ts';

const processes = 4;
const count = 5;
const kind = 'soak';
const leaseMs = 800;

// After a fault: far more than the two leases that it takes, for a machine that is busy with 20 candidates.
const recoveryLimitMs = 20_000;
const memoryEveryMs = 3000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes must be a number above 0; got ${values.minutes}`);
  process.exit(2);
}
void main();

async function main() {
  const random = new Random(Number(values.seed));
  console.log(
    `${processes * count} candidates in ${processes} processes for ${minutes} minutes, seed ${values.seed}`,
  );
  const records = new Records();
  // A slow machine must not lose a subscriber to the limit of its output buffer: that fault is not among these.
  const redis = await startRedis({
    args: ['--client-output-buffer-limit', 'pubsub', '0', '0', '0'],
  });
  const members: Member[] = [];
  for (let number = 1; number <= processes; number++) {
    const name = `process-${number}`;
    const settings = { name, kind, count, records, options: { meta: { process: name } } };
    members.push(new Member(await startProxy(redis.port), settings));
  }
  const scene: Scene = { redis, kind, members, count, leaseMs };
  const ledger = new Ledger(members);
  try {
    await Promise.all(members.map((member) => member.spawn()));
    await Promise.all(members.map((member) => member.call('start')));
    await recovery(ledger, 'the start');
    await run(scene, random, ledger);
    const findings = await verdict(scene, ledger, records, minutes);
    process.exitCode = findings > 0 ? 1 : 0;
  } finally {
    for (const member of members) {
      if (!member.hasEnded) await member.kill();
      await member.proxy.close();
    }
    await redis.stop();
    records.remove();
  }
}

/** One or two faults at a time, a leader again, and on, until the time is up. */
async function run(scene: Scene, random: Random, ledger: Ledger) {
  const endsAt = performance.now() + minutes * 60_000;
  const sampling = sampleMemory(scene.members, endsAt);
  let nextRow = performance.now() + 60_000;
  console.log(ledger.heading());
  while (performance.now() < endsAt) {
    const chosen = chooseFaults(random);
    const names = chosen.map(({ name }) => name).join(', and ');
    await Promise.all(
      chosen.map(async (fault) => ledger.struck(fault.name, await strike(fault, scene, random))),
    );
    await recovery(ledger, names);
    await sleep(random.upTo(1000));
    if (performance.now() >= Math.min(nextRow, endsAt)) {
      console.log(ledger.row());
      nextRow += 60_000;
    }
  }
  await sampling;
}

/** Of two faults at once, one may end the process that the other is about to strike. */
async function strike(fault: Fault, scene: Scene, random: Random): Promise<boolean> {
  try {
    return await fault.strike(scene, random);
  } catch (error) {
    if (error instanceof CrowdEnded) return false;
    throw error;
  }
}

function chooseFaults(random: Random): Fault[] {
  const first = random.weighted(faults);
  if (random.unit() < 0.6) return [first];
  // Two at once, unless both strike the server, or are the same: each proves its own effect.
  const second = random.weighted(faults);
  const fits = second !== first && !(first.ofServer && second.ofServer);
  return fits ? [first, second] : [first];
}

/** Waits until one candidate leads and all name it. */
async function recovery(ledger: Ledger, after: string) {
  const began = performance.now();
  while (!(await ledger.look())) {
    if (performance.now() - began > recoveryLimitMs) {
      ledger.violation(
        `no leader that all know ${recoveryLimitMs} ms after ${after}: ${ledger.picture()}`,
      );
      return;
    }
    await sleep(10);
  }
  ledger.recovered(performance.now() - began);
}

async function sampleMemory(members: Member[], endsAt: number) {
  while (performance.now() < endsAt) {
    for (const member of members) {
      const bytes = await member.call('rss').catch(() => undefined);
      if (bytes) member.memory.push(bytes);
    }
    await sleep(memoryEveryMs);
  }
}
