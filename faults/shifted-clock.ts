import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bench } from './bench.ts';

/** The clocks of a process that is started with `env`, which can be shifted while it runs. See clock-shim.c. */
export class ShiftedClock {
  readonly env: Record<string, string>;
  readonly #file: number;
  #wallMs = 0;
  #monotonicMs = 0;

  constructor(bench: Bench) {
    const folder = mkdtempSync(path.join(tmpdir(), 'incumbent-clock-'));
    bench.after(() => rmSync(folder, { recursive: true, force: true }));
    const shim = path.join(folder, 'clock-shim.so');
    // The compiler that Rust links with.
    const source = path.join(__dirname, 'clock-shim.c');
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', shim, source]);
    const file = path.join(folder, 'shifts');
    this.#file = openSync(file, 'w');
    this.env = { LD_PRELOAD: shim, INCUMBENT_CLOCK_SHIFTS: file };
    this.#write();
  }

  /** Steps the wall clock by so many ms. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
    this.#write();
  }

  /** Sets CLOCK_MONOTONIC back, which stands still while a machine sleeps. */
  sleptFor(ms: number): void {
    this.#monotonicMs -= ms;
    this.#write();
  }

  /** For the next process, whose clocks are to begin right: the oracle compares what it records with that of the others. */
  reset(): void {
    this.#wallMs = 0;
    this.#monotonicMs = 0;
    this.#write();
  }

  #write(): void {
    const shifts = Buffer.alloc(16);
    shifts.writeBigInt64LE(BigInt(Math.round(this.#wallMs)) * 1_000_000n, 0);
    shifts.writeBigInt64LE(BigInt(Math.round(this.#monotonicMs)) * 1_000_000n, 8);
    writeSync(this.#file, shifts, 0, shifts.length, 0);
  }
}
