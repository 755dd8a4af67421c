import { chownSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from '../../__test__/fixtures/free-port.ts';
import { guard } from '../../__test__/fixtures/guard.ts';

/** Starts a PostgreSQL server with an empty database, and gives its URL. It is gone when the test ends. */
export async function startPostgres(t: TestContext): Promise<string> {
  const server = process.env.INCUMBENT_POSTGRES_SERVER ?? 'postgres';
  const dir = mkdtempSync(path.join(os.tmpdir(), 'incumbent-postgres-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const owner = unprivileged();
  if (owner.uid !== undefined) chownSync(dir, owner.uid, owner.gid);
  const data = path.join(dir, 'data');
  const initdb = server.includes('/')
    ? path.join(path.dirname(realpathSync(server)), 'initdb')
    : 'initdb';
  const initial = ['--pgdata', data, '--username', 'test', '--auth', 'trust', '--no-sync'];
  execFileSync(initdb, [...initial, '--locale', 'C', '--encoding', 'UTF8'], {
    ...owner,
    cwd: dir,
    stdio: ['ignore', 'ignore', 'inherit'],
  });

  const port = await freePort();
  const settings = [
    ...['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${dir}`],
    'fsync=off',
  ].flatMap((setting) => ['-c', setting]);
  const child = spawn(server, ['-D', data, ...settings], {
    ...owner,
    cwd: dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const release = guard(child.pid!);
  const exited = once(child, 'exit');
  t.after(async () => {
    // Its fast end: open sessions are closed.
    child.kill('SIGINT');
    await exited;
    release();
  });
  await isReady(child.stderr, exited);
  return `postgres://test@127.0.0.1:${port}/postgres`;
}

/** It refuses to run as root; Debian's package brings a user for it. */
function unprivileged(): { uid: number; gid: number } | { uid?: undefined } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function isReady(stderr: NodeJS.ReadableStream, exited: Promise<unknown>): Promise<void> {
  let output = '';
  return new Promise((resolve, reject) => {
    stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (output.includes('database system is ready to accept connections')) resolve();
    });
    void exited.then(() => reject(new Error(`PostgreSQL ended before it was ready\n${output}`)));
  });
}
