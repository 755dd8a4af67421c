import { eventually } from '../__test__/fixtures/eventually.ts';
import { overlapsOf, type Records } from '../__test__/fixtures/oracle.ts';
import { registerKey } from '../__test__/fixtures/register.ts';
import type { Scene } from './faults.ts';
import { median, type Ledger } from './ledger.ts';
import type { Member } from './member.ts';

/** How much the resident memory may grow over the second half. A short run has not warmed up by then. */
const growthLimit = (minutes: number) => (minutes >= 10 ? 0.05 : 0.15);
const endLimitMs = 10_000;

/** Lets all end in good order, looks at what is left, and prints the verdict. Returns how many promises were broken. */
export async function verdict(
  scene: Scene,
  ledger: Ledger,
  records: Records,
  minutes: number,
): Promise<number> {
  const { redis, members, kind, count } = scene;
  const lines: string[] = [];
  const judge = (isKept: boolean, text: string) => {
    lines.push(`${isKept ? 'ok    ' : 'BROKEN'} ${text}`);
    if (!isKept) ledger.violations.push(text);
  };

  // Those that were killed are swept after two seconds; then nobody but the living is listed, by anybody.
  const listed = await holds(async () => {
    const lists = await Promise.all(members.map((member) => member.call('instances')));
    return lists.flat().every((length) => length === members.length * count);
  });
  judge(listed, `every candidate lists all ${members.length * count}, and nobody who is dead`);

  await Promise.all(members.map((member) => member.call('stop')));
  const leaders = await Promise.all(members.map((member) => member.call('status')));
  judge(
    leaders.every(({ members }) => members.every(({ isLeader }) => !isLeader)),
    'nobody leads after stop()',
  );
  await ledger.look();
  judge(ledger.pending() === 0, `every promise was settled; open: ${ledger.pending()}`);
  judgeMessages(ledger, judge);

  const spans = records.spans();
  const overlaps = overlapsOf(spans);
  const led = spans.filter(({ from, to }) => from < to).length;
  judge(
    led > 0 && overlaps.length === 0,
    `${overlaps.length} moments with two leaders, in ${led} reigns ${told(overlaps)}`,
  );
  judge(ledger.terms.size > 0, `${ledger.terms.size} terms, each granted once`);

  const clients = await holds(async () => (await foreignClients(scene)).length === 0);
  judge(
    clients,
    `no connection to Redis is left ${clients ? '' : (await foreignClients(scene)).join(' ')}`,
  );
  const keys: string[] = await redis.cli('KEYS', '*');
  judge(
    keys.every((key) => key === registerKey(kind)),
    `no key but the register is left: ${keys.join(' ') || 'none'}`,
  );

  for (const member of members) await judgeProcess(member, judge);
  for (const member of members.slice(0, 2)) judgeMemory(member, growthLimit(minutes), judge);
  judgeFaults(ledger, judge);

  console.log(`\n${lines.join('\n')}`);
  console.log(`\n${ledger.violations.length} violations`);
  for (const text of ledger.violations.slice(0, 20)) console.log(`  ${text}`);
  return ledger.violations.length;
}

type Judge = (isKept: boolean, text: string) => void;

function judgeMessages(ledger: Ledger, judge: Judge): void {
  const [sent, received, gaps] = [ledger.sum('sent'), ledger.sum('received'), ledger.sum('gaps')];
  const refusals = Object.entries(ledger.refusals()).map(([code, number]) => `${code} ${number}`);
  const text = `${sent} messages sent, ${received} received, ${gaps} gaps told; rejected: ${refusals.join(', ') || 'none'}`;
  judge(sent > 0 && received > 0, text);
}

async function foreignClients({ redis }: Scene): Promise<string[]> {
  const list: string = await redis.cli('CLIENT', 'LIST');
  return list.split('\n').filter((line) => line.includes(' name=incumbent'));
}

/** Nothing that the library opened is left in the process, and nothing holds it. */
async function judgeProcess(member: Member, judge: Judge): Promise<void> {
  let left: string[] = [];
  await holds(async () => {
    left = await member.call('leftovers');
    return left.length === 0;
  });
  judge(left.length === 0, `${member.name}: no handle and no socket is left ${left.join(' ')}`);
  judge(
    member.proxy.counts.open === 0,
    `${member.name}: ${member.proxy.counts.open} connections stand`,
  );
  const ended = await member.release(endLimitMs);
  judge(ended === 'exit code 0', `${member.name} ends by itself: ${ended}`);
}

/** The end of the second half against its beginning: the median of its last quarter against that of its first. */
function judgeMemory({ name, memory }: Member, limit: number, judge: Judge): void {
  const half = memory.slice(Math.floor(memory.length / 2));
  const quarter = Math.max(1, Math.floor(half.length / 4));
  const [before, after] = [median(half.slice(0, quarter)), median(half.slice(-quarter))];
  const growth = after / before - 1;
  const mb = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  judge(
    growth < limit,
    `${name}: resident memory ${mb(memory[0] ?? 0)} MB at first, ${mb(before)} MB at half time, ${mb(after)} MB at the end: ` +
      `${(100 * growth).toFixed(1)} % over the second half (at most ${100 * limit} %), of ${memory.length} samples`,
  );
}

function judgeFaults(ledger: Ledger, judge: Judge): void {
  for (const [name, { struck, seen }] of ledger.faults) {
    // One that meets a process that was killed at the same time strikes nothing.
    judge(
      seen > 0 && seen * 2 >= struck,
      `${name}: ${struck} times, seen to take effect ${seen} times`,
    );
  }
}

async function holds(condition: () => Promise<boolean>): Promise<boolean> {
  return eventually(condition, { within: endLimitMs, every: 50 }).then(
    () => true,
    () => false,
  );
}

function told(overlaps: ReturnType<typeof overlapsOf>): string {
  return overlaps
    .map(({ processes, terms, ms }) => `${processes} in ${terms} for ${ms} ms`)
    .join('; ');
}
