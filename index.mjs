import * as exported from './index.js';

// The default export of a CommonJS module is the whole module in Node.js, and in Bun what it marks as its default.
const incumbent = exported.default.Candidate ? exported.default : exported;

export const { Candidate, IncumbentError, LeadershipLost } = incumbent;
export default Candidate;
