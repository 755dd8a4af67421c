// Row 31: a certificate is replaced, or expires, while the candidates run.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { Authority, inHours, speakTls } from '../../__test__/fixtures/certificates.ts';
import { eventually } from '../../__test__/fixtures/eventually.ts';
import { freePort } from '../../__test__/fixtures/free-port.ts';
import { Installed } from '../../__test__/fixtures/installed.ts';
import { now } from '../../__test__/fixtures/processes.ts';
import type { Bench } from '../bench.ts';
import type { Fault } from '../fault.ts';
import type { Group } from '../group.ts';
import type { RegisterEye } from '../register-eye.ts';
import type { Run } from '../run.ts';
import { killAll, whileRefused, type Refusal } from './refused.ts';

const leaseMs = 400;
const validMs = 0.8 * leaseMs;

/** A server that speaks TLS and asks for certificates, and those who come to it. */
interface Scene {
  /** Who has signed all that is in use. */
  authority: Authority;
  stranger: Authority;
  /** The files of the server. */
  theirs: Installed;
  /** The files of the candidates. */
  ours: Installed;
  port: number;
  group: Group;
  eye: RegisterEye;
}

interface Change {
  title: string;
  code: Refusal['code'];
  words: RegExp;
  /** What comes about before the strike, while all connections stand. */
  before?(scene: Scene): Promise<unknown>;
  begin(scene: Scene): Promise<unknown>;
  end(scene: Scene): Promise<unknown>;
}

const changes: Change[] = [
  {
    title: 'the certificate of the server expires: its connections stand, and then end',
    code: 'ERR_REDIS_UNREACHABLE',
    words: /certificate that is not trusted: it expired \d+ seconds? ago$/,
    async before({ authority, eye, theirs }) {
      const until = new Date(Date.now() + 1000);
      theirs.show(authority.certify({ until }));
      await eye.send(...theirs.reload);
      while (Date.now() < until.getTime() + 1000) await renewed(eye);
    },
    begin: ({ eye }) => killAll(eye),
    async end({ authority, eye, theirs }) {
      theirs.show(authority.certify());
      await eye.send(...theirs.reload);
    },
  },
  {
    title: 'another authority signs for the server, and all connections end',
    code: 'ERR_REDIS_UNREACHABLE',
    words: /certificate that is not trusted: no authority in option tls\.ca has signed it$/,
    async begin({ stranger, eye, theirs }) {
      theirs.show(stranger.certify());
      theirs.believe(stranger);
      await eye.send(...theirs.reload);
      await killAll(eye);
    },
    // The candidates follow: they are given the files of the other one.
    async end(scene) {
      [scene.authority, scene.stranger] = [scene.stranger, scene.authority];
      scene.ours.believe(scene.authority);
      scene.ours.show(scene.authority.certify());
    },
  },
  {
    title: 'the certificate of the candidates is an expired one, and all connections end',
    code: 'ERR_REDIS_REFUSED',
    words: /refused the certificate in option tls\.cert: it (has expired|closed the connection)$/,
    async begin({ authority, ours, eye }) {
      ours.show(authority.certify({ from: inHours(-2), until: inHours(-1) }));
      await killAll(eye);
    },
    end: async ({ authority, ours }) => ours.show(authority.certify()),
  },
];

const refusedChanges: Fault[] = changes.map((change) => ({
  row: 31,
  title: `TLS: ${change.title}; later it is as before`,
  leaseMs,
  boundMs: 2 * leaseMs,
  measures: 'from the end of the refusal to the next elected',
  shortRuns: 1,
  longRuns: 100,
  async setUp(bench) {
    const scene = await enter(bench);
    const refused = whileRefused(scene.group, scene.eye, {
      ...change,
      row: 31,
      begin: () => change.begin(scene),
      // Somebody outside, with the files of the candidates.
      proof: async () => !(await admits(scene)),
      end: () => change.end(scene),
    });
    return async (run: Run) => {
      await scene.group.steady();
      await run.becomes('the server admits who comes', () => admits(scene));
      await change.before?.(scene);
      await refused(run);
    };
  },
}));

const renewal: Fault = {
  row: 31,
  title:
    'TLS: all certificates are replaced by new ones of the same authority, and all connections end: the same term goes on',
  leaseMs,
  boundMs: validMs,
  measures: 'from the strike to the next renewal, by the same leader',
  shortRuns: 1,
  longRuns: 100,
  async setUp(bench) {
    const scene = await enter(bench);
    const { authority, theirs, ours, group, eye } = scene;
    return async (run: Run) => {
      const { leader, followers } = await group.steady();
      const before = await eye.read();
      const [shown, certificate] = [await presented(scene), authority.certify()];
      theirs.show(certificate);
      ours.show(authority.certify());
      await eye.send(...theirs.reload);
      const struckAt = await run.strike('all connections end', () => killAll(eye));
      await run.prove('the server shows another certificate', async () => {
        const next = await presented(scene);
        return next !== undefined && next !== shown;
      });
      const { stamp } = await eye.read();
      const at = await run.becomes('the next renewal', async () => {
        return (await eye.read()).stamp !== stamp && now();
      });
      run.recovered(struckAt, at);
      const after = await eye.read();
      run.expect(after.term === before.term, `the term is ${before.term}, not ${after.term}`);
      run.expect(after.holder === before.holder, 'the leader is the same');
      run.expect(group.electedSince(struckAt).length === 0, 'nobody is elected');
      await run.becomes('all name the leader again', async () => (await group.agreed()) === leader);
      run.expect(followers.length === 2, 'all are there');
    };
  },
};

export const certificates: Fault[] = [...refusedChanges, renewal];

async function enter(bench: Bench): Promise<Scene> {
  const [authority, stranger] = [new Authority(), new Authority('A stranger')];
  for (const one of [authority, stranger]) bench.after(() => one.remove());
  const directory = mkdtempSync(path.join(tmpdir(), 'incumbent-certificates-'));
  bench.after(() => rmSync(directory, { recursive: true }));
  const [theirs, ours] = ['server', 'candidates'].map((name) => {
    const place = path.join(directory, name);
    mkdirSync(place);
    return new Installed(place, authority, authority.certify());
  }) as [Installed, Installed];
  const port = await freePort();
  // The one who looks on comes by the port without TLS.
  const redis = await bench.redis({ args: speakTls(port, theirs, theirs, 'yes') });
  const tls = { ca: ours.ca, cert: ours.cert, key: ours.key };
  const group = bench.group({ url: redis.url, options: { redis: { port, tls } } });
  return { authority, stranger, theirs, ours, port, group, eye: bench.eye(redis) };
}

/** Whether the server answers who comes with the files of the candidates. */
function admits(scene: Scene): Promise<boolean> {
  return visit(scene, false, (socket, done) => {
    socket.on('data', () => done(true));
    socket.write('PING\r\n');
  });
}

/** The number of the certificate that the server shows. */
function presented(scene: Scene): Promise<string | undefined> {
  return visit<string | undefined>(scene, undefined, (socket, done) =>
    socket.on('secureConnect', () => done(socket.getPeerCertificate().serialNumber)),
  );
}

function visit<T>(
  { port, ours }: Scene,
  refused: T,
  act: (socket: ReturnType<typeof connect>, done: (result: T) => void) => unknown,
): Promise<T> {
  const [ca, cert, key] = [ours.ca, ours.cert, ours.key].map((file) => readFileSync(file));
  return new Promise((resolve) => {
    const socket = connect({ port, host: 'localhost', ca, cert, key });
    const done = (result: T) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('error', () => done(refused)).on('close', () => done(refused));
    act(socket, done);
  });
}

/** Waits for the next renewal. */
async function renewed(eye: RegisterEye): Promise<void> {
  const { stamp } = await eye.read();
  await eventually(async () => (await eye.read()).stamp !== stamp);
}
