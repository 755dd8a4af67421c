// Row 7: connections end with a reset, as when a middlebox, an operator or a server drops them.

import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Run } from '../run.ts';
import { now } from '../../__test__/fixtures/processes.ts';
import type { TcpProxy } from '../../__test__/fixtures/tcp-proxy.ts';
import type { RegisterEye } from '../register-eye.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;

interface Reset {
  title: string;
  strike: (leaderProxy: TcpProxy, eye: RegisterEye) => unknown;
}

const resets: Reset[] = [
  {
    title: 'the connections of the leader are reset',
    strike: (proxy) => proxy.reset(),
  },
  {
    title: 'CLIENT KILL of one connection of the leader',
    async strike(_proxy, eye) {
      // The one that spoke last of those that carry commands is the leader's as a rule; any of them will do.
      const clients = String(await eye.send('CLIENT', 'LIST', 'TYPE', 'normal')).split('\n');
      const fields = clients.map((line) => new Map(line.split(' ').map((part) => pair(part))));
      const named = fields.filter((client) => client.get('name') === 'incumbent');
      named.sort((a, b) => Number(a.get('idle')) - Number(b.get('idle')));
      await eye.send('CLIENT', 'KILL', 'ID', named[0]?.get('id') ?? '0');
    },
  },
  {
    title: 'CLIENT KILL of all connections',
    async strike(_proxy, eye) {
      await eye.send('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await eye.send('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
    },
  },
];

export const reset: Fault[] = resets.map((one) => ({
  row: 7,
  title: `${one.title}: the same term goes on`,
  leaseMs,
  boundMs: validMs,
  measures: 'from the strike to the next renewal, by the same leader',
  shortRuns: 1,
  longRuns: 70,
  setUp: (bench) => setUp(bench, one),
}));

async function setUp(bench: Bench, { strike }: Reset) {
  const redis = await bench.redis();
  const proxies = await bench.proxies(redis, 3);
  const group = bench.group({ url: '', urls: proxies.map(({ url }) => url) });
  const eye = bench.eye(redis);
  return async (run: Run) => {
    const { leader, followers } = await group.steady();
    const before = await eye.read();
    const connections = () => proxies.reduce((sum, { counts }) => sum + counts.total, 0);
    const made = connections();
    const struckAt = await run.strike('reset', () => strike(proxies[group.place(leader)]!, eye));
    await run.prove('connections are made anew', () => connections() > made);
    // A renewal that was under way at the strike may have been applied before it.
    const { stamp } = await eye.read();
    const renewed = await run.becomes('the next renewal', async () => {
      const next = await eye.read();
      return next.stamp !== stamp && { ...next, at: now() };
    });
    run.recovered(struckAt, renewed.at);
    run.expect(renewed.term === before.term, 'the term goes on');
    run.expect(await leader.call('isLeader'), 'the leader goes on');
    // Long enough for those that watch to have taken over, had they thought so.
    await run.becomes('renewals go on', async () => (await eye.read()).beat >= renewed.beat + 5);
    run.expect(group.electedSince(struckAt).length === 0, 'no election');
    for (const one of followers) {
      const told = one.events.filter(({ name, at }) => name === 'left' && at > struckAt);
      run.expect(told.length === 0, 'nobody is taken for gone');
    }
  };
}

function pair(part: string): [string, string] {
  const at = part.indexOf('=');
  return [part.slice(0, at), part.slice(at + 1)];
}
