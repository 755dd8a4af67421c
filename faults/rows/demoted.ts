// Row 15: the server at an address is demoted, and the address leads to another one from then on.

import type { Fault } from '../fault.ts';
import { now } from '../../__test__/fixtures/processes.ts';
import type { RedisServer } from '../../__test__/fixtures/redis-server.ts';

const leaseMs = 800;

export const demoted: Fault[] = [
  {
    row: 15,
    title: 'READONLY: the master is demoted, and its address leads to another; the leader stays',
    leaseMs,
    boundMs: leaseMs,
    measures: 'from the demotion until the new master names the leader',
    shortRuns: 1,
    longRuns: 100,
    async setUp(bench) {
      const servers = [await bench.redis({ args }), await bench.redis({ args })] as const;
      const [first, second] = servers;
      const eyes = new Map(servers.map((server) => [server, bench.eye(server)]));
      await second.cli('REPLICAOF', '127.0.0.1', first.port);
      const proxy = await bench.proxy(first);
      const group = bench.group({ url: proxy.url });
      return async (run) => {
        const [old, next] = run.number % 2 === 0 ? [first, second] : [second, first];
        // A run that broke off may have left the other one.
        if (!(await isReplica(next))) await next.cli('REPLICAOF', '127.0.0.1', old.port);
        proxy.leadTo(old.port);
        const { leader } = await group.steady();
        const { term } = await eyes.get(old)!.read();
        await run.becomes('the replica has the register', async () => {
          const seen = await eyes.get(next)!.read();
          return seen.term === term && (await isReplica(next));
        });
        const struckAt = await run.strike('the two change places', async () => {
          proxy.leadTo(next.port);
          await eyes.get(next)!.send('REPLICAOF', 'NO', 'ONE');
          await eyes.get(old)!.send('REPLICAOF', '127.0.0.1', String(next.port));
        });
        await run.prove('the old one is a replica', () => isReplica(old));
        const { stamp } = await eyes.get(next)!.read();
        const at = await run.becomes('the new master names the leader', async () => {
          const seen = await eyes.get(next)!.read();
          return seen.stamp !== stamp && seen.holder.startsWith(leader.id) && now();
        });
        run.recovered(struckAt, at);
        run.expect(await leader.call('isLeader'), 'the leader stays');
        run.expect(group.electedSince(struckAt).length === 0, 'no election');
        run.expect((await eyes.get(next)!.read()).term === term, 'its term stays');
        await run.becomes('all name it', async () => (await group.agreed()) === leader);
      };
    },
  },
];

const args = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];

async function isReplica(server: RedisServer): Promise<boolean> {
  const [role, , , state] = (await server.cli('ROLE')) as string[];
  return role === 'slave' && (state === 'connected' || state === undefined);
}
