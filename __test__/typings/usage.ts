// Compiled, never run: what users write must pass the compiler, and what is wrong must not.

import { on, once } from 'node:events';
import DefaultCandidate, { Candidate, IncumbentError, LeadershipLost } from 'incumbent';
import type {
  CandidateEvents,
  Channel,
  Credentials,
  ErrorCode,
  Gap,
  Health,
  Instance,
  LeadHandle,
  LeadOptions,
  LossReason,
  Options,
  Pem,
  Received,
  RedisOptions,
  Reign,
  Reply,
  StartOptions,
  State,
  Stats,
  TlsOptions,
} from 'incumbent';

interface Meta {
  version: string;
}
type Job = { job: number } | Buffer;

/** Fails to compile unless both types are the same. */
function same<A, B>(
  ..._proof: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
) {}

export async function everyOptionIsOptional(): Promise<void> {
  const redis: RedisOptions = {
    url: 'redis://localhost',
    host: 'localhost',
    port: 6379,
    username: 'user',
    password: 'password',
    db: 1,
    tls: { ca: ['ca.pem', Buffer.from('')], cert: '', key: '', servername: 'a' },
    keyPrefix: 'team-a:',
    clientName: 'orders',
  };
  const options: Options<Meta> = {
    redis,
    medium: 'memory',
    kind: 'orders',
    meta: { version: '1' },
    leaseMs: 800,
    renewMs: 160,
    maxStallMs: Infinity,
    crashDetection: 'connection',
    priority: -1,
    preempt: true,
    eligible: false,
    minInstances: 2,
    drainMs: 0,
    waitReplicas: 1,
  };
  new Candidate();
  new Candidate({});
  new Candidate({ redis: 'redis://localhost:6379' });
  new Candidate({ redis: { port: '6379' } });
  new Candidate({ redis: { sentinels: [{ host: 'a' }, { host: 'b', port: 1 }], name: 'main' } });
  new Candidate({ redis: { cluster: [{ host: 'a', port: '7000' }] } });
  new Candidate({ redis: { path: '/run/redis.sock', tls: false } });
  const credentials: Credentials = { username: 'user', password: 'token' };
  new Candidate({ redis: { credentials: () => credentials } });
  new Candidate({ redis: { credentials: async () => ({ password: 'token' }) } });
  const pem: Pem = Buffer.from('');
  const tls: TlsOptions = { ca: pem, rejectUnauthorized: false };
  new Candidate({ redis: { tls } });
  new Candidate<Meta>(options);
  new DefaultCandidate(options);

  // @ts-expect-error A number does not name a server.
  new Candidate({ redis: 6379 });
  // @ts-expect-error A password is given.
  new Candidate({ redis: { credentials: () => ({ username: 'user' }) } });
  // @ts-expect-error Times are numbers.
  new Candidate({ leaseMs: '800' });
  // @ts-expect-error There is no such medium.
  new Candidate({ medium: 'postgres' });
  // @ts-expect-error The letter case counts.
  new Candidate({ leasems: 800 });
}

export async function everyMemberHasItsType(): Promise<void> {
  const candidate = new Candidate<Meta, Job>();
  const startOptions: StartOptions = { signal: AbortSignal.timeout(1000) };
  same<void, Awaited<ReturnType<typeof candidate.stop>>>();
  await candidate.start();
  await candidate.start(startOptions);

  same<string, typeof candidate.id>();
  same<State, typeof candidate.state>();
  same<number, typeof candidate.currentTerm>();
  same<Meta, typeof candidate.meta>();
  const leads: boolean = candidate.isLeader();
  const meta: Meta = candidate.getMeta();
  const leader: Instance<Meta> | undefined = await candidate.getLeader();
  const versions: string[] = (await candidate.getInstances()).map((one) => one.meta.version);
  const leaderId: string = await candidate.waitForLeader({ signal: AbortSignal.timeout(1000) });
  await candidate.setMeta({ version: '2' });
  await candidate.reelect();
  await candidate.stepdown();
  void [leads, meta, leader, versions, leaderId];

  // @ts-expect-error Getters cannot be assigned to.
  candidate.state = 'leader';
  // @ts-expect-error It is changed by setMeta().
  candidate.meta = { version: '3' };
  // @ts-expect-error The metadata has another type.
  await candidate.setMeta('2');
  // @ts-expect-error An AbortController is no AbortSignal.
  await candidate.start({ signal: new AbortController() });
}

export async function leadershipIsHeldByCode(): Promise<void> {
  const candidate = new Candidate<Meta, Job>();
  const handle: LeadHandle = candidate.lead(async ({ term, signal, checkpoint }) => {
    same<[number, AbortSignal, any], [typeof term, typeof signal, typeof checkpoint]>();
    await candidate.fenced([['LPUSH', 'jobs', 'a', 1, 2n, Buffer.from('b')]], { term });
    await candidate.setCheckpoint({ at: 1 }, { term });
    if (signal.reason instanceof LeadershipLost) same<LossReason, typeof signal.reason.why>();
  });
  same<Promise<void>, typeof handle.done>();
  await handle.stop();
  await using other = candidate.lead(() => 7, { keep: false, signal: AbortSignal.timeout(1000) });
  void other;
  candidate.lead<{ at: number }>((reign) => {
    same<Reign<{ at: number }>, typeof reign>();
    same<number | undefined, NonNullable<typeof reign.checkpoint>['at'] | undefined>();
  });
  const options: LeadOptions = { keep: true };
  candidate.lead(() => {}, options);

  same<string, Awaited<ReturnType<typeof candidate.transferTo>>>();
  const replies: Reply[] = await candidate.fenced([], { checkpoint: null, buffers: true });
  const left = await candidate.getCheckpoint<{ at: number }>();
  same<{ at: number } | undefined, typeof left>();
  void replies;

  // @ts-expect-error The function is missing.
  candidate.lead();
  // @ts-expect-error A command is a list.
  await candidate.fenced(['PING']);
  // @ts-expect-error An argument is no object.
  await candidate.fenced([['SET', 'key', {}]]);
  // @ts-expect-error An id is a string.
  await candidate.transferTo(7);
  // @ts-expect-error What the handle promises cannot be replaced.
  handle.done = Promise.resolve();
}

export function whatIsSeenHasItsType(candidate: Candidate<Meta, Job>): void {
  same<
    [Stats, Health, string],
    [
      ReturnType<typeof candidate.stats>,
      ReturnType<typeof candidate.health>,
      ReturnType<typeof candidate.explain>,
    ]
  >();
  const { status, leader, since } = candidate.health();
  same<'up' | 'degraded' | 'down', typeof status>();
  same<[string | undefined, number], [typeof leader, typeof since]>();
  same<number | null, Stats['roundTripMs']['p99']>();
}

export async function messagesHaveTheTypeThatWasNamed(): Promise<void> {
  const candidate = new Candidate<Meta, Job>();
  await candidate.messageAll({ job: 1 });
  await candidate.messageLeader(Buffer.from('job'));
  await candidate.messageFollowers(new Uint8Array(3));
  await candidate.messageTo('id', { job: 1 });
  // @ts-expect-error No such message was declared.
  await candidate.messageAll({ task: 1 });
  // @ts-expect-error The id is a string.
  await candidate.messageTo(7, { job: 1 });
  // @ts-expect-error The message is missing.
  await candidate.messageTo('id');

  const withoutBytes = new Candidate<Meta, { job: number }>();
  // @ts-expect-error Bytes were not declared.
  await withoutBytes.messageAll(new Uint8Array(3));

  const untyped = new Candidate();
  await untyped.messageAll(null);
  await untyped.messageAll([1, { a: 'b' }]);
  await untyped.messageAll(undefined);
}

export function listenersGetTypedArguments(): void {
  const candidate = new Candidate<Meta, Job>();
  candidate
    .on('elected', ({ term }) => same<number, typeof term>())
    .on('elected', ({ signal }) => same<AbortSignal, typeof signal>())
    .on('legacyGone', (...none) => same<[], typeof none>())
    .on('stall', ({ ms }) => same<number, typeof ms>())
    .on('defeated', (leaderId) => same<string | undefined, typeof leaderId>())
    .on('statechange', (state) => same<State, typeof state>())
    .on('leader', (id, term) => same<[string | undefined, number], [typeof id, typeof term]>())
    .on('joined', (instance) => same<Instance<Meta>, typeof instance>())
    .on('left', (instance) => same<Instance<Meta>, typeof instance>())
    .on('gap', (gap) => same<[Gap, Channel], [typeof gap, typeof gap.channel]>())
    .on('error', (error) => same<[IncumbentError, ErrorCode], [typeof error, typeof error.code]>())
    .once('message', (received) => same<Received<Job>, typeof received>())
    .once('message:from:leader', ({ message }) => same<Job, typeof message>())
    .prependListener('message:from:follower', ({ from }) => same<string, typeof from>());

  // @ts-expect-error There is no such event.
  candidate.on('promoted', () => {});
  // @ts-expect-error The state is a string.
  candidate.on('statechange', (state: number) => state);
  // @ts-expect-error 'elected' has one argument.
  candidate.on('elected', (event, more) => [event, more]);

  same<[state: State], CandidateEvents['statechange']>();
}

export async function theHelpersOfNodeEventsTakeACandidate(): Promise<void> {
  const candidate = new Candidate();
  const [{ term }] = await once(candidate, 'elected');
  for await (const [{ message }] of on(candidate, 'message', {
    signal: AbortSignal.timeout(1000),
  })) {
    void [term, message];
  }
}

export async function aCandidateStopsAtTheEndOfItsBlock(): Promise<void> {
  await using candidate = new Candidate();
  await candidate.start();
}

export function errorsAreToldApartByTheirCode(error: unknown): string {
  if (!(error instanceof IncumbentError)) return 'other';
  switch (error.code) {
    case 'ERR_NOT_STARTED':
      return 'not started';
    // @ts-expect-error There is no such code.
    case 'ERR_NONSENSE':
      return 'never';
    default:
      return error.message;
  }
}

/** A class of the user's own, over typed events. */
export class Scheduler extends Candidate<Meta, Job> {
  override async start(): Promise<void> {
    await super.start();
    this.emit('statechange', this.state);
  }
}
