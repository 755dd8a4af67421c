// Row 24: others write what makes no sense, on every channel and to every key.

import type { Fault } from '../fault.ts';
import type { RegisterEye } from '../register-eye.ts';
import { now, type CandidateProcess } from '../../__test__/fixtures/processes.ts';
import type { Run } from '../run.ts';
import type { Group } from '../group.ts';
import { goesOn } from './steady-reign.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;

const prefix = 'incumbent:{orders}:';
const envelope = { v: 1, from: 'x:0000000000000001', term: 1, leads: true, seq: 1, format: 'json' };
const deep = '['.repeat(100_000) + ']'.repeat(100_000);

const bodies: string[] = [
  '',
  '\n',
  '{',
  'null',
  '[]',
  '{}',
  '\u0000\u0001',
  '{"v":2}',
  '{"v":1}',
  '{"v":"1","type":"heartbeat"}',
  '{"v":1,"type":"heartbeat","holder":"","term":-1,"stamp":""}',
  '{"v":1,"type":"heartbeat","holder":{},"term":1e400,"stamp":[]}',
  '{"v":1,"type":"vacancy","term":"1","stamp":null}',
  '{"v":1,"revision":1,"enrolled":{"v":1,"id":"__proto__","holder":"x:1","meta":{"__proto__":{"polluted":1}}}}',
  '{"v":1,"revision":18446744073709551615,"left":"nobody"}',
  `{"v":1,"revision":1,"enrolled":${deep}}`,
  'x'.repeat(3_000_000),
  deep,
  `${JSON.stringify(envelope)}\n`,
  `${JSON.stringify(envelope)}\n{"__proto__":{"polluted":1}}`,
  `${JSON.stringify({ ...envelope, seq: 2 })}\n${deep}`,
  `${JSON.stringify({ ...envelope, seq: 2 ** 60, format: 'bytes' })}\n${'y'.repeat(1_200_000)}`,
  `${JSON.stringify({ ...envelope, format: 'nonsense' })}\n1`,
];

/** Each key with something of another type, or nonsense of the right one, in its place. */
const wrongKeys: string[][] = [
  ['SET', `${prefix}register`, 'a string'],
  ['SET', `${prefix}register`, 'x'.repeat(2_000_000)],
  ['LPUSH', `${prefix}register`, 'a list'],
  ['HSET', `${prefix}register`, 'holder', 'nobody', 'term', 'ten'],
  ['HSET', `${prefix}register`, 'lease', '99999999999999999999'],
  ['SET', `${prefix}instances`, 'a string'],
  ['HSET', `${prefix}instances`, '__proto__', '{', 'x', deep, 'y', '{"v":9}'],
  ['LPUSH', `${prefix}seen`, 'a list'],
  ['ZADD', `${prefix}seen`, 'inf', 'nobody', '-inf', 'me'],
  ['HSET', `${prefix}revision`, 'a', 'hash'],
  ['SET', `${prefix}revision`, 'not a number'],
];
const types = [
  'string',
  'string',
  'list',
  'hash',
  'hash',
  'string',
  'hash',
  'list',
  'zset',
  'hash',
  'string',
];

export const garbage: Fault[] = [
  {
    row: 24,
    title: 'garbage on every channel: counted and ignored',
    leaseMs,
    boundMs: validMs,
    measures: 'from the last of it to the next renewal',
    shortRuns: 1,
    longRuns: 100,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      const eye = bench.eye(redis);
      return async (run) => {
        const reign = await goesOn(run, group, eye);
        const ids = group.living.map(({ id }) => `instance:${id}`);
        const channels = ['election', 'registry', 'all', 'leader', 'followers', ...ids];
        let heard = 0;
        const struckAt = await run.strike('garbage on every channel', async () => {
          for (const channel of channels)
            for (const body of bodies)
              heard += Number(await eye.send('PUBLISH', `${prefix}0:${channel}`, body));
        });
        await run.prove('somebody listens on each', () => heard >= channels.length * bodies.length);
        await reign.isNamedAgain(now());
        await reign.hasGoneOn(struckAt);
        await messagesArrive(run, reign.leader, reign.followers);
        // Whom garbage named as an instance is forgotten soon.
        await reign.allAreListed();
      };
    },
  },
  {
    row: 24,
    title: 'a key of a wrong type, or with nonsense in it, is replaced',
    leaseMs,
    boundMs: validMs,
    measures: 'from the write to the register that names the leader again',
    shortRuns: wrongKeys.length,
    longRuns: 10 * wrongKeys.length,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      const eye = bench.eye(redis);
      return async (run) => {
        const reign = await goesOn(run, group, eye);
        const number = run.number % wrongKeys.length;
        const [command, key, ...values] = wrongKeys[number] as [string, string, ...string[]];
        const struckAt = await run.strike(
          `${command} ${key} ${values.join(' ').slice(0, 40)}`,
          () => {},
        );
        await run.prove('it was there', () => replaced(eye, command, key, values, types[number]!));
        await reign.isNamedAgain(struckAt);
        await reign.hasGoneOn(struckAt);
        await reign.allAreListed();
        await messagesArrive(run, reign.leader, reign.followers);
      };
    },
  },
];

/** Writes what is wrong, and reads its type, with nobody between. */
async function replaced(
  eye: RegisterEye,
  command: string,
  key: string,
  values: string[],
  type: string,
): Promise<boolean> {
  // What is added to fits the type that is there; all else takes its place.
  const script = `if ARGV[1] == '0' then redis.call('DEL', KEYS[1]) end
redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3))
return redis.call('TYPE', KEYS[1]).ok`;
  const isAdded = command === 'HSET' || command === 'ZADD';
  const kept = isAdded && !key.endsWith('revision');
  const found = await eye.send('EVAL', script, '1', key, kept ? '1' : '0', command, ...values);
  return found === type;
}

async function messagesArrive(run: Run, leader: CandidateProcess, followers: Group['living']) {
  const mark = `after run ${run.number}`;
  await leader.call('messageFollowers', mark);
  for (const one of followers) {
    await run.becomes('messages arrive', () =>
      one.events.some(({ name, args }) => name === 'message' && args[0].message === mark),
    );
  }
}
