import { readFileSync, readdirSync } from 'node:fs';

/** Whether a signal has stopped this process: state T in /proc. */
export function isStoppedBySignal(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name of the program, in parentheses, may hold anything.
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

/**
 * For how many ms each thread of this process was ready to run, and waited for a core, since it began. Empty where the
 * process is gone, or where the kernel does not tell.
 */
export function waitsForCore(pid: number): Map<string, number> {
  const waits = new Map<string, number>();
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1');
      waits.set(thread, Number(stat.split(' ')[1]) / 1e6);
    }
  } catch {
    // A thread, or the whole process, has ended meanwhile.
  }
  return waits;
}
