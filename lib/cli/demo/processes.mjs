// Three processes over a Redis server. Started with a name, this file is one of them.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BaseFleet } from './fleet.mjs';
import { actions, startInstance } from './instance.mjs';

const HERE = fileURLToPath(import.meta.url);
const OPTIONS = 'INCUMBENT_DEMO_OPTIONS';

export class Fleet extends BaseFleet {
  canKill = true;
  #children = new Map();
  #calls = new Map();

  place = 'each a process of its own, over Redis';

  launch(name) {
    // Not as an argument: the options may hold a password.
    const env = { ...process.env, [OPTIONS]: JSON.stringify(this.options) };
    const child = fork(HERE, [name], { env });
    this.#children.set(name, child);
    child.on('message', (item) => (item.type === 'reply' ? this.#settle(item) : this.heard(item)));
    return this.act(name, 'start');
  }

  act(name, action, argument) {
    const call = this.#calls.size + 1;
    const { promise, ...settle } = deferred();
    this.#calls.set(call, settle);
    this.#child(name).send({ call, action, argument });
    return promise;
  }

  kill(name) {
    const child = this.#child(name);
    this.remove(name);
    child.kill('SIGKILL');
  }

  names() {
    return [...this.#children].filter(([, child]) => !child.isGone).map(([name]) => name);
  }

  remove(name) {
    this.#child(name).isGone = true;
  }

  async end() {
    const running = [...this.#children.values()].filter(
      (child) => child.exitCode === null && child.signalCode === null,
    );
    await Promise.all(
      running.map(async (child) => {
        const gone = once(child, 'exit');
        // Whoever presses Ctrl-C does not wait for a good end.
        if (this.isCutShort) child.kill('SIGKILL');
        else child.disconnect();
        await gone;
      }),
    );
  }

  #child(name) {
    return this.#children.get(name);
  }

  #settle({ call, error }) {
    const { resolve, reject } = this.#calls.get(call);
    error === undefined ? resolve() : reject(new Error(error));
  }
}

function deferred() {
  let resolve, reject;
  const promise = new Promise((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

/** Tells the fleet, as long as it is there. */
function tell(item) {
  if (process.connected) process.send(item);
}

/** One of the three: does what the fleet asks, and stops when the fleet is gone. */
function serve(name, options) {
  const candidate = startInstance(name, options, tell);
  process.on('message', async ({ call, action, argument }) => {
    try {
      await actions[action](candidate, argument);
      tell({ type: 'reply', call });
    } catch (error) {
      tell({ type: 'reply', call, error: error.message });
    }
  });
  process.on('disconnect', () => candidate.stop());
  // Ctrl-C reaches the whole group; the fleet's end is what ends an instance.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
}

if (process.argv[1] === HERE) {
  serve(process.argv[2], JSON.parse(process.env[OPTIONS]));
}
