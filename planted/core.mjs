// The election as a crate of its own, copied out, with its simulation or without: both are pure, so that they build and run within seconds.

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { root } from '../scripts/run.mjs';

const manifest = (dependencies, optimization) => `
[package]
name = "incumbent"
version = "0.0.0"
edition = "2024"

[dependencies]
${dependencies}

[profile.test]
opt-level = ${optimization}
debug = false

[workspace]
`;

/** Copies the election and its simulation to `place`. What was built there before is kept. */
export function copyCore(place) {
  copy(place, ['src/election', 'src/simulation']);
  cpSync(path.join(root, 'simulator/src/main.rs'), path.join(place, 'src/bin/simulate.rs'));
  writeFileSync(path.join(place, 'src', 'lib.rs'), 'pub mod election;\npub mod simulation;\n');
  writeFileSync(path.join(place, 'Cargo.toml'), manifest('lexopt = "0.3"', 1));
}

/** Copies the election alone, which builds in less than a second. */
export function copyElection(place) {
  copy(place, ['src/election']);
  writeFileSync(path.join(place, 'src', 'lib.rs'), 'pub mod election;\n');
  writeFileSync(path.join(place, 'Cargo.toml'), manifest('', 0));
}

function copy(place, parts) {
  rmSync(path.join(place, 'src'), { recursive: true, force: true });
  mkdirSync(path.join(place, 'src', 'bin'), { recursive: true });
  for (const part of [...parts, 'Cargo.lock']) {
    cpSync(path.join(root, part), path.join(place, part), { recursive: true });
  }
}
