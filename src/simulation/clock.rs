//! True time, and the clocks that go wrong.

use crate::election::Instant;

/// True time, in nanoseconds since the run began. No node ever sees it.
pub type Nanos = u64;

pub const MICROSECOND: Nanos = 1_000;
pub const MILLISECOND: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000_000_000;

/// The rate of a clock that is right, in millionths.
const TRUE_RATE: u64 = 1_000_000;

/// A node's monotonic clock: its own origin, and a rate that may be off. Whole numbers only, so that every platform agrees.
#[derive(Clone, Debug)]
pub struct NodeClock {
    since: Nanos,
    reading: u64,
    /// Millionths of the true rate.
    rate: u64,
}

impl NodeClock {
    pub fn new(origin: u64, parts_per_million: i64) -> Self {
        Self { since: 0, reading: origin, rate: rate(parts_per_million) }
    }

    pub fn read(&self, now: Nanos) -> Instant {
        Instant::from_nanos(self.reading + (now - self.since) * self.rate / TRUE_RATE)
    }

    /// The first moment at which the clock reads `at` or later.
    pub fn when(&self, at: Instant) -> Nanos {
        let ahead = at.as_nanos().saturating_sub(self.reading);
        let true_ahead = (u128::from(ahead) * u128::from(TRUE_RATE)).div_ceil(self.rate.into());
        self.since.saturating_add(u64::try_from(true_ahead).unwrap_or(u64::MAX))
    }

    /// From `now` on the clock runs at another rate; what it reads does not jump.
    pub fn change_rate(&mut self, now: Nanos, parts_per_million: i64) {
        self.reading = self.read(now).as_nanos();
        self.since = now;
        self.rate = rate(parts_per_million);
    }

    /// The clock did not count from `asleep` to `now`, as a clock that stands still while the machine sleeps.
    pub fn skip(&mut self, asleep: Nanos, now: Nanos) {
        self.reading = self.read(asleep.max(self.since)).as_nanos();
        self.since = now;
    }
}

fn rate(parts_per_million: i64) -> u64 {
    TRUE_RATE.saturating_add_signed(parts_per_million)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_reads_the_moment_that_it_names_and_none_before() {
        for rate in [-100_000, -3, 0, 7, 100_000] {
            let clock = NodeClock::new(123_456_789, rate);
            for nanos in [123_456_790, 5 * SECOND + 1, 61 * SECOND + 17] {
                let at = Instant::from_nanos(nanos);
                let when = clock.when(at);
                assert!(clock.read(when) >= at && clock.read(when - 1) < at, "{rate} {nanos}");
            }
        }
    }

    #[test]
    fn a_change_of_rate_does_not_make_the_clock_jump() {
        let mut clock = NodeClock::new(50, 100_000);
        let before = clock.read(SECOND);
        clock.change_rate(SECOND, -100_000);
        assert_eq!(clock.read(SECOND), before);
        assert_eq!(clock.read(2 * SECOND).since(before).as_nanos(), 900_000_000);
    }
}
