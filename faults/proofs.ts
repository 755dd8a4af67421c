import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

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

/** The ports at this end of the TCP connections of a process, over IPv4. */
export function localPortsOf(pid: number): Set<number> {
  const handles = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  const sockets = new Set(handles.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  const rows = readFileSync('/proc/net/tcp', 'latin1').trim().split('\n').slice(1);
  const fields = rows.map((row) => row.trim().split(/\s+/));
  const own = fields.filter((columns) => sockets.has(columns[9]));
  return new Set(own.map(([, local]) => parseInt(local!.split(':')[1]!, 16)));
}

// It may have been closed meanwhile.
function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
