//! Clusters in virtual time: the pure core of the election in a world in which everything goes wrong, decided by one number.
//!
//! ```text
//!   seed -> Scenario (cluster, clocks, network, faults)
//!                |
//!                v
//!   Agenda --> World --- one step ---> Invariants (a perfect observer)
//!     ^          |                        |
//!     |          +--> Server   Register, restarts, promotions, a wall clock that is set
//!     |          +--> Node     one Election, its connections, clock and service code
//!     +----------+                        |
//!                                         v
//!                                 Outcome, with its Story
//! ```
//!
//! Nothing here reads a clock, starts a thread, or iterates over anything whose order may differ: the same seed is the same
//! run, to the byte, on every platform. Read `scenario.rs`, `fault.rs`, `world/mod.rs`, then one invariant.

mod agenda;
mod bug;
mod clock;
mod fault;
pub mod fleet;
pub mod invariants;
mod random;
mod scenario;
mod server;
mod story;
mod world;

#[cfg(test)]
mod tests;

pub use bug::Bug;
pub use fault::Fault;
pub use invariants::Violation;

use world::World;

/// What came of one seed.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub violation: Option<Violation>,
    /// How much virtual time passed.
    pub nanos: u64,
    /// How many faults took effect.
    pub faults: usize,
    /// How many reigns there were.
    pub reigns: usize,
    pub steps: u64,
    /// How long after the last fault's last effect one leader stood for good, as a share of the longest lease in thousandths.
    pub recovery: u64,
    /// The run in words; empty unless it was asked for.
    pub story: String,
}

/// Runs the world of `seed`, with `bug` planted in it.
pub fn run(seed: u64, bug: Option<Bug>) -> Outcome {
    World::new(seed, bug, story::Story::untold()).run()
}

/// The same, and tells the story.
pub fn narrate(seed: u64, bug: Option<Bug>) -> Outcome {
    World::new(seed, bug, story::Story::told()).run()
}
