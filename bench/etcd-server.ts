import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from '../__test__/fixtures/eventually.ts';
import { freePort } from '../__test__/fixtures/free-port.ts';
import { guard, type Release } from '../__test__/fixtures/guard.ts';

/** An etcd of its own on 127.0.0.1, with its usual times; what it keeps goes with it. */
export class EtcdServer {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #release: Release;

  static async start(): Promise<EtcdServer> {
    const command = process.env.INCUMBENT_ETCD_SERVER;
    if (!command) throw new Error('etcd was not found: install it, or set INCUMBENT_ETCD_SERVER');
    const server = new EtcdServer(command, await freePort(), await freePort());
    try {
      await server.#isHealthy();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  private constructor(command: string, port: number, peerPort: number) {
    this.url = `http://127.0.0.1:${port}`;
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    this.#dir = mkdtempSync(path.join(tmpdir(), 'incumbent-etcd-'));
    const args = [
      ...['--data-dir', this.#dir, '--log-level', 'error'],
      ...['--listen-client-urls', this.url, '--advertise-client-urls', this.url],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `default=${peerUrl}`],
    ];
    this.#child = spawn(command, args, { stdio: 'ignore' });
    this.#child.on('error', () => {});
    this.#release = guard(this.#child.pid!, this.#dir);
  }

  async #isHealthy(): Promise<void> {
    const healthy = async () => {
      const answer = await fetch(`${this.url}/health`);
      return ((await answer.json()) as { health: string }).health === 'true';
    };
    await eventually(healthy, { within: 30_000, every: 50 });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exited;
    }
    this.#release();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
