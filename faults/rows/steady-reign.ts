import { eventually } from '../../__test__/fixtures/eventually.ts';
import { msBetween, now, type CandidateProcess } from '../../__test__/fixtures/processes.ts';
import type { Group } from '../group.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { Run } from '../run.ts';

/** What is expected of a fault that must not cost the leader his place. */
export interface SteadyReign {
  leader: CandidateProcess;
  followers: CandidateProcess[];
  term: number;
  /** Waits until the register names the leader, by a renewal that was applied after `at`; that is the recovery. */
  isNamedAgain(at: bigint): Promise<void>;
  /** Waits for so many renewals that those who watch would have taken over; then nothing may have changed. */
  hasGoneOn(since: bigint): Promise<void>;
  /** The leader has told its process once in this reign that its record was lost. */
  isWarnedOf(): Promise<void>;
  /** Every process lists every process, and none was taken for gone for longer than 2 s. */
  allAreListed(): Promise<void>;
}

/** Begins with a leader that all agree on. */
export async function goesOn(run: Run, group: Group, eye: RegisterEye): Promise<SteadyReign> {
  const { leader, followers } = await group.steady();
  const { term } = await eye.read();
  // For a moment there may be something else in its place.
  const read = () => eye.read().catch(() => ({ holder: '', term: 0, beat: 0, stamp: '' }));
  let stamp = '';
  const isOurs = (record: { holder: string; term: number }) =>
    record.holder.startsWith(leader.id) && record.term === term;

  return {
    leader,
    followers,
    term,

    async isNamedAgain(at) {
      // One that was applied before the strike may be what is seen at first.
      stamp = (await read()).stamp;
      const seenAt = await run.becomes('the register names the leader again', async () => {
        const next = await read();
        return isOurs(next) && next.stamp !== stamp && now();
      });
      run.recovered(at, seenAt);
    },

    async hasGoneOn(since) {
      for (let renewals = 0; renewals < 7; renewals++) {
        await run.becomes('renewals go on', async () => {
          const next = await read();
          if (next.stamp === stamp || !isOurs(next)) return false;
          stamp = next.stamp;
          return true;
        });
      }
      run.expect(await leader.call('isLeader'), 'the leader goes on');
      run.expect(group.electedSince(since).length === 0, 'no election');
      const lost = leader.events.filter(({ name, at }) => name === 'defeated' && at > since);
      run.expect(lost.length === 0, 'the leader was told of no loss');
    },

    async isWarnedOf() {
      const warnings: { code: string }[] = await leader.call('warnings');
      const told = warnings.filter(({ code }) => code === 'WARN_REDIS').length;
      run.expect(told === 1, `one process warning of the loss, not ${told}`);
    },

    async allAreListed() {
      const { length } = group.living;
      const began = now();
      await eventually(
        async () => {
          const lists = await Promise.all(group.living.map((one) => one.call('getInstances')));
          return lists.every((list) => list.length === length);
        },
        { within: 5000 },
      ).catch(() => undefined);
      const tookMs = msBetween(began, now());
      run.expect(tookMs < 2000, `all list all within 2 s, not after ${tookMs.toFixed(0)} ms`);
    },
  };
}
