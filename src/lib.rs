//! Leader election, discovery and messaging for services, with Redis as the medium.
//!
//! ```text
//!   node  ──►  candidate  ──►  driver  ──►  medium  ──►  Redis, or this process's memory
//!                                 │            │
//!                                 ▼            ▼
//!                    election  membership  messaging  wire        (pure: no I/O, no clock, no randomness)
//! ```
//!
//! Arrows are imports; `tests/architecture.rs` holds them. Read in this order: [`election`] (the rules, and the picture of the
//! state machine), one file of its tests, [`medium`] (the trait that the rules are carried by), [`driver`] (the loop that
//! brings the two together), [`candidate`] (what outlives one run). ARCHITECTURE.md has the rules with their reasons,
//! PROTOCOL.md the bytes, which are [`wire`]'s.
//!
//! The feature `node` adds the addon for Node.js; without it, nothing in here needs Node.

pub mod authentication;
pub mod candidate;
pub mod clock;
pub mod doctor;
pub mod driver;
pub mod election;
pub mod lifeline;
pub mod medium;
pub mod membership;
pub mod messaging;
pub mod metrics;
#[cfg(feature = "node")]
pub mod node;
pub mod random;
pub mod simulation;
pub mod wire;
