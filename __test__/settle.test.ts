// Whatever is called, in whatever order, and whatever the native side answers in between: every promise settles, every
// drain is reported once, and no function runs on without a signal that says so.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { LeadHandle, Reign } from 'incumbent';
import { FakeNative, newCandidate, outcome } from './fake-native.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The native side as it answers: a register that only this instance contends for, with a drain as it shall be. */
class Answers {
  readonly #native: FakeNative;
  #term = 0;
  #phase: 'idle' | 'leading' | 'draining' = 'idle';
  #runs = false;
  #stopping = false;
  #answered = 0;
  #calls = 0;
  #waiting: number[] = [];

  constructor(native: FakeNative) {
    this.#native = native;
  }

  get isRunning() {
    return this.#runs;
  }

  elect() {
    if (!this.#runs || this.#stopping || this.#phase !== 'idle') return;
    this.#phase = 'leading';
    this.#term += 1;
    this.#native.elect(this.#term);
  }

  lose(reason: string) {
    if (this.#phase === 'idle') return;
    this.#phase = 'idle';
    this.#native.depose(reason);
    this.#answerWaiting();
  }

  drain(reason: string) {
    if (this.#phase !== 'leading') return;
    this.#phase = 'draining';
    this.#native.drain(reason);
  }

  /** The drain took longer than drainMs. */
  overrun() {
    if (this.#phase !== 'draining') return;
    this.#native.deliver({ type: 'overrun', term: this.#term, afterMs: 1 });
    for (const request of this.#waiting.splice(0)) {
      this.#native.deliver({
        type: 'failure',
        request,
        code: 'ERR_DRAIN_TIMEOUT',
        message: 'slow',
      });
    }
    this.lose('stopped');
  }

  /** Takes in what was called since the last time. */
  play() {
    for (; this.#calls < this.#native.calls.length; this.#calls++) {
      const call = this.#native.calls[this.#calls];
      if (call === 'start') {
        this.#runs = true;
        this.#native.deliver({ type: 'leader', id: 'other', term: 1 }, { type: 'started' });
      }
      if (call === 'stop') this.#stop();
      if (call === 'request') this.#answer();
    }
    this.#release();
    if (this.#stopping && this.#phase === 'idle') this.#end();
  }

  #stop() {
    this.#stopping = true;
    this.drain('stopped');
  }

  #end() {
    this.#stopping = false;
    this.#runs = false;
    this.#native.deliver({ type: 'stopped' });
  }

  #answer() {
    const { request, what } = this.#native.requests[this.#answered++]!;
    if (what === 'transfer' && this.#phase !== 'leading') {
      this.#native.deliver({ type: 'failure', request, code: 'ERR_NOT_LEADER', message: 'no' });
      return;
    }
    this.#waiting.push(request);
    this.drain(what === 'transfer' ? 'transferred' : 'reelected');
    if (this.#phase === 'idle') this.#answerWaiting();
  }

  #answerWaiting() {
    for (const request of this.#waiting.splice(0)) {
      this.#native.deliver({ type: 'reply', request, value: { leader: 'b' } });
    }
  }

  /** A drain ends when its work has settled; without a function attached, at once. */
  #release() {
    const settled = !this.#native.held || this.#native.drainedTerms.includes(this.#term);
    if (this.#phase === 'draining' && settled) this.lose('stopped');
  }
}

/** How a function given to lead() takes the end of its leadership. */
const manners = {
  heeds: ({ signal }: Reign) =>
    new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    ),
  'throws the reason': ({ signal }: Reign) =>
    new Promise<void>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
    ),
  'throws an error when aborted': ({ signal }: Reign) =>
    new Promise<void>((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('own')), { once: true }),
    ),
  'throws at once': () => {
    throw new Error('own');
  },
  'returns at once': () => {},
  'never ends': () => new Promise<void>(() => {}),
};

interface Step {
  do:
    | ('start' | 'stop' | 'reelect' | 'transferTo' | 'lead' | 'endHandle' | 'readSignals')
    | ('elect' | 'lose' | 'overrun' | 'play' | 'turn');
  reason?: string;
  manner?: keyof typeof manners;
  keep?: boolean;
}

const beginning: Step[] = [{ do: 'start' }, { do: 'play' }, { do: 'elect' }];
const steps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.record({
      do: fc.constantFrom<Step['do'][]>(
        ...(['start', 'stop', 'reelect', 'transferTo', 'lead', 'lead', 'endHandle'] as const),
        ...(['elect', 'elect', 'lose', 'overrun', 'readSignals', 'turn', 'turn', 'play'] as const),
      ),
      reason: fc.constantFrom('expired', 'stalled', 'disconnected', 'replaced'),
      manner: fc.constantFrom(...(Object.keys(manners) as (keyof typeof manners)[])),
      keep: fc.boolean(),
    }),
    { minLength: 2, maxLength: 14 },
  )
  .chain((story) => fc.constantFrom(story, [...beginning, ...story]));

async function playOut(story: Step[]) {
  const { candidate, native } = newCandidate();
  candidate.on('error', () => {});
  const answers = new Answers(native);
  const promises: Promise<unknown>[] = [];
  const handles: LeadHandle[] = [];
  const ends: Promise<void>[] = [];
  const runs: { reign: Reign; settled: boolean; heeds: boolean }[] = [];
  const keep = <T>(promise: Promise<T>) => {
    promise.catch(() => {});
    promises.push(promise);
  };

  for (const step of story) {
    if (step.do === 'start' || step.do === 'stop' || step.do === 'reelect')
      keep(candidate[step.do]());
    else if (step.do === 'transferTo') keep(candidate.transferTo('b'));
    else if (step.do === 'elect') answers.elect();
    else if (step.do === 'overrun') answers.overrun();
    else if (step.do === 'lose') answers.lose(step.reason!);
    else if (step.do === 'turn') await turn();
    else if (step.do === 'play') answers.play();
    else if (step.do === 'endHandle') ends.push(handles.at(-1)?.stop() ?? Promise.resolve());
    else if (step.do === 'readSignals') runs.forEach(({ reign }) => void reign.signal.aborted);
    else {
      const handle = candidate.lead(async (reign) => {
        assert.equal(reign.signal.aborted, false, 'it was run with an aborted signal');
        assert.equal(
          runs.some((run) => run.reign.term === reign.term && run.reign.signal === reign.signal),
          false,
        );
        const run = { reign, settled: false, heeds: step.manner !== 'never ends' };
        runs.push(run);
        try {
          await manners[step.manner!](reign);
        } finally {
          run.settled = true;
        }
      }, step);
      handle.done.catch(() => {});
      handles.push(handle);
    }
  }

  // The end of every story: what hangs runs over, and the candidate stops.
  keep(candidate.stop());
  for (let round = 0; round < 12; round++) {
    answers.play();
    await turn();
  }
  answers.overrun();
  answers.play();
  await turn();

  const outcomes = await Promise.all(promises.map(outcome));
  assert.ok(!outcomes.includes('pending'), `${outcomes}`);
  assert.equal(answers.isRunning, false);
  for (const { reign, settled, heeds } of runs) {
    assert.equal(reign.signal.aborted, true, 'a signal outlived its leadership');
    assert.ok(settled || !heeds, 'a function that heeds its signal runs on');
  }
  const told = native.drainedTerms;
  assert.deepEqual(told, [...new Set(told)], 'a drain was reported twice');
  // A handle ends when its function does.
  if (runs.some(({ settled }) => !settled)) return;
  const stops = handles.map((handle) => handle.stop());
  for (const end of [...ends, ...stops]) assert.equal(await outcome(end), 'resolved');
  for (const { done } of handles) assert.notEqual(await outcome(done), 'pending');
}

test('any story of calls, elections and losses settles', async () => {
  await fc.assert(fc.asyncProperty(steps, playOut), { numRuns: 4000 });
});

describe('every pair of calls at once, for every manner of function', () => {
  const calls = ['stop', 'reelect', 'transferTo', 'endHandle'] as const;
  for (const manner of Object.keys(manners) as (keyof typeof manners)[]) {
    test(`of one that ${manner}`, async () => {
      for (const first of calls) {
        for (const second of calls) {
          for (const between of ['turn', 'play', 'readSignals'] as const) {
            const story: Step[] = [
              { do: 'start' },
              { do: 'play' },
              { do: 'lead', manner, keep: true },
              { do: 'elect' },
              { do: 'turn' },
              { do: first },
              { do: between },
              { do: second },
            ];
            await playOut(story);
          }
        }
      }
    });
  }
});
