// lead() over a native side that the test plays: when the function runs, what ends it, and what waits for it.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { IncumbentError, LeadershipLost, type Reign } from 'incumbent';
import { eventually } from './fixtures/eventually.ts';
import { newCandidate, newFollower, outcome } from './fake-native.ts';

/** A function for lead() whose runs the test ends. */
class Work {
  readonly runs: (Reign & { return(): void; fail(error: unknown): void })[] = [];

  readonly fn = (reign: Reign) =>
    new Promise<void>((resolve, reject) => {
      this.runs.push(Object.assign(reign, { return: resolve, fail: reject }));
    });

  get latest() {
    return this.runs.at(-1)!;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function leading(options?: object) {
  const made = await newFollower(options);
  const work = new Work();
  const handle = made.candidate.lead(work.fn);
  made.native.elect(8, { at: 3 });
  await turn();
  return { ...made, work, handle };
}

describe('a function given to lead()', () => {
  test('runs when this instance is elected, with its term, checkpoint and signal', async () => {
    const { candidate, native } = await newFollower();
    const work = new Work();
    candidate.lead(work.fn);
    await turn();
    assert.equal(work.runs.length, 0);
    const order: string[] = [];
    candidate.on('elected', () => order.push(`elected, ${work.runs.length} runs`));
    native.elect(8, { at: 3 });
    await turn();
    assert.deepEqual(order, ['elected, 0 runs']);
    const { term, checkpoint, signal } = work.latest;
    assert.deepEqual([term, checkpoint, signal.aborted], [8, { at: 3 }, false]);
    assert.ok(signal instanceof AbortSignal);
    signal.throwIfAborted();
  });

  test('runs at once when this instance leads already, after lead() has returned', async () => {
    const { candidate, native } = await newFollower();
    native.elect(8);
    const work = new Work();
    candidate.lead(work.fn);
    assert.equal(work.runs.length, 0);
    await turn();
    assert.deepEqual([work.runs.length, work.latest.term], [1, 8]);
  });

  test('given in the listener of elected runs once', async () => {
    const { candidate, native } = await newFollower();
    const work = new Work();
    candidate.once('elected', () => candidate.lead(work.fn));
    native.elect(8);
    await turn();
    work.latest.return();
    await turn();
    assert.equal(work.runs.length, 1);
  });

  test('before start() runs with the first election', async () => {
    const { candidate, native } = newCandidate();
    const work = new Work();
    candidate.lead(work.fn);
    assert.equal(native.held, true);
    void candidate.start();
    native.elect(1);
    await turn();
    assert.equal(work.latest.term, 1);
  });

  test('is not run for a reign that was over before its turn came', async () => {
    const { candidate, native } = await newFollower();
    const work = new Work();
    candidate.lead(work.fn);
    native.elect(8);
    native.depose('expired');
    await turn();
    assert.equal(work.runs.length, 0);
    native.elect(9);
    await turn();
    assert.equal(work.runs.length, 1);
  });

  test('when it returns, the leadership is kept and nothing runs again in that term', async () => {
    const { candidate, native, work } = await leading();
    work.latest.return();
    await turn();
    assert.equal(candidate.isLeader(), true);
    assert.deepEqual(native.requests, []);
    assert.equal(work.runs.length, 1);
  });

  test('that has returned leaves a signal that lasts until the reign or the handle ends', async () => {
    const { native, work, handle } = await leading();
    work.latest.return();
    await turn();
    assert.equal(work.latest.signal.aborted, false);
    native.depose('expired');
    assert.equal(work.latest.signal.aborted, true);
    native.elect(9);
    await turn();
    work.latest.return();
    await turn();
    await handle.stop();
    assert.equal(work.latest.signal.reason.code, 'ERR_STOPPED');
  });

  test('with keep: false, its return releases the leadership, and it runs again in the next reign', async () => {
    const { candidate, native } = await newFollower();
    const work = new Work();
    candidate.lead(work.fn, { keep: false });
    for (const term of [8, 9]) {
      native.elect(term);
      await turn();
      work.latest.return();
      await turn();
      assert.equal(native.requests.at(-1)!.what, 'reelect');
      native.drain('reelected');
      assert.equal(native.drainedTerms.at(-1), term);
      native.depose('reelected');
      native.reply(null);
      await turn();
    }
    assert.deepEqual([work.runs.length, native.requests.length], [2, 2]);
  });

  test('with keep: false, its return after the end of the reign asks for nothing', async () => {
    const { candidate, native } = await newFollower();
    const work = new Work();
    candidate.lead(work.fn, { keep: false });
    native.elect(8);
    await turn();
    native.depose('expired');
    native.elect(9);
    work.runs[0]!.return();
    await turn();
    assert.deepEqual(native.requests, []);
    assert.deepEqual(
      work.runs.map(({ term }) => term),
      [8, 9],
    );
  });

  test('that is slow to end delays its next run, which is then that of the latest reign', async () => {
    const { native, work } = await leading();
    native.depose('expired');
    native.elect(9);
    native.depose('expired');
    native.elect(10);
    await turn();
    assert.equal(work.runs.length, 1);
    work.runs[0]!.return();
    await turn();
    assert.deepEqual(
      work.runs.map(({ term }) => term),
      [8, 10],
    );
  });

  test('does not run in a reign that ended before lead()', async () => {
    const { candidate, native } = await newFollower();
    native.elect(8);
    native.depose('expired');
    const work = new Work();
    candidate.lead(work.fn);
    await turn();
    assert.equal(work.runs.length, 0);
  });

  test('is one of several, each with a signal of its own', async () => {
    const { candidate, native, work, handle } = await leading();
    const other = new Work();
    candidate.lead(other.fn);
    await turn();
    assert.notEqual(other.latest.signal, work.latest.signal);
    void handle.stop();
    assert.deepEqual([work.latest.signal.aborted, other.latest.signal.aborted], [true, false]);
    native.drain('stopped');
    assert.equal(other.latest.signal.aborted, true);
    work.latest.return();
    await turn();
    assert.deepEqual(native.drainedTerms, []);
    other.latest.return();
    await turn();
    assert.deepEqual(native.drainedTerms, [8]);
  });

  test('must be a function, and its options must fit', async () => {
    const { candidate } = await newFollower();
    const lead = candidate.lead as (...args: unknown[]) => unknown;
    for (const args of [
      [],
      [7],
      [() => {}, 7],
      [() => {}, null],
      [() => {}, { keep: 1 }],
      [() => {}, { signal: {} }],
    ]) {
      assert.throws(() => lead.apply(candidate, args), { code: 'ERR_INVALID_ARGUMENT' });
    }
  });
});

describe('the signal', () => {
  for (const [why, happens] of Object.entries({
    stopped: ({ candidate }) => void candidate.stop(),
    reelected: ({ candidate }) => void candidate.reelect(),
    transferred: ({ candidate, native }) => {
      void candidate.transferTo('other');
      native.drain('transferred');
    },
    expired: ({ native }) => native.depose('expired'),
    stalled: ({ native }) => native.drain('stalled'),
    disconnected: ({ native }) => native.depose('disconnected'),
    replaced: ({ native }) => native.depose('replaced'),
  } satisfies Record<string, (made: Awaited<ReturnType<typeof leading>>) => void>)) {
    test(`is aborted with why: '${why}'`, async () => {
      const made = await leading();
      const heard: unknown[] = [];
      const { signal } = made.work.latest;
      signal.addEventListener('abort', () => heard.push(made.candidate.isLeader()));
      happens(made);
      assert.deepEqual(heard, [false], 'isLeader() is false before the first listener is told');
      assert.equal(signal.aborted, true);
      assert.ok(signal.reason instanceof LeadershipLost);
      assert.deepEqual([signal.reason.code, signal.reason.why], ['ERR_NOT_LEADER', why]);
      assert.match(signal.reason.message, /^the leadership of term 8 has ended: .{10}/);
      assert.throws(() => signal.throwIfAborted(), signal.reason);
    });
  }

  test('is aborted when a tenth of leaseMs is left, not before, and the leadership is given up with it', async () => {
    const { native, work } = await leading({ leaseMs: 1000 });
    const { signal } = work.latest;
    native.leftMs = 101;
    assert.equal(signal.aborted, false);
    native.leftMs = 100;
    assert.equal(signal.aborted, true);
    assert.equal((signal.reason as LeadershipLost).why, 'expired');
    const [request] = native.requests;
    assert.deepEqual([request?.what, request?.argument], ['resign', 'expired']);
    assert.equal(native.isLeader(), false);
  });

  test('of a blocked loop is aborted at the first reading, its listeners included', async () => {
    const { native, work } = await leading();
    const { signal } = work.latest;
    let heard = 0;
    signal.addEventListener('abort', () => (heard += 1));
    // No item and no timer comes meanwhile.
    native.state = 'follower';
    assert.throws(() => signal.throwIfAborted(), { why: 'expired' });
    assert.equal(heard, 1);
    assert.deepEqual(native.requests, [], 'there is nothing to resign from');
  });

  test('is aborted when this instance leads again, in another term, and no event told of either', async () => {
    const { native, work } = await leading();
    native.currentTerm = 11;
    assert.equal(work.latest.signal.reason.why, 'expired');
    assert.deepEqual(native.requests, [], 'the new reign is not resigned from');
  });

  test('tells its listeners when this instance is elected again, and nobody told of the loss', async () => {
    const { native, work } = await leading();
    const heard: unknown[] = [];
    const { signal } = work.latest;
    signal.addEventListener('abort', () => heard.push(signal.reason.why));
    native.elect(9);
    assert.deepEqual(heard, ['expired']);
  });

  test('is aborted when the run ends by a defect, of which no event tells', async () => {
    const { native, work } = await leading();
    const heard: unknown[] = [];
    work.latest.signal.addEventListener('abort', () => heard.push('abort'));
    native.deliver({ type: 'stopped' });
    assert.deepEqual(heard, ['abort']);
  });

  test('keeps the reason that came first', async () => {
    const { candidate, native } = await newFollower();
    const heard: Reign[] = [];
    candidate.on('elected', (reign) => heard.push(reign));
    native.elect(8);
    void candidate.stop();
    native.depose('expired');
    assert.equal(heard[0]!.signal.reason.why, 'stopped');
  });

  test('that has been aborted keeps nobody looking at the clock', async (t) => {
    const { native, handle, work } = await leading({ leaseMs: 100 });
    native.leftMs = 11;
    const looks = t.mock.method(native, 'validForMs');
    await eventually(() => looks.mock.callCount() > 3);
    const stopped = handle.stop();
    work.latest.return();
    await stopped;
    await sleep(5);
    looks.mock.resetCalls();
    await sleep(30);
    assert.equal(looks.mock.callCount(), 0);
  });

  test('is aborted by a timer where nobody reads it, and renewals put that off', async () => {
    const { native, work } = await leading({ leaseMs: 100 });
    const { signal } = work.latest;
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve()),
    );
    native.leftMs = 40;
    const startedAt = performance.now();
    // A renewal, each time that the timer may look.
    const renewing = setInterval(
      () => (native.leftMs = performance.now() - startedAt > 100 ? 5 : 40),
      1,
    );
    await aborted;
    clearInterval(renewing);
    assert.ok(performance.now() - startedAt > 100);
  });

  test('ends what waits with it', async () => {
    const { native, work } = await leading();
    const waiting = sleep(60_000, undefined, { signal: work.latest.signal });
    const any = AbortSignal.any?.([work.latest.signal]);
    native.depose('expired');
    await assert.rejects(waiting, { name: 'AbortError', cause: work.latest.signal.reason });
    assert.ok(any === undefined || any.reason === work.latest.signal.reason);
  });

  test('and checkpoint come with elected as well, and it still prints as { term }', async () => {
    const { candidate, native } = await newFollower();
    const heard: Reign[] = [];
    candidate.on('elected', (reign) => heard.push(reign));
    native.elect(8, { __proto__: null, at: 3 });
    native.elect(9);
    const [first, second] = heard as [Reign, Reign];
    assert.deepEqual([first.checkpoint, second.checkpoint], [{ at: 3 }, undefined]);
    assert.equal(first.signal, first.signal);
    assert.deepEqual([first.signal.aborted, second.signal.aborted], [true, false]);
    native.depose('expired');
    assert.equal(second.signal.aborted, true);
    assert.deepEqual(first, { term: 8 });
  });

  test('a checkpoint loses keys __proto__', async () => {
    const { candidate, native } = await newFollower();
    const heard: Reign[] = [];
    candidate.on('elected', (reign) => heard.push(reign));
    native.state = 'leader';
    native.deliverText('[{"type":"elected","term":8,"checkpoint":{"__proto__":{"bad":1},"at":3}}]');
    assert.equal(JSON.stringify(heard[0]!.checkpoint), '{"at":3}');
  });
});

describe('a leadership that is given up', () => {
  for (const [name, giveUp] of Object.entries({
    'stop()': (candidate) => candidate.stop(),
    'reelect()': (candidate) => candidate.reelect(),
    'transferTo()': (candidate) => candidate.transferTo('other'),
  } satisfies Record<
    string,
    (candidate: Awaited<ReturnType<typeof leading>>['candidate']) => Promise<unknown>
  >)) {
    test(`by ${name} is drained when the function has settled, however it did`, async () => {
      for (const settle of ['return', 'fail'] as const) {
        const { candidate, native, work, handle } = await leading();
        void handle.done.catch(() => {});
        const done = giveUp(candidate);
        native.drain('stopped');
        await turn();
        assert.deepEqual(native.drainedTerms, []);
        work.latest[settle](new Error('from the function'));
        await turn();
        assert.deepEqual(native.drainedTerms, [8]);
        assert.equal(await outcome(done), 'pending');
        native.depose('stopped');
        if (name === 'stop()') native.deliver({ type: 'stopped' });
        else native.reply({ leader: 'other' });
        assert.equal(await outcome(done), 'resolved');
      }
    });
  }

  test('without a function is drained at once', async () => {
    const { candidate, native } = await newFollower();
    native.elect(8);
    assert.equal(native.held, false);
    void candidate.reelect();
    native.drain('reelected');
    assert.deepEqual(native.drainedTerms, [8]);
  });

  test('before anybody here has heard of it is drained at once, and nothing runs', async () => {
    const { candidate, native } = await newFollower();
    const work = new Work();
    candidate.lead(work.fn);
    native.state = 'leader';
    native.currentTerm = 8;
    void candidate.reelect();
    native.deliver(
      { type: 'elected', term: 8 },
      { type: 'draining', term: 8, reason: 'reelected' },
    );
    await turn();
    assert.deepEqual([work.runs.length, native.drainedTerms], [0, [8]]);
  });

  test('that was never told of is drained at once, and leaves the signal of another term alone', async () => {
    const { native } = await newFollower();
    native.deliver({ type: 'draining', term: 7, reason: 'reelected' });
    assert.deepEqual(native.drainedTerms, [7]);
    const made = await leading();
    made.native.deliver({ type: 'draining', term: 7, reason: 'reelected' });
    assert.deepEqual([made.native.drainedTerms, made.work.latest.signal.aborted], [[7], false]);
  });

  test('is not held up by a run of an earlier term', async () => {
    const { native, work } = await leading();
    native.depose('expired');
    native.elect(9);
    native.drain('stopped');
    await turn();
    assert.deepEqual([work.runs.length, native.drainedTerms], [1, [9]]);
  });

  test('is held for functions as long as there are any', async () => {
    const { candidate, native, work, handle } = await leading();
    assert.equal(native.held, true);
    const stopped = handle.stop();
    assert.equal(native.held, true, 'its run has not settled');
    work.latest.return();
    await stopped;
    assert.equal(native.held, false);
    const first = candidate.lead(() => {});
    const second = candidate.lead(() => {});
    await first.stop();
    assert.equal(native.held, true);
    await second.stop();
    assert.equal(native.held, false);
  });

  test('leaves the function what it needs for its last words', async () => {
    const { candidate, native, work } = await leading();
    const first = candidate.fenced([['SET', 'a', 0]]);
    void candidate.stop();
    native.drain('stopped');
    assert.equal(await outcome(first), 'pending');
    native.deliver({ type: 'reply', request: 1, value: ['OK'] });
    assert.deepEqual(await first, ['OK']);
    const last = candidate.setCheckpoint('here');
    native.reply(null);
    await last;
    const late = candidate.fenced([['SET', 'a', 1]]);
    work.latest.return();
    native.depose('stopped');
    native.deliver({ type: 'stopped' });
    await assert.rejects(late, { code: 'ERR_STOPPED' });
    await assert.rejects(candidate.setCheckpoint('after'), { code: 'ERR_NOT_STARTED' });
  });
});

describe('a drain that takes too long', () => {
  const overrun = { type: 'overrun', term: 8, afterMs: 5000 };
  const failure = { type: 'failure', request: 1, code: 'ERR_DRAIN_TIMEOUT', message: 'too slow' };

  for (const method of ['reelect', 'transferTo'] as const) {
    test(`rejects ${method}(), and is no event beside that`, async () => {
      const { candidate, native } = await leading();
      const errors: unknown[] = [];
      candidate.on('error', (error) => errors.push(error));
      const done = candidate[method]('other');
      native.drain('reelected');
      native.deliver(overrun, failure);
      await assert.rejects(done, { code: 'ERR_DRAIN_TIMEOUT' });
      assert.deepEqual(errors, []);
    });
  }

  test('is an error event after stop(), which resolves', async () => {
    const { candidate, native } = await leading();
    const errors: Error[] = [];
    candidate.on('error', (error) => errors.push(error));
    const stopped = candidate.stop();
    native.drain('stopped');
    native.deliver(overrun, { type: 'stopped' });
    await stopped;
    assert.equal((errors[0] as IncumbentError).code, 'ERR_DRAIN_TIMEOUT');
    assert.match(
      errors[0]!.message,
      /did not end within drainMs \(5000 ms\) in term 8; nothing is/,
    );
  });

  test('is an error event where a function gave the leadership up', async () => {
    const { candidate, native } = await leading();
    const errors: string[] = [];
    candidate.on('error', ({ code }) => errors.push(code));
    candidate.lead(() => {}, { keep: false });
    await turn();
    native.drain('reelected');
    native.deliver(overrun, failure);
    assert.deepEqual(errors, ['ERR_DRAIN_TIMEOUT']);
  });
});

describe('a function that throws', () => {
  test('ends the handle with its very error, after the leadership was given up', async () => {
    const { candidate, native, work, handle } = await leading();
    const error = Object.assign(new TypeError('whole'), { cause: { deep: true }, extra: 1 });
    work.latest.fail(error);
    await turn();
    assert.equal(native.requests.at(-1)!.what, 'reelect');
    assert.equal(work.latest.signal.reason.why, 'reelected');
    assert.equal(await outcome(handle.done), 'pending');
    native.drain('reelected');
    assert.deepEqual(native.drainedTerms, [8]);
    native.depose('reelected');
    native.elect(9);
    native.reply(null);
    const caught = await handle.done.catch((reason) => reason);
    assert.equal(caught, error);
    await turn();
    assert.equal(work.runs.length, 1, 'a handle that has failed runs no more');
    await handle.stop();
    assert.equal(candidate.isLeader(), true);
  });

  test('is told by its own error also where the release fails, in whatever way', async () => {
    for (const fails of ['request', 'answer', 'stop'] as const) {
      const { candidate, native, work, handle } = await leading();
      const error = new Error(`whole, over ${fails}`);
      const rejected = assert.rejects(handle.done, error);
      if (fails === 'request') native.throws.request = new Error('the native side panicked');
      work.latest.fail(error);
      await turn();
      const [{ request } = { request: 0 }] = native.requests.slice(-1);
      if (fails === 'answer') {
        native.deliver({
          type: 'failure',
          request,
          code: 'ERR_REDIS_UNREACHABLE',
          message: 'gone',
        });
      }
      if (fails === 'stop') void candidate.stop();
      await rejected;
    }
  });

  test('may throw anything, also at once', async () => {
    for (const thrown of [undefined, null, 'text', 0]) {
      const { candidate, native } = await newFollower();
      const { done } = candidate.lead(() => {
        throw thrown;
      });
      native.elect(8);
      await turn();
      native.reply(null);
      const caught = await done.then(
        () => 'nothing',
        (error) => [error],
      );
      assert.deepEqual(caught, [thrown]);
    }
  });

  test('because of its signal has not failed, and runs again in the next reign', async () => {
    const { candidate, native } = await newFollower();
    const terms: number[] = [];
    candidate.lead(async ({ term, signal }) => {
      terms.push(term);
      if (term % 2) await sleep(60_000, undefined, { signal });
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      );
    });
    for (const term of [1, 2, 3]) {
      native.elect(term);
      await turn();
      native.depose('expired');
      await turn();
    }
    assert.deepEqual(terms, [1, 2, 3]);
  });

  test('because a write of it was refused has not failed, and gives up what it may still hold', async () => {
    const { candidate, native } = await newFollower();
    const terms: number[] = [];
    candidate.lead(async ({ term }) => {
      terms.push(term);
      await candidate.setCheckpoint(1, { term });
    });
    for (const [index, term] of [8, 9].entries()) {
      native.elect(term);
      await turn();
      const { request } = native.requests[index * 2]!;
      native.deliver({
        type: 'failure',
        request,
        code: 'ERR_NOT_LEADER',
        message: 'another leads',
      });
      await turn();
      assert.equal(native.requests[index * 2 + 1]!.what, 'reelect');
      native.depose('replaced');
      native.reply(null);
      await turn();
    }
    assert.deepEqual(terms, [8, 9]);
  });

  test('something else after its signal has failed all the same', async () => {
    const { native, work, handle } = await leading();
    native.depose('expired');
    const error = new Error('while it cleaned up');
    work.latest.fail(error);
    await assert.rejects(handle.done, error);
    assert.deepEqual(native.requests, [], 'there was nothing left to give up');
  });

  test('an AbortError that its signal did not cause has failed', async () => {
    const { native, work, handle } = await leading();
    const error = new DOMException('another signal', 'AbortError');
    work.latest.fail(error);
    await turn();
    native.reply(null);
    const caught = await handle.done.catch((reason) => reason);
    assert.equal(caught, error);
  });
});

describe('the handle', () => {
  test('stops: the signal is aborted, the leadership stays, and no later reign runs anything', async () => {
    const { candidate, native, work, handle } = await leading();
    const stopped = handle.stop();
    const again = handle[Symbol.asyncDispose]();
    assert.equal(work.latest.signal.reason.code, 'ERR_STOPPED');
    assert.equal(candidate.isLeader(), true);
    assert.deepEqual(
      await Promise.all([stopped, again, handle.done].map(outcome)),
      Array(3).fill('pending'),
    );
    work.latest.return();
    await Promise.all([stopped, again, handle.done]);
    native.elect(9);
    await turn();
    assert.equal(work.runs.length, 1);
    assert.deepEqual(native.requests, []);
  });

  test('stops by a signal, with its reason, and lets go of the signal afterwards', async () => {
    const { candidate, native } = await newFollower();
    const controller = new AbortController();
    const work = new Work();
    const { done } = candidate.lead(work.fn, { signal: controller.signal });
    native.elect(8);
    await turn();
    const reason = new Error('enough');
    controller.abort(reason);
    assert.equal(work.latest.signal.reason, reason);
    work.latest.fail(reason);
    await done;

    const other = new AbortController();
    const second = candidate.lead(() => {}, { signal: other.signal });
    assert.equal(getEventListeners(other.signal, 'abort').length, 1);
    await second.stop();
    assert.equal(getEventListeners(other.signal, 'abort').length, 0);

    const early = new Work();
    await candidate.lead(early.fn, { signal: controller.signal }).done;
    assert.equal(early.runs.length, 0);
    assert.equal(native.held, false);
  });

  test('stays over stop() and start() of the candidate', async () => {
    const { candidate, native, work, handle } = await leading();
    const stopped = candidate.stop();
    work.latest.return();
    native.depose('stopped');
    native.deliver({ type: 'stopped' });
    await stopped;
    assert.equal(await outcome(handle.done), 'pending');
    void candidate.start();
    native.elect(12);
    await turn();
    assert.equal(work.latest.term, 12);
  });
});
