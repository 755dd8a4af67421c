// Compiled, never run: `require`, in the form that TypeScript has for it.

import incumbent = require('incumbent');

const named: incumbent.Candidate = new incumbent.Candidate({ kind: 'orders' });
const byDefault: incumbent.Candidate = new incumbent.default({ kind: 'orders' });
const state: incumbent.State = named.state;
const error: incumbent.IncumbentError = new incumbent.IncumbentError('ERR_INTERNAL', 'why');

// @ts-expect-error The module itself is no class.
new incumbent();

export { byDefault, error, named, state };
