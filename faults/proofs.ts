import { readFileSync } from 'node:fs';

/** Whether a signal has stopped this process: state T in /proc. */
export function isStoppedBySignal(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name of the program, in parentheses, may hold anything.
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}
