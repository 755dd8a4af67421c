// TLS: whom a candidate believes, as whom it comes, and what it says where one of the two fails.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { Candidate, type IncumbentError, type TlsOptions } from '../index.js';
import { Authority, inHours, speakTls, type Certificate } from './fixtures/certificates.ts';
import { collect, eventually } from './fixtures/eventually.ts';
import { Fleet } from './fixtures/fleet.ts';
import { freePort } from './fixtures/free-port.ts';
import { Installed } from './fixtures/installed.ts';
import { assertCrashShowsByConnection } from './fixtures/process-fleet.ts';
import { startRedis, type RedisServer } from './fixtures/redis-server.ts';
import { temporaryDirectory } from './fixtures/temporary-directory.ts';

let authority: Authority;
let stranger: Authority;
let server: Certificate;
let client: Certificate;
/** Asks its clients for certificates, and speaks in the clear on another port. */
let redis: RedisServer;
let port: number;

before(async () => {
  authority = new Authority();
  stranger = new Authority('A stranger');
  server = authority.certify();
  client = authority.certify({ names: ['a client'] });
  port = await freePort();
  redis = await startRedis({ args: speakTls(port, server, authority, 'yes') });
});
after(async () => {
  await redis.stop();
  for (const one of [authority, stranger]) one.remove();
});

const known = (): TlsOptions => ({ ca: authority.ca, ...client });

/** With it no attempt to connect takes too long, however busy the machine is. */
const patient = 10_000;

/** A candidate and the errors that it tells. */
function trying(t: TestContext, redisOptions: object, leaseMs = 800) {
  const candidate = new Candidate({ kind: 'tls', leaseMs, redis: { port, ...redisOptions } });
  const errors: IncumbentError[] = [];
  candidate.on('error', (error) => errors.push(error));
  candidate.start().catch(() => {});
  t.after(() => candidate.stop());
  return { candidate, errors };
}

/** Fails to connect, with the same words each time, and none of what stands in a key. */
async function fails(
  t: TestContext,
  redisOptions: object,
  code: string,
  words: string | RegExp,
  leaseMs = patient,
) {
  const { candidate, errors } = trying(t, redisOptions, leaseMs);
  await eventually(() => errors.length >= 4);
  for (const error of errors) {
    assert.equal(error.code, code, error.message);
    const { message } = error;
    if (typeof words === 'string') assert.equal(message, words.replace('PORT', String(port)));
    else assert.match(message, words);
  }
  assert.doesNotMatch(inspect([errors, candidate], { depth: 9 }), /-----BEGIN/);
  assert.equal(candidate.isLeader(), false);
}

test('a certificate, its key and the authority are taken as paths, as texts and as bytes', async (t) => {
  const text = (file: string) => readFileSync(file, 'utf8');
  const { cert, key } = client;
  const [leader, ...others] = [
    { ca: authority.ca, cert, key },
    { ca: text(authority.ca), cert: text(cert), key: text(key) },
    { ca: [stranger.ca, readFileSync(authority.ca)], cert: readFileSync(cert), key: text(key) },
    { ca: path.relative(process.cwd(), authority.ca), cert, key, servername: 'localhost' },
    { cert, key, rejectUnauthorized: false },
  ].map((tls) => new Candidate({ kind: 'forms', redis: { port, tls } }));
  t.after(() => Promise.all([leader!, ...others].map((one) => one.stop())));
  await leader!.start();
  for (const one of others) {
    const heard = collect(one, ['message']);
    await one.start();
    await leader!.messageTo(one.id, 'sealed');
    await heard.first('message', ({ message }) => message === 'sealed');
  }
});

test('a server certificate by another authority', (t) =>
  fails(
    t,
    { tls: { ...known(), ca: stranger.ca } },
    'ERR_REDIS_UNREACHABLE',
    'Redis at localhost:PORT shows a certificate that is not trusted: no authority in option tls.ca has signed it',
  ));

test('a server certificate by an authority that the system does not know', (t) =>
  fails(
    t,
    { tls: { ...client } },
    'ERR_REDIS_UNREACHABLE',
    /is not trusted: no authority that this system trusts has signed it; option tls\.ca names another$/,
  ));

test('a server certificate for another name', (t) =>
  fails(
    t,
    { tls: { ...known(), servername: 'redis.example' } },
    'ERR_REDIS_UNREACHABLE',
    /is not trusted: it is for localhost, 127\.0\.0\.1 and not for redis\.example; option tls\.servername names what to expect$/,
  ));

test('a client without a certificate', (t) =>
  fails(
    t,
    { tls: { ca: authority.ca } },
    'ERR_REDIS_REFUSED',
    'Redis at localhost:PORT wants a certificate of the client: options tls.cert and tls.key',
  ));

test('a client certificate by another authority, or an expired one', async (t) => {
  const refused =
    /^Redis at localhost:\d+ refused the certificate in option tls\.cert: (it (does not know who signed it|has expired|closed the connection))$/;
  const expired = authority.certify({ from: inHours(-2), until: inHours(-1) });
  for (const one of [stranger.certify(), expired])
    await fails(t, { tls: { ...known(), ...one } }, 'ERR_REDIS_REFUSED', refused);
});

test('server certificates that have expired, are not valid yet, name nobody, or are of an authority', async (t) => {
  const expired = authority.certify({ from: inHours(-9), until: inHours(-5) });
  const early = authority.certify({ from: inHours(72), until: inHours(80) });
  for (const [certificate, words] of [
    [expired, 'it expired 5 hours ago'],
    [early, 'it is valid only in 2 days; are the clocks right?'],
    [
      authority.certify({ names: [] }),
      'it is for no name at all (subjectAltName) and not for localhost; option tls.servername names what to expect',
    ],
    [
      authority.itself,
      "it is an authority's own; a server needs one that the authority has signed",
    ],
  ] as const) {
    const itsPort = await freePort();
    const one = await startRedis({ args: speakTls(itsPort, certificate, authority) });
    t.after(() => one.stop());
    const expected = `Redis at localhost:${itsPort} shows a certificate that is not trusted: ${words}`;
    await fails(t, { port: itsPort, tls: known() }, 'ERR_REDIS_UNREACHABLE', expected);
    const { candidate } = trying(t, { port: itsPort, tls: { rejectUnauthorized: false } });
    await candidate.waitForLeader();
    await candidate.stop();
  }
});

test('a port without TLS, and TLS where none was expected', async (t) => {
  await fails(
    t,
    { port: redis.port, tls: known() },
    'ERR_REDIS_UNREACHABLE',
    /: (what answers there does not speak TLS|no answer to the TLS handshake; does that port speak TLS\?)$/,
    800,
  );
  await fails(
    t,
    {},
    'ERR_REDIS_UNREACHABLE',
    /^cannot reach Redis at localhost:\d+: (the connection was closed before any answer; does that port want TLS\?|what answers there is not Redis)$/,
  );
});

test('files that are missing, hold something else, or do not belong together', async (t) => {
  const dir = temporaryDirectory(t);
  const empty = path.join(dir, 'empty.pem');
  writeFileSync(empty, '');
  const { cert, key } = client;
  for (const [tls, words] of [
    [
      { ca: path.join(dir, 'none.pem') },
      'ca names a file that cannot be read: no such file or directory',
    ],
    [{ ca: empty }, 'ca holds no certificate in PEM (BEGIN CERTIFICATE)'],
    [{ cert: key }, 'cert holds no certificate in PEM (BEGIN CERTIFICATE)'],
    [{ key: cert }, 'key holds no private key in PEM (BEGIN PRIVATE KEY)'],
    [{ key: server.key }, 'key is not the key of the certificate in option tls.cert'],
  ] as const) {
    const expected = `cannot reach Redis at localhost:PORT: option tls.${words}`;
    await fails(
      t,
      { tls: { ca: authority.ca, cert, key, ...tls } },
      'ERR_REDIS_UNREACHABLE',
      expected,
    );
  }
});

test('what is given as text is checked at once', () => {
  const text = readFileSync(client.cert, 'utf8');
  for (const [tls, words] of [
    [{ ca: '-----BEGIN NOTHING-----' }, /^option tls\.ca holds /],
    [{ cert: text, key: readFileSync(server.key, 'utf8') }, /^option tls\.key is not the key of /],
    [{ cert: text, key: text }, /^option tls\.key holds no private key in PEM/],
  ] as const) {
    const construct = () => new Candidate({ redis: { tls } });
    assert.throws(construct, { code: 'ERR_INVALID_OPTION', message: words });
  }
});

test('a replaced certificate is taken up with the next connection, on either side', async (t) => {
  const ours = new Installed(temporaryDirectory(t), authority, client);
  const theirs = new Installed(temporaryDirectory(t), authority, server);
  const itsPort = await freePort();
  const itself = await startRedis({ args: speakTls(itsPort, theirs, theirs, 'yes') });
  t.after(() => itself.stop());
  const { candidate, errors } = trying(t, { port: itsPort, tls: ours });
  await candidate.waitForLeader();

  // The connections that stand are not concerned.
  theirs.show(stranger.certify());
  theirs.believe(stranger);
  await itself.cli(...theirs.reload);
  await candidate.setMeta('still here');
  assert.equal(errors.length, 0);

  for (const type of ['normal', 'pubsub'])
    await itself.cli('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
  await eventually(() => errors.some(({ message }) => message.includes('is not trusted')));
  ours.believe(stranger);
  ours.show(stranger.certify());
  await eventually(async () => {
    await candidate.setMeta('here again');
    return true;
  });
});

test('over TLS the connection of a killed leader tells of the crash as well', async (t) => {
  await assertCrashShowsByConnection(t, redis.url, { port, tls: known() });
});

test('two that differ in their certificates alone share no connection', async (t) => {
  const fleet = new Fleet(t, { kind: 'apart' });
  const other = authority.certify({ names: ['another client'] });
  const tls = known();
  await fleet.start({ redis: { port, tls, clientName: 'apart' } });
  await fleet.start({ redis: { port, tls: { ...tls }, clientName: 'apart' } });
  await fleet.start({ redis: { port, tls: { ...tls, ...other }, clientName: 'apart' } });
  const list: string = await redis.cli('CLIENT', 'LIST');
  assert.equal(list.match(/ name=apart /g)?.length, 4);
});
