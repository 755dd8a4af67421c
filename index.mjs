import incumbent from './index.js';

export const { Candidate, IncumbentError } = incumbent;
export default Candidate;
