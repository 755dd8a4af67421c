// Compiled, never run: an ES module under Node's own rules, where the default export is the class itself.

import Default, {
  Candidate,
  IncumbentError,
  type Instance,
  type Options,
  type State,
} from 'incumbent';
import * as everything from 'incumbent';

const options: Options<string> = { kind: 'orders', meta: 'eu-west' };
const candidate: Candidate<string> = new Default(options);
const state: State = candidate.state;
const isTheSame: boolean = everything.Candidate === everything.default;
const instances: Instance<string>[] = await candidate.getInstances();

await using scoped = new Candidate();
await scoped.start();

// @ts-expect-error The default export is the class and has no other export on it.
void Default.IncumbentError;

export { IncumbentError, instances, isTheSame, state };
