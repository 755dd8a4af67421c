// The election and its simulation as a crate of their own, copied out: both are pure, so that they build and run within seconds.

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { root } from '../scripts/run.mjs';

const manifest = `
[package]
name = "incumbent"
version = "0.0.0"
edition = "2024"

[dependencies]
lexopt = "0.3"

[profile.test]
opt-level = 1
debug = false

[workspace]
`;

/** Copies the core to `place`. What was built there before is kept. */
export function copyCore(place) {
  rmSync(path.join(place, 'src'), { recursive: true, force: true });
  mkdirSync(path.join(place, 'src', 'bin'), { recursive: true });
  for (const part of ['src/election', 'src/simulation', 'src/bin/simulate.rs', 'Cargo.lock']) {
    cpSync(path.join(root, part), path.join(place, part), { recursive: true });
  }
  writeFileSync(path.join(place, 'src', 'lib.rs'), 'pub mod election;\npub mod simulation;\n');
  writeFileSync(path.join(place, 'Cargo.toml'), manifest);
}
