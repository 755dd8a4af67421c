//! Stories that chance writes: a few nodes, one register, and everything that can go wrong, in virtual time. A seed is a story;
//! the same seed is the same story, so a failure is replayed by its number.
//!
//! After each step [`invariants`] are held against the whole cluster. Faults end at [`FAULTS_END`]; from then on one leader
//! must stand in time, and go on standing.

mod cluster;
mod faults;
mod invariants;

use cluster::Cluster;

/// All times are microseconds of the true time, which no node knows.
pub type Micros = u64;

pub const SECOND: Micros = 1_000_000;
pub const FAULTS_END: Micros = 15 * SECOND;
pub const END: Micros = 20 * SECOND;

/// Chance, from a seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Self(super::kit::splitmix64(&mut state))
    }

    pub fn bits(&mut self) -> u64 {
        super::kit::splitmix64(&mut self.0)
    }

    /// From `low` up to, and without, `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.bits() % (high - low).max(1)
    }

    pub fn one_in(&mut self, many: u64) -> bool {
        self.bits().is_multiple_of(many)
    }
}

/// Lives through the story of `seed`; its counts show that the story was about something.
fn live(seed: u64) -> invariants::Tally {
    let mut cluster = Cluster::new(seed);
    while cluster.step() {}
    cluster.tally()
}

fn live_through(seeds: std::ops::Range<u64>) -> invariants::Tally {
    let mut total = invariants::Tally::default();
    for seed in seeds {
        let tally = std::panic::catch_unwind(|| live(seed))
            .unwrap_or_else(|_| panic!("seed {seed} fails; see the reason above"));
        total.add(&tally);
    }
    total
}

#[test]
fn no_seed_gives_two_leaders_a_term_granted_twice_or_an_election_that_stands_still() {
    // Two threads: the machines that run this have at least two cores.
    let seeds = SEEDS;
    let total = std::thread::scope(|scope| {
        let half = scope.spawn(move || live_through(0..seeds / 2));
        let mut total = live_through(seeds / 2..seeds);
        total.add(&half.join().expect("the other half holds"));
        total
    });
    // A simulation that does nothing finds nothing.
    assert!(total.elected > 4 * seeds && total.expired > seeds, "{total:?}");
    assert!(total.lost > seeds && total.stopped > seeds, "{total:?}");
    assert!(total.asserted > seeds && total.released > seeds, "{total:?}");
}

#[test]
fn the_same_seed_is_the_same_story() {
    assert_eq!(live(7), live(7));
}

const SEEDS: u64 = 2_000;
