// Builds the examples in Rust, and says where they are.

import { spawn } from 'node:child_process';
import { run, root } from './run.mjs';

/** @returns {Promise<{ ok: boolean, output: string }>} */
export function buildRustExamples({ announce, echo }) {
  announce('Building the examples in Rust …');
  return run('cargo', ['build', '--examples'], { echo, env: { CARGO_TERM_COLOR: 'never' } });
}

/**
 * The program of an example, which is built where it is not.
 * @param {string} name
 * @returns {Promise<string>}
 */
export async function rustExample(name) {
  const args = ['build', '--quiet', '--example', name, '--message-format', 'json'];
  const child = spawn('cargo', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  const messages = output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const built = messages.find((one) => one.target?.name === name && one.executable);
  if (!built) throw new Error(`cargo built no example "${name}" (exit code ${code})`);
  return built.executable;
}
