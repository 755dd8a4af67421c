// Three instances in this process, over the embedded medium.

import { BaseFleet } from './fleet.mjs';
import { actions, startInstance } from './instance.mjs';

export class Fleet extends BaseFleet {
  place = 'in one process, over the embedded medium';
  canKill = false;
  #candidates = new Map();
  #living = new Set();

  launch(name) {
    const options = { ...this.options, medium: 'memory' };
    const candidate = startInstance(name, options, (item) => this.heard(item));
    this.#candidates.set(name, candidate);
    this.#living.add(name);
    return candidate.start();
  }

  act(name, action, argument) {
    return actions[action](this.#candidates.get(name), argument);
  }

  names() {
    return [...this.#living];
  }

  remove(name) {
    this.#living.delete(name);
  }

  async end() {
    await Promise.all([...this.#candidates.values()].map((candidate) => candidate.stop()));
  }
}
