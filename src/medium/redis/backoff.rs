//! How long to wait before the next attempt to connect.

use std::time::Duration;

/// The first wait; each later one is twice as long, up to a limit.
const FIRST: Duration = Duration::from_millis(10);

/// Failures in a row. A crate's backoff would fix the limit beforehand; here it follows the shortest lease among those that
/// share the connection, which come and go.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait: below `limit`, and drawn with `random`, so that many clients of a server that comes back do not come at once.
    pub fn next(&mut self, limit: Duration, random: u64) -> Duration {
        let full = FIRST.saturating_mul(1 << self.failures.min(16)).min(limit);
        self.failures += 1;
        let share = (random >> 40) as f64 / (1u64 << 24) as f64;
        full.mul_f64(0.5 + 0.5 * share)
    }

    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wait_is_short_and_later_ones_stay_below_the_limit() {
        let limit = Duration::from_millis(100);
        let mut backoff = Backoff::default();
        assert!(backoff.next(limit, u64::MAX) <= FIRST);
        for random in [0, 1 << 63, u64::MAX].into_iter().cycle().take(60) {
            let wait = backoff.next(limit, random);
            assert!(wait >= FIRST / 2 && wait < limit, "{wait:?}");
        }
    }

    #[test]
    fn waits_differ_by_what_is_drawn() {
        let limit = Duration::from_secs(1);
        let draw = |random| {
            let mut backoff = Backoff { failures: 20 };
            backoff.next(limit, random)
        };
        assert!(draw(0) < draw(1 << 63));
    }
}
