// `npm run migrate [-- --rounds 100] [--parallel 3] [--seed N] [--lease 800]`: fleets of 1 to 5 old and 1 to 5 new instances, rolled forward and
// back under load, in every other round with a stop before each start. Prints rows for each number of old instances and a verdict; the exit code is 1 when a promise was broken.

import { parseArgs } from 'node:util';
import { startRedis } from '../__test__/fixtures/redis-server.ts';
import { orders, playRound, type Order, type Outcome, type Plan } from './round.ts';
import { Random } from '../soak/faults.ts';

/** What falls into a longer time without a look may be missed: such a round is played again, so often at most. */
const blindLimitMs = 250;
const mostAttempts = 5;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    parallel: { type: 'string', default: '3' },
    lease: { type: 'string', default: '800' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const [rounds, parallel, leaseMs] = [values.rounds, values.parallel, values.lease].map(Number) as [
  number,
  number,
  number,
];
if (!(rounds > 0 && parallel > 0 && leaseMs >= 100)) {
  console.error('--rounds and --parallel must be numbers above 0, --lease one of at least 100');
  process.exit(2);
}
void main();

async function main() {
  console.log(`${rounds} rounds, ${parallel} at a time, seed ${values.seed}, leaseMs ${leaseMs}`);
  const random = new Random(Number(values.seed));
  const redis = await startRedis();
  const plans: Plan[] = Array.from({ length: rounds }, (_, number) => ({
    url: redis.url,
    kind: `round-${number}`,
    leaseMs,
    old: (number % 5) + 1,
    fresh: (Math.floor(number / 5) % 5) + 1,
    order: orders[number % orders.length]!,
  }));
  const waiting = plans.map((plan) => ({ plan, attempt: 1 }));
  const outcomes: Outcome[] = [];
  const faults: string[] = [];
  const worker = async () => {
    for (let entry = waiting.shift(); entry; entry = waiting.shift()) {
      const { plan, attempt } = entry;
      const outcome = await playRound(plan, () => random.unit());
      tell(outcome);
      faults.push(...outcome.faults);
      if (outcome.blindMs <= blindLimitMs) {
        outcomes.push(outcome);
        continue;
      }
      const blind = `${plan.kind}: ${outcome.blindMs.toFixed(0)} ms without a look`;
      console.log(`  ${blind}`);
      const again = { plan: { ...plan, kind: `${plan.kind}-again` }, attempt: attempt + 1 };
      if (attempt < mostAttempts) waiting.push(again);
      else faults.push(`${blind}, as ${attempt - 1} times before: this machine is too busy`);
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, worker));
  } finally {
    await redis.stop();
  }
  for (const order of orders) printTable(order, outcomes);
  faults.push(...longerThanTheOldOnes(outcomes));
  console.log(faults.length ? `${faults.length} promises broken` : 'no promise was broken');
  process.exit(faults.length ? 1 : 0);
}

function tell({ plan, forwardMs, backMs, faults }: Outcome): void {
  const gaps = `${forwardMs.toFixed(0)} and ${backMs.toFixed(0)} ms`;
  const fleet = `${plan.old} old, ${plan.fresh} new, ${plan.order}`;
  console.log(`${plan.kind}: ${fleet}: ${gaps} without a leader`);
  for (const fault of faults.slice(0, 10)) console.log(`  ${fault}`);
}

function takeoversOf(outcomes: Outcome[]): number[] {
  return outcomes.flatMap((one) => one.oldTakeoverMs ?? []).sort((a, b) => a - b);
}

/** Where there is a leader to take over from, the move is to cost less than a takeover of the old ones. */
function longerThanTheOldOnes(outcomes: Outcome[]): string[] {
  const takeovers = takeoversOf(outcomes);
  const median = takeovers[takeovers.length >> 1];
  const gaps = outcomes
    .filter(({ plan }) => plan.order === 'start first')
    .map(({ forwardMs, backMs }) => Math.max(forwardMs, backMs));
  const longest = Math.max(0, ...gaps);
  if (median === undefined || longest <= median) return [];
  const fault = `nobody led for ${longest.toFixed(0)} ms, longer than the old ones take, ${median.toFixed(0)} ms`;
  console.log(fault);
  return [fault];
}

function printTable(order: Order, outcomes: Outcome[]): void {
  console.log(`\n${order}:`);
  console.log(
    '\n| Old | Rounds | New leaders at once | Longest without a leader: forward | back | after the last new one left | Old takeover, median and longest | An old leader beside the new | Messages sent | received | Lost, doubled or out of order | Longest without a look |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|---|---|');
  for (const old of [1, 2, 3, 4, 5]) {
    const these = outcomes.filter(({ plan }) => plan.old === old && plan.order === order);
    if (these.length === 0) continue;
    const worst = (of: (outcome: Outcome) => number) => Math.max(...these.map(of)).toFixed(0);
    const sum = (of: (outcome: Outcome) => number) => these.reduce((all, one) => all + of(one), 0);
    const count = (what: RegExp) =>
      sum(({ faults }) => faults.filter((fault) => what.test(fault)).length);
    const takeovers = takeoversOf(these);
    const takeover = takeovers.length
      ? `${takeovers[takeovers.length >> 1]!.toFixed(0)}, ${takeovers.at(-1)!.toFixed(0)} ms`
      : '–';
    const cells = [
      old,
      these.length,
      count(/two new leaders/),
      `${worst((one) => one.forwardMs)} ms`,
      `${worst((one) => one.backMs)} ms`,
      `${worst((one) => one.lastLeftMs)} ms`,
      takeover,
      `${sum((one) => one.oldBesideNewMs).toFixed(0)} ms`,
      sum((one) => one.sent),
      sum((one) => one.received),
      count(/did not reach|twice or out of order/),
      `${worst((one) => one.blindMs)} ms`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
