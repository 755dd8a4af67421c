import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { now } from '../__test__/fixtures/processes.ts';

/** A command as its bytes, and when it was sent. */
export interface Recorded {
  bytes: Buffer;
  parts: string[];
  at: bigint;
}

/**
 * What becomes of the commands that change the register. To keep one back holds up what follows it on its connection, as
 * a network does: a stream has no holes.
 */
export type Mode = 'pass' | 'keep back' | 'double';

/**
 * The way between one process and Redis, which knows what goes over it: it records every command that changes the
 * register, can keep such commands back or double them, and delivers recorded ones late, over a connection of its own.
 */
export class CommandRecorder {
  readonly recorded: Recorded[] = [];
  /** Those that were kept back. */
  readonly kept: Recorded[] = [];
  mode: Mode = 'pass';
  /** Answers to what was delivered late or twice: whether the register granted it. */
  readonly late = { granted: 0, refused: 0, errors: 0 };
  readonly #serverPort: number;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();

  /** Use {@link startRecorder}. */
  constructor(serverPort: number) {
    this.#serverPort = serverPort;
    this.#listener = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  async listen(): Promise<void> {
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#listener.address() as { port: number }).port}`;
  }

  /** Sends these commands in this order over a new connection, and counts what the register made of them. */
  async deliver(commands: Recorded[]): Promise<void> {
    const socket = connect({ port: this.#serverPort, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => (text += chunk));
    for (const { bytes } of commands) socket.write(bytes);
    // The answer to this one says that all others were given.
    socket.write('*2\r\n$4\r\nECHO\r\n$9\r\nlast-word\r\n');
    while (!text.includes('last-word')) await once(socket, 'data');
    socket.destroy();
    for (const answer of answers(text)) this.late[answer] += 1;
  }

  /** Resets every connection. */
  reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#listener.close();
    this.reset();
    await once(this.#listener, 'close');
  }

  #accept(client: Socket): void {
    const server = connect({ port: this.#serverPort, host: '127.0.0.1', noDelay: true });
    let rest: Buffer = Buffer.alloc(0);
    let isHeldUp = false;
    client.on('data', (chunk: Buffer) => {
      const { commands, rest: left } = split(Buffer.concat([rest, chunk]));
      rest = left;
      for (const bytes of commands) {
        isHeldUp ||= this.mode === 'keep back' && changesRegister(partsOf(bytes));
        this.#take(bytes, isHeldUp ? undefined : server);
      }
    });
    server.on('data', (chunk: Buffer) => client.write(chunk));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }

  /** `server`: undefined where the connection is held up. */
  #take(bytes: Buffer, server: Socket | undefined): void {
    server?.write(bytes);
    const parts = partsOf(bytes);
    if (!changesRegister(parts)) return;
    const command = { bytes, parts, at: now() };
    this.recorded.push(command);
    if (!server) this.kept.push(command);
    else if (this.mode === 'double') this.deliver([command]).catch(() => {});
  }
}

export async function startRecorder(serverPort: number): Promise<CommandRecorder> {
  const recorder = new CommandRecorder(serverPort);
  await recorder.listen();
  return recorder;
}

/** Cuts a stream of requests into whole commands: each is an array of bulk strings. */
function split(stream: Buffer): { commands: Buffer[]; rest: Buffer } {
  const commands: Buffer[] = [];
  let start = 0;
  for (;;) {
    const end = endOfCommand(stream, start);
    if (end === undefined) return { commands, rest: stream.subarray(start) };
    commands.push(stream.subarray(start, end));
    start = end;
  }
}

function endOfCommand(stream: Buffer, start: number): number | undefined {
  const head = stream.indexOf('\r\n', start);
  if (head < 0) return undefined;
  const count = Number(stream.toString('latin1', start + 1, head));
  let at = head + 2;
  for (let part = 0; part < count; part++) {
    const line = stream.indexOf('\r\n', at);
    if (line < 0) return undefined;
    at = line + 2 + Number(stream.toString('latin1', at + 1, line)) + 2;
  }
  return at <= stream.length ? at : undefined;
}

function partsOf(command: Buffer): string[] {
  const lines = command.toString('latin1').split('\r\n');
  // The head, then for each part its length and its text. No part of these commands holds a line break but a script.
  return lines.slice(1).filter((_, index) => index % 2 === 1);
}

// A script with one key is one of the register's. Those that only look have two arguments alone, the stamp and the channel.
function changesRegister([name = '', , keys, ...rest]: string[]): boolean {
  return /^evalsha$/i.test(name) && keys === '1' && rest.length > 3;
}

// A script's answer is an array whose first element is '1' where it was granted.
function answers(text: string): ('granted' | 'refused' | 'errors')[] {
  const starts = text.match(/\*1\d\r\n\$1\r\n[01]|^-.*$/gm) ?? [];
  return starts.map((start) => {
    if (start.startsWith('-')) return 'errors';
    return start.endsWith('1') ? 'granted' : 'refused';
  });
}
