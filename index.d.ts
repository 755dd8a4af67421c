/// <reference types="node" />

/**
 * Leader election, discovery and messaging for Node.js services. {@link Candidate} is the one class to
 * begin with; {@link Options} has what it takes, {@link CandidateEvents} what it tells, and
 * {@link ErrorCode} what can go wrong.
 *
 * Numbers that end in `Ms` are milliseconds; "a JSON value" is whatever `JSON.stringify()` turns into
 * text and `JSON.parse()` gives back.
 *
 * @module
 */

import { EventEmitter } from 'node:events';

/**
 * What an instance is: `leader` while it is sure of its leadership, `candidate` while it tries to
 * take it, `follower` otherwise.
 */
export type State = 'follower' | 'candidate' | 'leader';

/** One running instance of a kind. */
export interface Instance<Meta = any> {
  /** 24 characters of `[0-9a-f]`, the same over stop and start. */
  id: string;
  /** What the instance last gave as its `meta`. */
  meta: Meta;
  /** What the instance last said of itself. */
  state: State;
}

/**
 * What the constructor takes. A name that is not among these is ignored, and a process warning
 * tells of it.
 */
export interface Options<Meta = any> {
  /**
   * The Redis server: a URL such as `redis://user:password@host:6379/0` (`rediss://` for TLS,
   * `unix:///path` for a Unix socket), or its parts.
   * @default 'redis://localhost:6379'
   */
  redis?: string | RedisOptions;

  /**
   * What carries the election and the messages: a Redis server, or the memory of this process,
   * which joins the candidates of one process alone and is meant for tests and for trying things
   * out.
   * @default 'redis'
   */
  medium?: 'redis' | 'memory';

  /**
   * The group that elects one leader among itself; candidates of different kinds have nothing to do
   * with each other. Any text.
   * Maximum: 128 bytes in UTF-8.
   * @default ''
   */
  kind?: string;

  /**
   * Any JSON value, shown to the others in `getInstances()` and `getLeader()`. A falsy one becomes
   * `''`.
   * Maximum: 16384 bytes as JSON.
   * @default ''
   */
  meta?: Meta;

  /**
   * How long the others wait, in milliseconds, before they take over from a leader that has fallen
   * silent. All instances of a kind should have the same.
   * Minimum: 100.
   * Maximum: 600000.
   * @default 800
   */
  leaseMs?: number;

  /**
   * How often the leader renews its leadership, in milliseconds. At most a quarter of `leaseMs`. A
   * round trip to Redis has to be shorter.
   * Minimum: 10.
   * @default `leaseMs / 5`
   */
  renewMs?: number;

  /**
   * How long the JavaScript of the leader may be blocked, in milliseconds, before the leadership is
   * given up for it. `Infinity` never gives it up.
   * Minimum: `leaseMs`.
   * Maximum: 2147483647.
   * @default 10000, or `leaseMs` where that is larger
   */
  maxStallMs?: number;

  /**
   * How the others learn that a leader has crashed: by its silence, after `leaseMs`; or by its
   * connection as well, 20 milliseconds (or `leaseMs / 40`, where that is longer) after one of them
   * saw that Redis had closed it. They look about 100 times a second, all of a kind together.
   *
   * With `'connection'` a leader whose connection to Redis breaks leads no more, and a new one is
   * elected. Two instances may then lead at once, until 0.8 `leaseMs` after the last renewal, where
   * Redis closes a connection and the news of it does not reach the leader's host within that
   * wait; see "Faster after a crash" in docs/concepts.md.
   *
   * It has no effect through a proxy, on a server that does not let scripts read `INFO` and `PUBSUB
   * NUMSUB`, or with `medium: 'memory'`: an instance that would lead then tells so by a process
   * warning.
   * @default 'lease'
   */
  crashDetection?: 'lease' | 'connection';

  /**
   * Whose turn it is at a vacancy: of the instances that live, the one with the highest comes first.
   * It only delays the others, by a renewal interval for each higher priority among them, by five at
   * most; a leader yields to it only with `preempt`.
   * Minimum: -1000.
   * Maximum: 1000.
   * @default 0
   */
  priority?: number;

  /**
   * Whether this instance, while it leads, hands over to a living one of a higher `priority`, as
   * `transferTo()` does.
   * @default false
   */
  preempt?: boolean;

  /**
   * Whether this instance may lead. One that may not takes part in all else.
   * @default true
   */
  eligible?: boolean;

  /**
   * How many instances this one must know, itself included, before it stands for election. A leader
   * that is there already stays.
   * Minimum: 1.
   * Maximum: 10000.
   * @default 1
   */
  minInstances?: number;

  /**
   * A secret that all instances of the kind share. With it, each message bears an HMAC-SHA256, and
   * one that does not, that was changed, or that comes a second time is dropped, counted in
   * `stats()`, and told by one process warning in a run (`WARN_MESSAGE_DROPPED`). So whoever can
   * publish in Redis cannot speak as an instance. The hosts' times of day must agree to a minute.
   *
   * A string or bytes; best 32 random bytes. A list has the one that signs first; what any of
   * them has signed is taken, so that secrets can be replaced one instance after the other. It
   * covers messages alone; SECURITY.md says what remains.
   * Minimum: 16 bytes in UTF-8.
   * Maximum: 1024 bytes.
   * @default none: no message is authenticated
   */
  messageSecret?: string | Uint8Array | readonly (string | Uint8Array)[];

  /**
   * Whether this instance, while it leads, heeds the requests `incumbent reelect` and `incumbent
   * transfer`, as it does its own `reelect()` and `transferTo()`: one in five `leaseMs` at most.
   * With `messageSecret`, only those of who knows it; without, whoever may publish on the kind's
   * channels can make them.
   * @default true
   */
  acceptRequests?: boolean;

  /**
   * How long a leadership that is given up is held for the functions given to `lead()`, in
   * milliseconds. Where they take longer, nothing is released: the others take over once the lease
   * has run out.
   * Minimum: 0.
   * Maximum: 600000.
   * @default 5000
   */
  drainMs?: number;

  /**
   * How many replicas of the Redis server must have a grant or a renewal, by its word (`WAIT`), for
   * it to count. Where fewer have it in time, the leader is not told of it, and leads no longer than
   * its last renewal allows. A failover to a replica that must have had it then costs no grant, and
   * never makes two lead; for what that takes, see "Failover without loss" in docs/redis.md.
   * Minimum: 0.
   * Maximum: 100.
   * @default 0
   */
  waitReplicas?: number;

  /**
   * The library that the kind is moved away from, instance by instance, while it stays in service.
   * With `'node-raft-redis'`, this instance speaks the wire of that library beside its own: the old
   * instances follow a leader of Incumbent, see it in their lists and are seen in this one's, and
   * messages go to and fro. The kind and the Redis server (one server: no `sentinels`, no `cluster`,
   * no `medium: 'memory'`) are those that the old instances have; `messageSecret` has to wait.
   *
   * Give it to all instances until `legacyGone`, and leave it out then: it costs a message more for
   * each message, five heartbeats and ten calls of `SCAN` a second, and up to 1.5 seconds after a
   * takeover in which an old instance does not answer. docs/migration.md walks through it, and says what
   * the old half cannot promise.
   * @default none: there are no instances of another library
   */
  migrate?: 'node-raft-redis';
}

/**
 * The parts of option `redis`. What `url` names beats the other parts; what it leaves open they
 * fill up.
 */
export interface RedisOptions {
  /**
   * A URL: `redis://user:password@host:port/db`, `rediss://` for TLS, or, of a Unix socket,
   * `unix:///path?db=1&user=user&pass=password` (also `redis+unix://`). Its host and its port (6379 if
   * it has none), or its path, always win.
   */
  url?: string;

  /**
   * A host name or an IP address.
   * @default 'localhost'
   */
  host?: string;

  /**
   * The port, as a number or in decimal digits.
   * Minimum: 1.
   * Maximum: 65535.
   * @default 6379
   */
  port?: number | `${number}`;

  /** The path of a Unix socket, in place of a host and a port. */
  path?: string;

  /**
   * The user of Redis' access control list; without one, the default user. An empty one counts as
   * none.
   */
  username?: string;

  /** The password; it appears in no error and no warning. An empty one counts as none. */
  password?: string;

  /**
   * Gives the password, and the user if it changes, too: for tokens that expire. It is asked before
   * each attempt to connect, of which there are two at a start and after an outage, one for each of
   * the two connections; a connection that stands goes on with what it was made with. It has 10
   * seconds. Candidates share their connections only if they were given the same function.
   *
   * When it throws, the attempt has failed: an `error` tells so with the first line of what was
   * thrown, and it is asked again, soon.
   */
  credentials?: () => Credentials | Promise<Credentials>;

  /**
   * The number of the database.
   * Minimum: 0.
   * Maximum: 2147483647.
   * @default 0
   */
  db?: number;

  /**
   * Whether to speak TLS (1.2 or 1.3), and with whom. A URL with `rediss://` turns it on as well.
   * @default false
   */
  tls?: boolean | TlsOptions;

  /**
   * What the names of all keys and channels begin with. All instances of a kind must have the same.
   * It may hold a hash tag, as in `{team-a}:`, which then decides on the slot in a cluster, but no
   * empty one (`{}`).
   * Maximum: 256 bytes in UTF-8.
   * @default ''
   */
  keyPrefix?: string;

  /**
   * As what the connections show in `CLIENT LIST`: visible ASCII characters, no spaces.
   * Maximum: 64 bytes.
   * @default 'incumbent'
   */
  clientName?: string;

  /**
   * Sentinels that watch the server: they are asked for the master before each connection, and what
   * they tell of a failover is followed at once. In place of `url`, `host`, `port` and `path`.
   */
  sentinels?: RedisNode[];

  /** What the sentinels call the master. Needed with `sentinels`. */
  name?: string;

  /** The user at the sentinels, where they ask for one. */
  sentinelUsername?: string;

  /** The password at the sentinels; it appears in no error and no warning. */
  sentinelPassword?: string;

  /**
   * Whether to speak TLS with the sentinels, and how.
   * @default the value of `tls`
   */
  sentinelTls?: boolean | TlsOptions;

  /**
   * Some nodes of a cluster: those to begin with. All keys of a kind are in one slot. In place of
   * `url`, `host`, `port` and `path`; a cluster has no `db` but 0.
   */
  cluster?: RedisNode[];
}

/** A server of several. */
export interface RedisNode {
  /** A host name or an IP address. */
  host: string;

  /**
   * The port, as a number or in decimal digits.
   * Minimum: 1.
   * Maximum: 65535.
   * @default 26379 of a sentinel, 6379 of a node of a cluster
   */
  port?: number | `${number}`;
}

/** As whom to come to Redis. */
export interface Credentials {
  /** The user; without one, that of option `redis`. */
  username?: string;
  /** The password, or the token that stands for it; it appears in no error and no warning. */
  password: string;
}

/**
 * PEM: a text or bytes with `-----BEGIN …`; or the path of a file with it, which is read for each
 * connection, so that a replaced file is taken up with the next one.
 */
export type Pem = string | Uint8Array;

/** The parts of option `redis.tls`. What stands in them appears in no error. */
export interface TlsOptions {
  /**
   * The certificates of the authorities that may vouch for the server. Without them, those that the
   * system trusts (the environment variable `SSL_CERT_FILE` names others).
   */
  ca?: Pem | Pem[];

  /** The certificate of the client, and after it those that lead to its authority; with `key`. */
  cert?: Pem;

  /** The key of `cert`, without a passphrase. */
  key?: Pem;

  /** Whom the certificate of the server has to be for; without it, the host. */
  servername?: string;

  /**
   * Whether the certificate of the server has to be one that is trusted. With `false`, anybody on
   * the way can pass for the server, and read the password.
   * @default true
   */
  rejectUnauthorized?: boolean;
}

/** What `start()` takes. */
export interface StartOptions {
  /**
   * Aborted before `start()` has ended: the candidate stops, and the promise rejects with the
   * signal's reason.
   */
  signal?: AbortSignal;
}

/** What `waitForLeader()` takes. */
export interface WaitOptions {
  /** Aborted before a leader is known: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** The leadership of this instance in one term. */
export interface Reign<Checkpoint = any> {
  /**
   * The term, higher than every earlier one of the kind: hand it to what you write to, and let that
   * refuse lower ones (a fencing token).
   */
  term: number;

  /**
   * Aborted when the leadership ends, or when less than a tenth of `leaseMs` is left of it. Each
   * reading of `aborted` compares the clock, so it is right even in the first line that runs after a
   * blocked event loop. Its `reason` is a `LeadershipLost`.
   */
  signal: AbortSignal;

  /**
   * What a leader left by `setCheckpoint()` or `fenced()`, as it was when this reign began;
   * `undefined` where none ever did.
   */
  checkpoint: Checkpoint | undefined;
}

/** What `lead()` takes beside the function. */
export interface LeadOptions {
  /**
   * Whether the leadership stays when the function has returned. With `false` it is released then,
   * so that others come first.
   * @default true
   */
  keep?: boolean;

  /** Aborted: the same as `stop()` of the handle, with the signal's reason. */
  signal?: AbortSignal;
}

/** What `lead()` gives. */
export interface LeadHandle {
  /**
   * Runs the function no more: aborts its signal, and resolves when it has settled. The leadership
   * stays. Never rejects.
   */
  stop(): Promise<void>;

  /**
   * Resolves after `stop()`, when the function has settled. Rejects with what the function threw, as
   * it was thrown, once the leadership was given up for it. Nobody handles it: an unhandled
   * rejection, as for any promise.
   */
  readonly done: Promise<void>;

  /** `stop()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a write of the leader takes: `setCheckpoint()`, and with more `fenced()`. */
export interface WriteOptions {
  /**
   * Only if this instance leads in exactly this term. Without it, in whichever it leads: then a
   * function that ran on past the end of its leadership could write in a later one of the same
   * instance.
   */
  term?: number;
}

/** What `fenced()` takes beside the commands. */
export interface FencedOptions extends WriteOptions {
  /**
   * A JSON value of at most 65536 bytes, set in the same step, after the commands, as
   * `setCheckpoint()` does.
   */
  checkpoint?: any;

  /**
   * Whether strings in replies come as a `Buffer`. Otherwise they are text, and bytes that are not
   * UTF-8 are lost.
   * @default false
   */
  buffers?: boolean;
}

/** A reply of Redis: what a script sees of it. Integers beyond 2^53 are rounded. */
export type Reply = string | number | Buffer | null | Reply[];

/** What `stats()` gives: what was counted since the candidate was made; runs are not told apart. */
export interface Stats {
  /** As `candidate.state`. */
  state: State;
  /** As `candidate.currentTerm`. */
  term: number;
  /** The id of the leader, or `null` where none is known. */
  leader: string | null;
  /** For how many milliseconds this instance leads without another renewal; 0 if it does not. */
  validForMs: number;
  /** What became of the renewals of this instance's leaderships. */
  renewals: {
    /** Redis wrote it; the leadership was prolonged. */
    granted: number;
    /** Redis answered that the record was not as this instance knew it. */
    refused: number;
    /** It got an error, or no answer in time. */
    failed: number;
  };
  /** The last 512 round trips of the election's commands, in milliseconds. */
  roundTripMs: {
    /** The median; `null` before the first. */
    p50: number | null;
    /** The 99th percentile; `null` before the first. */
    p99: number | null;
  };
  /** How often a broken connection stood again. */
  reconnects: number;
  /** How often this instance was elected. */
  takeovers: number;
  /** For how many milliseconds no leader was known here, while it was started. */
  leaderlessMs: number;
  /** What became of messages. */
  messages: {
    /** Taken by Redis. */
    sent: number;
    /** Come in, and told by `message`. */
    received: number;
    /** Came in faster than this process took them, until there was no room; lost messages show as a `gap`. */
    dropped: number;
    /** Dropped, since they are not as `messageSecret` wants them. */
    unauthenticated: number;
    /** Sent and not come in: the sum of `missed` over all `gap` events. */
    gaps: number;
  };
  /** What was found malformed in Redis or on a channel, and ignored. */
  malformed: number;
  /** Blocks of the event loop for longer than `maxStallMs`. */
  stalls: {
    /** How many. */
    count: number;
    /** The longest, in milliseconds. */
    longestMs: number;
    /** All together, in milliseconds. */
    totalMs: number;
  };
  /** How many instances are known, this one included; 0 when it is not started. */
  instances: number;
  /**
   * How many instances of the library that is moved away from live; only with the option `migrate`.
   */
  legacyInstances?: number;
  /** Whether the connection for commands stands. */
  connected: boolean;
  /** Whether the subscriptions stand. */
  subscribed: boolean;
  /** Milliseconds since Redis last answered; `null` before its first answer in this run. */
  silentMs: number | null;
}

/** What `health()` gives, fit for a readiness endpoint. */
export interface Health {
  /**
   * `'up'`: a leader is known and the connections stand; leaders and followers alike.
   * `'degraded'`: no leader is known, or a connection is being made again.
   * `'down'`: not started, or Redis has not answered for longer than `leaseMs`.
   */
  status: 'up' | 'degraded' | 'down';
  /** As `candidate.state`. */
  role: State;
  /** The id of the leader, if one is known. */
  leader: string | undefined;
  /** As `candidate.currentTerm`. */
  term: number;
  /** Whether the connection for commands stands. */
  connected: boolean;
  /** Whether the subscriptions stand. */
  subscribed: boolean;
  /** When `role` began, in milliseconds since 1970. */
  since: number;
}

/** To whom a message was sent. */
export type Channel = 'all' | 'leader' | 'followers' | 'instance';

/** A message that has come in. */
export interface Received<Message = any> {
  /** What was sent; bytes arrive as a `Buffer`. */
  message: Message;
  /** The id of the sender. */
  from: string;
}

/** Messages that were sent and did not come in. */
export interface Gap {
  /** The id of the sender. */
  from: string;
  /** To whom the messages were sent. */
  channel: Channel;
  /** How many there were. */
  missed: number;
}

/**
 * What may be sent where messages are of type `Message`: any `Uint8Array` stands for the `Buffer`
 * that arrives.
 */
export type Sendable<Message> = Message | (Buffer extends Message ? Uint8Array : never);

/** The events of a candidate, each with the arguments that its listeners get. */
export interface CandidateEvents<Meta = any, Message = any> {
  /**
   * This instance has become the leader. `state` is `'leader'` already. The term is higher than
   * every earlier one of the kind: hand it to what you write to, and let that refuse lower ones (a
   * fencing token). `signal` and `checkpoint` are not enumerable: a copy by `{ ...reign }` lacks
   * them.
   */
  elected: [reign: Reign];

  /**
   * This instance was leader and no longer is, or was candidate and another one won. Carries the id
   * of the new leader where it is known. Comes before `statechange`.
   */
  defeated: [leaderId: string | undefined];

  /** `state` has changed. For a new leader it comes after `elected`. */
  statechange: [state: State];

  /**
   * Another leader, this instance included, has become known in `term`; or none is known any more
   * (`undefined`).
   */
  leader: [id: string | undefined, term: number];

  /** Another instance of the kind has started. */
  joined: [instance: Instance<Meta>];

  /** Another instance has stopped, or has been silent for 2 seconds. */
  left: [instance: Instance<Meta>];

  /** A message has come in. The sender's own messages do not come back to it. */
  message: [received: Received<Message>];

  /** A message of the leader has come in. Follows `message`, with the same payload. */
  'message:from:leader': [received: Received<Message>];

  /**
   * A message of a follower has come in, sent by `messageLeader()` or `messageTo()`. On the leader
   * only. Follows `message`, with the same payload.
   */
  'message:from:follower': [received: Received<Message>];

  /**
   * Messages of one sender were lost, as a rule while the connection to Redis was. Comes before the
   * next message of that sender.
   */
  gap: [gap: Gap];

  /**
   * The event loop was blocked for longer than `maxStallMs`, and runs again. A leader has been
   * released for it meanwhile.
   */
  stall: [
    stall: {
      /** How long it was blocked, in milliseconds. */
      ms: number;
    },
  ];

  /**
   * With the option `migrate`: the last instance of the other library has left, or was silent for 2
   * seconds. Once all of them are replaced for good, `migrate` may be left out.
   */
  legacyGone: [];

  /**
   * Redis was lost or refused something: once when it happens and again for each attempt that
   * fails, at the default `leaseMs` some 25 times a second. The candidate goes on trying. Without a
   * listener it becomes one process warning for each outage, and never ends the process. Also with
   * `ERR_DRAIN_TIMEOUT`, where no promise tells of it.
   */
  error: [error: IncumbentError];
}

/**
 * An instance of a service. The instances of one kind elect one leader, know each other, and send
 * each other messages.
 *
 * Every method that returns a promise reports its errors by that promise, and throws none. A
 * rejection that comes from an outage or from a `stop()`, not from a mistake in the call, ends no
 * process when nobody handles it.
 *
 * Process warnings are of the type `IncumbentWarning` and bear a code: `WARN_UNKNOWN_OPTION`,
 * `WARN_UNEQUAL_LEASE` (the instances of a kind differ in `leaseMs`), `WARN_REDIS` (the server lost
 * what must be kept, or hides what must be read; once in a leadership and once for a connection; or
 * may evict what must be kept, or is a replica, once in a process), `WARN_MESSAGE_DROPPED` (see
 * `messageSecret`; once in a run), `WARN_MIGRATION` (with `migrate`: an old instance has not said
 * that it follows, once in a leadership; or none is there any more, once a day),
 * or that of an `error` without a listener.
 *
 * @typeParam Meta What the instances show of themselves as `meta`.
 * @typeParam Message What they send each other.
 */
export class Candidate<Meta = any, Message = any> extends EventEmitter<
  CandidateEvents<Meta, Message>
> {
  /** Connects to nothing yet. Throws an `IncumbentError` for a wrong option. */
  constructor(options?: Options<Meta>);

  /** 24 characters of `[0-9a-f]`, drawn once for this object; the same over stop and start. */
  readonly id: string;

  /**
   * Compares the clock at each reading, as `isLeader()` does. `'follower'` before the start and
   * after a stop.
   */
  readonly state: State;

  /** The highest term known here; 0 before the first. The terms of a kind only rise. */
  readonly currentTerm: number;

  /** What was given as `meta`, here or to `setMeta()`. Change it by `setMeta()` alone. */
  readonly meta: Meta;

  /** The same as `meta`. */
  getMeta(): Meta;

  /**
   * Whether this instance leads at this very moment. Compares the clock at each call, so it is
   * right even when the process was paused or its event loop blocked, and no event could tell of
   * it.
   */
  isLeader(): boolean;

  /**
   * Takes part. Resolves when a leader is known, this instance or another one, and this instance is
   * listed and receives messages; one that may not lead (`eligible`, `minInstances`) does not wait
   * for a leader. While Redis is away it keeps trying. Calls at the same time share
   * one start; on a started candidate it resolves at once; during a `stop()` it waits for its end.
   * Rejects with `ERR_STOPPED` when `stop()` comes first. A signal that is aborted beforehand
   * changes nothing on the candidate; one that is aborted later than the promise was settled has no
   * effect.
   */
  start(options?: StartOptions): Promise<void>;

  /**
   * Takes part no longer: hands over a leadership, leaves the list, closes what it opened.
   * `isLeader()` is false from here on, and signals are aborted; functions given to `lead()` have
   * `drainMs` to settle before the leadership is released. Do not await it in such a function. Messages that are still queued are sent first, if that is
   * possible at once. Never rejects, and may be called at any time and any number of times.
   */
  stop(): Promise<void>;

  /** `stop()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;

  /**
   * Runs `fn` each time this instance becomes the leader, and at once if it leads already; in one
   * run at a time, over every stop and start, until the handle's `stop()`.
   *
   * When the leadership is given up (`stop()`, `reelect()`, `transferTo()`), the signal is aborted
   * and the release waits for `fn` to settle, `drainMs` at most; meanwhile `isLeader()` is false, and
   * no other instance can lead. Do not await these calls in `fn` itself: return instead.
   *
   * When `fn` throws, the leadership is given up and the handle's `done` rejects with just that
   * error. What it throws because its signal was aborted (the signal's reason, or an `AbortError`)
   * is no failure, nor is the `ERR_NOT_LEADER` of a write that was refused: it runs again in the
   * next reign.
   *
   * Throws `ERR_INVALID_ARGUMENT`.
   */
  lead<Checkpoint = any>(
    fn: (reign: Reign<Checkpoint>) => unknown,
    options?: LeadOptions,
  ): LeadHandle;

  /**
   * Gives up the leadership, lets the others come first, then stands for it again. Waits for the
   * functions given to `lead()`. Resolves without effect where this instance does not lead. Rejects
   * with `ERR_DRAIN_TIMEOUT`.
   */
  reelect(): Promise<void>;

  /** The same as `reelect()`. */
  stepdown(): Promise<void>;

  /**
   * Hands the leadership over to the instance `id`, for which the others stand back. Waits for the
   * functions given to `lead()`. Resolves to the id of the next leader: another one than `id` where
   * that died in this very moment. Rejects, and goes on leading, with `ERR_NOT_STARTED`,
   * `ERR_NOT_LEADER`, `ERR_INVALID_ARGUMENT` (no other living and eligible instance has this id),
   * or an error of Redis; rejects and leads no more with `ERR_DRAIN_TIMEOUT`.
   */
  transferTo(id: string): Promise<string>;

  /**
   * Runs commands in Redis in one step, if this instance still holds the leadership, and otherwise
   * writes nothing and rejects with `ERR_NOT_LEADER`. A leader that drains still holds it. Resolves
   * to the replies, in order.
   *
   * Each command is a list that begins with its name: `["LPUSH", "jobs", "a"]`; arguments are
   * strings, numbers, or bytes. At most 1000 commands, 4096 arguments in one, 1 MiB in all, where
   * each argument counts 16 bytes more than it has.
   *
   * The first command that Redis refuses is the last: the promise rejects with `ERR_REDIS_FAILED`,
   * naming it, and what came before it stands. With `ERR_REDIS_UNREACHABLE` the commands may have
   * been applied, or not; they are not sent twice. In a Redis Cluster all keys must lie in the slot
   * of the kind: `{kind}` in their names. Rejects also with `ERR_NOT_STARTED`,
   * `ERR_INVALID_ARGUMENT`, `ERR_LIMIT_EXCEEDED` or `ERR_STOPPED`.
   */
  fenced(
    commands: readonly (readonly (string | number | bigint | Uint8Array)[])[],
    options?: FencedOptions,
  ): Promise<Reply[]>;

  /**
   * Leaves a JSON value of at most 65536 bytes (64 KiB) to the next leader, and to `getCheckpoint()`.
   * It outlives every crash and stop. Only while this instance holds the leadership, as `fenced()`.
   * Rejects as that does.
   */
  setCheckpoint(value: any, options?: WriteOptions): Promise<void>;

  /**
   * What was set last by `setCheckpoint()`, or `undefined`. Rejects with `ERR_NOT_STARTED` or an
   * error of Redis.
   */
  getCheckpoint<Checkpoint = any>(): Promise<Checkpoint | undefined>;

  /** What was counted, for metrics. */
  stats(): Stats;

  /** How this instance is, for a readiness endpoint. A follower is as healthy as the leader. */
  health(): Health;

  /** Why this instance leads now or does not, in a sentence or two. For people: it may change. */
  explain(): string;

  /**
   * The id of the leader, as soon as one is known. Rejects with `ERR_NOT_STARTED`, with
   * `ERR_STOPPED` when `stop()` comes first, or with the signal's reason.
   */
  waitForLeader(options?: WaitOptions): Promise<string>;

  /** All instances of the kind, this one included. Rejects with `ERR_NOT_STARTED`. */
  getInstances(): Promise<Instance<Meta>[]>;

  /** The leader, or `undefined` where there is none. Rejects with `ERR_NOT_STARTED`. */
  getLeader(): Promise<Instance<Meta> | undefined>;

  /**
   * Replaces `meta` at once; the others see it when the promise has resolved. Where Redis was away
   * and it rejects, they see it once Redis is back. Takes a JSON value of at most 16384 bytes as
   * JSON. Rejects with `ERR_NOT_STARTED`, `ERR_INVALID_ARGUMENT`, `ERR_LIMIT_EXCEEDED`,
   * `ERR_STOPPED` or an error of Redis.
   */
  setMeta(meta: Meta): Promise<void>;

  /**
   * Sends to all other instances.
   *
   * A message is a JSON value, or bytes (`Buffer` or `Uint8Array`), of at most 1 MiB; `undefined`
   * and functions arrive as `undefined`. It arrives at most once, and in order among all messages
   * of this sender. The promise resolves when Redis has taken the message, whether or not anybody
   * receives it. It rejects with `ERR_NOT_STARTED`, `ERR_INVALID_MESSAGE`, `ERR_LIMIT_EXCEEDED`, or
   * an error of Redis.
   */
  messageAll(message: Sendable<Message>): Promise<void>;

  /**
   * Sends to the leader, as `messageAll()` does to all. Resolves also when there is none, or when
   * this instance leads.
   */
  messageLeader(message: Sendable<Message>): Promise<void>;

  /** Sends to all other instances that do not lead, as `messageAll()` does to all. */
  messageFollowers(message: Sendable<Message>): Promise<void>;

  /**
   * Sends to one instance, as `messageAll()` does to all. Resolves also for an id that nobody has.
   * Rejects with `ERR_INVALID_ARGUMENT` when the id is no string.
   */
  messageTo(id: string, message: Sendable<Message>): Promise<void>;
}

/** Every error of this package. Passwords appear in none of its parts. */
export class IncumbentError extends Error {
  /** For tests and wrappers; the package makes its errors itself. `cause` is as of `Error`. */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown });
  /** `'IncumbentError'`, also of a `LeadershipLost`. */
  readonly name: 'IncumbentError';
  /** What went wrong, for programs; `message` is for people and may change. */
  readonly code: ErrorCode;
}

/** Why a leadership ended. */
export type LossReason =
  /** It was not renewed in time, or is about to run out. */
  | 'expired'
  /** `stop()` was called. */
  | 'stopped'
  /** `reelect()` was called, or a function given to `lead()` failed or has done its work. */
  | 'reelected'
  /** It was handed over. */
  | 'transferred'
  /** The event loop was blocked for longer than `maxStallMs`. */
  | 'stalled'
  /** The connection broke, with `crashDetection: 'connection'`. */
  | 'disconnected'
  /** Another instance leads in a later term. */
  | 'replaced';

/** The reason of an aborted signal of a leadership. Its code is `ERR_NOT_LEADER`. */
export class LeadershipLost extends IncumbentError {
  /** For tests; the package makes these itself. */
  constructor(term: number, why: LossReason);
  /** Why the leadership ended. */
  readonly why: LossReason;
}

/** The codes of `IncumbentError`. */
export type ErrorCode =
  /**
   * An option breaks its rule. The message names the option, the type that was given, and the rule.
   */
  | 'ERR_INVALID_OPTION'
  /** An argument of a method breaks its rule. */
  | 'ERR_INVALID_ARGUMENT'
  /**
   * The message has no form in JSON (a BigInt, a circular structure), or its bytes are no
   * `Uint8Array`.
   */
  | 'ERR_INVALID_MESSAGE'
  /** A message, `meta`, `kind`, id, checkpoint or list of commands is too large, or too many messages are waiting to be sent. */
  | 'ERR_LIMIT_EXCEEDED'
  /** The method needs a started candidate, and this one was not started, or was stopped. */
  | 'ERR_NOT_STARTED'
  /** `stop()` was called before the answer had come. */
  | 'ERR_STOPPED'
  /** Only the leader can do this, and this instance does not lead. */
  | 'ERR_NOT_LEADER'
  /**
   * The functions given to `lead()` did not settle within `drainMs`. Nothing was released: the others
   * take over when the lease has run out.
   */
  | 'ERR_DRAIN_TIMEOUT'
  /** No connection to Redis could be made, or it broke, or no answer came in time. */
  | 'ERR_REDIS_UNREACHABLE'
  /**
   * Redis refused: a wrong password, a missing right, which the message names where Redis does, or
   * the certificate of the client.
   */
  | 'ERR_REDIS_REFUSED'
  /**
   * The function in option `redis.credentials` threw, gave something else, or did not answer within
   * 10 seconds.
   */
  | 'ERR_CREDENTIALS'
  /** The server is older than Redis 6.2. */
  | 'ERR_REDIS_TOO_OLD'
  /** Redis answered with another error, such as OOM, READONLY, BUSY or MISCONF. */
  | 'ERR_REDIS_FAILED'
  /** A round trip to Redis takes longer than `renewMs`; raise `leaseMs`. */
  | 'ERR_ROUND_TRIP_TOO_LONG'
  /**
   * There is no compiled part for this platform, or it could not be loaded. Thrown on loading the
   * package.
   */
  | 'ERR_NATIVE_MISSING'
  /** A defect of this package; please report it. */
  | 'ERR_INTERNAL';

export default Candidate;
