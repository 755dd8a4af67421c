//! libFuzzer over the decoders: coverage chooses which inputs to go on from, and the edits know the form of what they change.
//! `npm run fuzz` builds this with coverage and runs one process for each target; INCUMBENT_FUZZ_TARGET names it.
//!
//! Beside panics, every input is held to its memory: what it allocated is free again when it was read, and at no moment was it more
//! than a multiple of the input.

#![no_main]

#[path = "../../tests/decoding/edits.rs"]
mod edits;
#[path = "../../tests/decoding/seeds.rs"]
mod seeds;
#[path = "../../tests/decoding/targets.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

use self::edits::{Edit, apply};
use self::targets::{TARGETS, Target};

struct Run {
    target: &'static Target,
    seeds: Vec<Vec<u8>>,
}

static RUN: LazyLock<Run> = LazyLock::new(|| {
    let name = std::env::var("INCUMBENT_FUZZ_TARGET").unwrap_or_default();
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("INCUMBENT_FUZZ_TARGET must be one of: {}", names.join(" "));
        std::process::exit(2);
    };
    let seeds = seeds::of(target.name);
    // libFuzzer takes its first inputs from a folder.
    if let Ok(folder) = std::env::var("INCUMBENT_FUZZ_SEEDS") {
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(format!("{folder}/seed-{number}"), seed).expect("the folder is there");
        }
    }
    // What is made once, such as tables, is no growth.
    for seed in &seeds {
        (target.run)(seed);
    }
    Run { target, seeds }
});

/// How much a decoder may hold at one moment: for each byte of its input, and beside that.
const BYTES_PER_BYTE: u64 = 400;
const BYTES_BESIDE: u64 = 64 << 10;
/// redis-rs makes room for up to 4096 parts of an array as soon as it has read its head, in each of 100 levels.
const BYTES_OF_NESTED_HEADS: u64 = 32 << 20;

fuzz_target!(init: { LazyLock::force(&RUN); }, |bytes: &[u8]| {
    let used = allocation_counter::measure(|| (RUN.target.run)(bytes));
    assert_eq!(used.bytes_current, 0, "the input left memory behind");
    let beside = if RUN.target.name == "resp" { BYTES_OF_NESTED_HEADS } else { BYTES_BESIDE };
    let limit = BYTES_PER_BYTE * bytes.len() as u64 + beside;
    assert!(used.bytes_max <= limit, "{} bytes made {} of memory", bytes.len(), used.bytes_max);
});

fuzz_mutator!(|bytes: &mut [u8], size: usize, room: usize, seed: u32| {
    // One in three changes is libFuzzer's own, which knows what the code compares with.
    if seed.is_multiple_of(3) {
        return fuzzer_mutate(bytes, size, room);
    }
    let mut changed = bytes[..size].to_vec();
    let mixed = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let edit =
        Edit { what: (mixed >> 56) as u8, place: (mixed >> 24) as u32, with: (mixed >> 8) as u32 };
    let seeds = &RUN.seeds;
    apply(edit, &mut changed, &seeds[mixed as usize % seeds.len()]);
    changed.truncate(room);
    bytes[..changed.len()].copy_from_slice(&changed);
    changed.len()
});
