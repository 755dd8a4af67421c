/** What MONITOR showed: what clients sent, apart from what scripts called. */
export interface Traffic {
  /** Commands of clients, by name. */
  sent: Map<string, number>;
  /** Publications by channel, those of scripts included. */
  published: Map<string, number>;
}

/** Counts the lines of MONITOR. */
export function countTraffic(lines: string[]): Traffic {
  const traffic: Traffic = { sent: new Map(), published: new Map() };
  for (const line of lines) {
    const [, origin, name, argument] =
      /^\S+ \[\d+ (\S+)\] "([^"]*)"(?: "((?:[^"\\]|\\.)*)")?/.exec(line) ?? [];
    if (origin === undefined || name === undefined) continue;
    const command = name.toLowerCase();
    if (origin !== 'lua') count(traffic.sent, command);
    if (command === 'publish') count(traffic.published, argument ?? '');
  }
  return traffic;
}

/** What MONITOR showed between two marks, which a client has sent with ECHO; and how long that was by the server's clock. */
export interface MonitoredWindow {
  lines: string[];
  seconds: number;
}

/** Undefined as long as one of the marks has not come. */
export function between(
  lines: string[],
  marks: { begin: string; end: string },
): MonitoredWindow | undefined {
  const [begin, end] = [marks.begin, marks.end].map((mark) =>
    lines.findLastIndex((line) => line.endsWith(` "${mark}"`)),
  ) as [number, number];
  if (begin < 0 || end < begin) return undefined;
  const at = (index: number) => parseFloat(lines[index]!);
  return { lines: lines.slice(begin + 1, end), seconds: at(end) - at(begin) };
}

/** How many messages Redis delivers, where it has so many subscribers by channel. */
export function deliveries({ published }: Traffic, subscribers: Map<string, number>): number {
  return sum([...published].map(([channel, times]) => times * (subscribers.get(channel) ?? 0)));
}

export const sentCommands = ({ sent }: Traffic): number => sum([...sent.values()]);

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
