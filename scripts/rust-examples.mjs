// Builds the examples in Rust, which are examples of the crate.

import { run } from './run.mjs';

/** @returns {Promise<{ ok: boolean, output: string }>} */
export function buildRustExamples({ announce, echo }) {
  announce('Building the examples in Rust …');
  return run('cargo', ['build', '--examples'], { echo, env: { CARGO_TERM_COLOR: 'never' } });
}
