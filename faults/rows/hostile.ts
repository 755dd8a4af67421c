// Row 26: names and metas that look like something else: patterns, separators, hash tags, roles.

import { Candidate, type IncumbentError } from 'incumbent';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { CandidateProcess } from '../../__test__/fixtures/processes.ts';

const leaseMs = 400;

const kinds = [
  '',
  '*',
  ':',
  '{}',
  '{a}b',
  '[a-z]?',
  'a:b',
  'leader',
  '__proto__',
  '\u0000',
  ' \r\n\t',
  '%25',
  'ключ-鍵-🔑',
  'x'.repeat(128),
];
const metas: unknown[] = [
  '*',
  { __proto__: null, leader: true },
  JSON.parse('{"__proto__":{"polluted":true},"kept":1}'),
  { constructor: { prototype: 1 } },
  'x'.repeat(16_000),
  [[[[[[[[]]]]]]]],
  '\u0000\u2028"\\',
  { id: 'leader', state: 'leader' },
];

export const hostile: Fault[] = [
  {
    row: 26,
    title: 'hostile kind and meta: encoded, and kept apart',
    leaseMs,
    boundMs: leaseMs + 20,
    measures: 'from the kill of the leader of that kind to the next elected',
    shortRuns: kinds.length,
    longRuns: 13 * kinds.length,
    async setUp(bench) {
      const redis = await bench.redis();
      const eye = bench.eye(redis);
      // A kind of its own beside them, to which nothing of theirs may come.
      const beside = bench.group({ url: redis.url, kind: 'beside', size: 2 });
      return async (run) => {
        const kind = kinds[run.number % kinds.length]!;
        const meta = metas[run.number % metas.length];
        const quiet = await beside.steady();
        const group = bench.group({ url: redis.url, kind, size: 3, options: { meta } });
        await run.strike(`kind ${JSON.stringify(kind)}`, () => group.steady());
        await run.prove('its register has the encoded name', () => hasKey(eye, kind));
        const { leader, followers } = await group.steady();
        await isListed(run, followers[0]!, meta);
        await goAstray(run, leader);
        await leader.call('messageTo', followers[0]!.id, 'to you');
        await followers[0]!.event('message', ({ args }) => args[0].message === 'to you');
        await leader.call('messageAll', 'to all of this kind');
        await followers[1]!.event(
          'message',
          ({ args }) => args[0].message === 'to all of this kind',
        );

        const killedAt = await run.strike(`SIGKILL to ${group.label(leader)}`, () =>
          group.kill(leader),
        );
        const { event } = await group.elected(run, killedAt);
        run.recovered(killedAt, event.at);
        run.expect(quiet.leader.of('message').length === 0, 'the other kind hears nothing of it');
        run.expect(beside.electedSince(killedAt).length === 0, 'the other kind has no election');
        for (const one of group.living) await group.kill(one);
      };
    },
  },
  {
    row: 26,
    title: 'a kind, id or meta that is too large is refused with a clear error',
    leaseMs,
    shortRuns: 1,
    longRuns: 20,
    async setUp(bench) {
      const redis = await bench.redis();
      const group = bench.group({ url: redis.url });
      return async (run) => {
        const { leader } = await group.steady();
        const large = 'x'.repeat(1 << 20);
        await run.strike('texts of 1 MB', () => {});
        const code = (call: Promise<unknown>) =>
          call.then(
            () => 'taken',
            (error) => error.code,
          );
        const refusals = [
          await code(leader.call('messageTo', large, 1)),
          await code(leader.call('setMeta', large)),
          await code(leader.call('messageAll', `${large}x`)),
        ];
        await run.prove('all were refused as too large', () =>
          refusals.every((one) => one === 'ERR_LIMIT_EXCEEDED'),
        );
        for (const options of [{ kind: large }, { meta: large }]) {
          const error = refusalOf(options);
          run.expect(error.includes('ERR_LIMIT_EXCEEDED'), `an error that says why: ${error}`);
        }
        run.expect(await leader.call('isLeader'), 'the leader goes on');
      };
    },
  },
];

async function hasKey(eye: RegisterEye, kind: string): Promise<boolean> {
  const encoded =
    [...Buffer.from(kind)]
      .map((byte) => String.fromCharCode(byte))
      .map((sign) =>
        /[A-Za-z0-9\-_.~]/.test(sign)
          ? sign
          : `%${sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
      )
      .join('') || '%';
  return (await eye.send('EXISTS', `incumbent:{${encoded}}:register`)) === 1;
}

async function isListed(run: Run, one: CandidateProcess, meta: unknown): Promise<void> {
  const instances: { meta: unknown }[] = await one.call('getInstances');
  const wanted = JSON.stringify(meta, (key, value) => (key === '__proto__' ? undefined : value));
  run.expect(instances.length === 3, `three are listed, not ${instances.length}`);
  run.expect(
    instances.every((instance) => JSON.stringify(instance.meta) === wanted),
    `the meta comes as it was given: ${JSON.stringify(instances[0]?.meta).slice(0, 100)}`,
  );
}

/** Messages to ids that nobody has reach nobody, whatever else they name. */
async function goAstray(run: Run, leader: CandidateProcess): Promise<void> {
  for (const id of ['*', 'leader', 'all', 'followers', '', ':', '{}', '\u0000', '../all']) {
    await run.settles(`a message to ${JSON.stringify(id)}`, leader.call('messageTo', id, 'astray'));
  }
}

/** What the constructor says to these options. */
function refusalOf(options: object): string {
  try {
    new Candidate(options);
    return 'they were taken';
  } catch (error) {
    return `${(error as IncumbentError).code}: ${(error as Error).message}`;
  }
}
