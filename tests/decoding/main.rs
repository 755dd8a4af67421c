//! Whatever comes from others is read without a panic: golden examples with random changes, through every decoder. The same
//! targets run for longer, guided by coverage, with `npm run fuzz`.

mod edits;
mod seeds;
mod targets;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use self::edits::{Edit, apply};
use self::targets::{TARGETS, Target};

/// 100 000 over all targets.
const INPUTS_PER_TARGET: u32 = 100_000 / TARGETS.len() as u32 + 1;

#[test]
fn golden_examples_with_random_changes_break_no_decoder() {
    for target in TARGETS {
        run(target);
    }
}

fn run(target: &Target) {
    let seeds = seeds::of(target.name);
    let edit = (any::<u8>(), any::<u32>(), any::<u32>()).prop_map(|(what, place, with)| Edit {
        what,
        place,
        with,
    });
    let input = (any::<prop::sample::Index>(), prop::collection::vec(edit, 0..6));
    let config =
        Config { cases: INPUTS_PER_TARGET, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&input, |(first, edits)| {
        let mut bytes = first.get(&seeds).clone();
        for edit in &edits {
            apply(*edit, &mut bytes, &seeds[edit.with as usize % seeds.len()]);
        }
        let input = bytes.clone();
        std::panic::catch_unwind(|| (target.run)(&input)).map_err(|panic| {
            let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            let text = bytes.escape_ascii();
            TestCaseError::fail(format!("target {}: b\"{text}\"\n{said}", target.name))
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn seeds_break_no_decoder() {
    for target in TARGETS {
        for seed in seeds::of(target.name) {
            (target.run)(&seed);
        }
    }
}
