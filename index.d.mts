export * from './index.js';
export { Candidate as default } from './index.js';
