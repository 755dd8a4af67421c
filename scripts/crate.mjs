// Checks the crate in the form in which services in Rust get it: its documents, and what would be published.

import { run } from './run.mjs';

/** docs.rs says nothing of a broken link, and crates.io takes what has too many files. */
const DOCUMENTS = ['doc', '--no-deps', '--package', 'incumbent'];
const PACKAGE = ['publish', '--dry-run', '--allow-dirty', '--package', 'incumbent', '--locked'];

/** Compressed. What makes it larger had better be noticed. */
const MAX_KIB = 400;

/** @returns {Promise<{ passed: number, failed: number, output: string }>} */
export async function checkCrate({ echo }) {
  const cargo = (args, env) =>
    run('cargo', args, { echo, env: { CARGO_TERM_COLOR: 'never', ...env } });
  const documents = await cargo(DOCUMENTS, { RUSTDOCFLAGS: '-D warnings' });
  const published = await cargo(PACKAGE);
  const checks = [documents, published, sizeOf(published.output)];
  const failed = checks.filter(({ ok }) => !ok);
  return {
    passed: checks.length - failed.length,
    failed: failed.length,
    output: failed.map(({ output }) => output).join('\n'),
  };
}

function sizeOf(output) {
  const [, size, unit] = /Packaged .*\(([\d.]+)(KiB|MiB) compressed\)/.exec(output) ?? [];
  const kib = Number(size) * (unit === 'MiB' ? 1024 : 1);
  const ok = kib <= MAX_KIB;
  return { ok, output: `the crate has ${size} ${unit}; at most ${MAX_KIB} KiB are expected\n` };
}
