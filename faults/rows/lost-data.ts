// Rows 16 and 18: Redis loses its data, or its scripts, while a leader reigns.

import { registerKey } from '../../__test__/fixtures/register.ts';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import { goesOn } from './steady-reign.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;

/** A key that nobody touches, so that its loss proves that the data were lost. */
const witness = 'witness';

interface Loss {
  row: number;
  title: string;
  commands: string[][];
  /** Whether the witness goes, too. */
  ofAll: boolean;
}

const key = registerKey('orders');
const losses: Loss[] = [
  { row: 16, title: 'FLUSHALL', commands: [['FLUSHALL']], ofAll: true },
  { row: 16, title: 'FLUSHDB', commands: [['FLUSHDB']], ofAll: true },
  {
    row: 16,
    title: 'FLUSHALL twice in a row',
    commands: [['FLUSHALL'], ['FLUSHALL']],
    ofAll: true,
  },
  { row: 16, title: 'DEL of the register', commands: [['DEL', key]], ofAll: false },
];

const lost: Fault[] = losses.map((loss) => ({
  row: loss.row,
  title: `${loss.title}: no change of leader`,
  leaseMs,
  boundMs: validMs,
  measures: 'from the loss to the register that names the leader again',
  shortRuns: 1,
  longRuns: 50,
  setUp: (bench) => setUp(bench, loss),
}));

async function setUp(bench: Bench, { title, commands, ofAll }: Loss) {
  const redis = await bench.redis();
  const group = bench.group({ url: redis.url });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    const reign = await goesOn(run, group, eye);
    await eye.send('SET', witness, 'there');
    const answers: unknown[] = [];
    const lostAt = await run.strike(title, async () => {
      for (const command of commands) answers.push(await eye.send(...command));
    });
    await run.prove('the data are gone', async () =>
      ofAll ? (await eye.send('EXISTS', witness)) === 0 : answers[0] === 1,
    );
    await reign.isNamedAgain(lostAt);
    await reign.hasGoneOn(lostAt);
    await reign.isWarnedOf();
    await reign.allAreListed();
  };
}

const scriptFlush: Fault = {
  row: 18,
  title: 'SCRIPT FLUSH goes unnoticed',
  leaseMs,
  boundMs: validMs,
  measures: 'from the flush to the next renewal',
  shortRuns: 1,
  async setUp(bench) {
    const redis = await bench.redis();
    const group = bench.group({ url: redis.url });
    const eye = bench.eye(redis);
    return async (run) => {
      const reign = await goesOn(run, group, eye);
      const hash = String(await eye.send('SCRIPT', 'LOAD', 'return 1'));
      const flushedAt = await run.strike('SCRIPT FLUSH', () => eye.send('SCRIPT', 'FLUSH'));
      await run.prove(
        'the server knows no script',
        async () => String(await eye.send('SCRIPT', 'EXISTS', hash)) === '0',
      );
      await reign.isNamedAgain(flushedAt);
      await reign.hasGoneOn(flushedAt);
      const errors = group.living.flatMap((one) =>
        one.events.filter(({ name, at }) => name === 'error' && at > flushedAt),
      );
      run.expect(
        errors.length === 0,
        `nobody is told of an error (${errors[0]?.args[0]?.message})`,
      );
    };
  },
};

export const lostData: Fault[] = [...lost, scriptFlush];
