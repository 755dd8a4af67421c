import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import path from 'node:path';
import { packages } from './arguments.ts';

/** Where and with what the figures were measured. */
export interface Machine {
  date: string;
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  /** How many threads were running or waiting for a core, over the last minute before the start. */
  loadBefore: number;
  versions: Record<string, string>;
}

export function thisMachine(at: Date): Machine {
  return {
    date: at.toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    loadBefore: loadavg()[0]!,
    versions: {
      node: process.version.slice(1),
      'redis-server': serverVersion('INCUMBENT_REDIS_SERVER', 'redis-server', /v=(\S+)/),
      'etcd-server': serverVersion('INCUMBENT_ETCD_SERVER', 'etcd', /etcd Version: (\S+)/),
      incumbent: packageVersion(path.join(__dirname, '..')),
      ...Object.fromEntries(
        packages.map((name) => [name, packageVersion(path.join(__dirname, 'node_modules', name))]),
      ),
    },
  };
}

const absent = 'not installed';

function serverVersion(variable: string, command: string, pattern: RegExp): string {
  const { stdout } = spawnSync(process.env[variable] || command, ['--version'], {
    encoding: 'utf8',
  });
  return pattern.exec(stdout ?? '')?.[1] ?? absent;
}

function packageVersion(directory: string): string {
  try {
    return JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')).version;
  } catch {
    return absent;
  }
}

export function machineText({ date, cpu, cores, memoryGiB, kernel, versions }: Machine): string {
  return [
    `${date.slice(0, 10)}, ${cores} cores (${cpu}), ${memoryGiB} GiB, Linux ${kernel}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ].join('; ');
}

/** Above this share of the cores, somebody else's work shows in the figures. */
const busyShare = 0.25;

/** What is to be said where the machine was not left alone. */
export function disturbance({ loadBefore, cores }: Machine): string | undefined {
  if (loadBefore <= cores * busyShare) return undefined;
  const load = loadBefore.toFixed(1);
  return `The machine was busy before the start (a load of ${load} on ${cores} cores): it can do better than these figures.`;
}
