'use strict';

const { createCandidateClass } = require('./lib/candidate.js');
const { IncumbentError, LeadershipLost } = require('./lib/errors.js');
const { NativeCandidate, NativeCredentials } = require('./native.js');
const Candidate = createCandidateClass(NativeCandidate, NativeCredentials);

// `default` and the mark serve what compilers make of `import Candidate from 'incumbent'`.
Object.defineProperty(exports, '__esModule', { value: true });
exports.Candidate = Candidate;
exports.IncumbentError = IncumbentError;
exports.LeadershipLost = LeadershipLost;
exports.default = Candidate;
