import incumbent from './index.js';

export const { Candidate, IncumbentError, LeadershipLost } = incumbent;
export default Candidate;
