// Row 17: Redis is at its memory limit, and evicts keys, or refuses writes.

import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { Run } from '../run.ts';
import { registerKey } from '../../__test__/fixtures/register.ts';
import { goesOn } from './steady-reign.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;
const evicting = ['allkeys-random', 'allkeys-lru', 'allkeys-lfu'];
const refusing = ['volatile-random', 'volatile-lru', 'volatile-lfu', 'volatile-ttl', 'noeviction'];

/** How much the filling takes, and each key of it. */
const fillings = 12;
const fillingBytes = 200_000;

export const memoryLimit: Fault[] = [...evicting, ...refusing].map((policy) => ({
  row: 17,
  title: `memory limit with ${policy}: no change of leader`,
  leaseMs,
  boundMs: validMs,
  measures: 'from the eviction, or the first refused write, to the next renewal',
  shortRuns: 1,
  longRuns: 25,
  setUp: (bench) => setUp(bench, policy),
}));

async function setUp(bench: Bench, policy: string) {
  const redis = await bench.redis();
  const group = bench.group({ url: redis.url });
  const eye = bench.eye(redis);
  await eye.send('CONFIG', 'SET', 'maxmemory-policy', policy);
  return async (run: Run) => {
    const reign = await goesOn(run, group, eye);
    const evicted = await statistic(eye, 'evicted_keys');
    const startedBeforeAt = await run.strike('the memory is full', () => fill(eye));
    if (evicting.includes(policy)) {
      await run.prove('keys are evicted', async () => {
        await press(eye);
        return (await statistic(eye, 'evicted_keys')) > evicted;
      });
      // Which keys go is the server's choice; a random one soon takes the register.
      if (policy === 'allkeys-random') await evictTheRegister(run, eye);
    } else {
      await run.prove('writes are refused', () => isRefused(eye));
    }
    const struckAt = run.note('at the limit');
    await reign.isNamedAgain(struckAt);
    await reign.hasGoneOn(startedBeforeAt);
    if (policy === 'allkeys-random') await reign.isWarnedOf();
    await eye.send('CONFIG', 'SET', 'maxmemory', '0');
    for (let number = 0; number < fillings; number++) await eye.send('DEL', `filling-${number}`);
    await reign.allAreListed();
  };
}

async function fill(eye: RegisterEye): Promise<void> {
  const filling = 'x'.repeat(fillingBytes);
  for (let number = 0; number < fillings; number++)
    await eye.send('SET', `filling-${number}`, filling);
  // Just what is in use now: every further key pushes another one out, or is refused.
  const used = await memoryInUse(eye);
  await eye.send('CONFIG', 'SET', 'maxmemory', String(used));
}

/** Writes that make the server evict. */
async function press(eye: RegisterEye): Promise<void> {
  const filling = 'x'.repeat(fillingBytes);
  const number = Math.floor(Math.random() * fillings);
  await eye.send('SET', `filling-${number}`, filling).catch(() => {});
}

/** Its key is there again within a renewal, so only its age can tell: the server counts commands on it no more. */
async function evictTheRegister(run: Run, eye: RegisterEye): Promise<void> {
  // An eviction removes the key whole, and with it a field that no script writes.
  await eye.send('HSET', registerKey('orders'), 'witness', '1');
  await run.prove('the register was evicted', async () => {
    for (let times = 0; times < 10; times++) await press(eye);
    return (await eye.send('HEXISTS', registerKey('orders'), 'witness')) === 0;
  });
}

async function isRefused(eye: RegisterEye): Promise<boolean> {
  return eye.send('SET', 'one-more', 'x'.repeat(fillingBytes)).then(
    () => false,
    (error: Error) => error.message.startsWith('OOM'),
  );
}

async function memoryInUse(eye: RegisterEye): Promise<number> {
  return field(String(await eye.send('INFO', 'memory')), 'used_memory');
}

async function statistic(eye: RegisterEye, name: string): Promise<number> {
  return field(String(await eye.send('INFO', 'stats')), name);
}

function field(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? NaN);
}
