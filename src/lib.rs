#![doc = include_str!("../RUST.md")]
#![warn(missing_docs)]

// ```text
//   api, node  ──►  candidate  ──►  driver  ──►  medium  ──►  Redis, or this process's memory
//                                      │            │
//                                      ▼            ▼
//                         election  membership  messaging  wire        (pure: no I/O, no clock, no randomness)
// ```
//
// Arrows are imports; tests/architecture.rs holds them. Read in this order: election (the rules, and the picture of the state machine), one file of its tests,
// medium (the trait that the rules are carried by), driver (the loop that brings the two together), candidate (what outlives one run), api (what services in Rust
// use). ARCHITECTURE.md has the rules with their reasons, PROTOCOL.md the bytes, which are wire's.
//
// What is hidden below is no part of the crate's promise: it is there for the simulator, the fuzzer and the tests, and changes as it must.

mod api;
#[doc(hidden)]
pub mod authentication;
#[doc(hidden)]
pub mod candidate;
#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod doctor;
#[doc(hidden)]
pub mod driver;
#[doc(hidden)]
pub mod election;
mod error;
#[doc(hidden)]
pub mod lifeline;
mod limits;
#[doc(hidden)]
pub mod medium;
#[doc(hidden)]
pub mod membership;
#[doc(hidden)]
pub mod messaging;
#[doc(hidden)]
pub mod metrics;
#[doc(hidden)]
pub mod migration;
#[cfg(feature = "node")]
#[doc(hidden)]
pub mod node;
#[doc(hidden)]
pub mod observer;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod simulation;
#[doc(hidden)]
pub mod wire;

pub use api::*;
pub use error::{Error, ErrorCode};
