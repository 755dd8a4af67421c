//! Turns, in a large fleet. All its instances learn at the same moment that the register may be taken. Were all to come then, the
//! server would answer none before it has refused the last, and the one that it granted would wait for its answer longer than the
//! answer counts. So each comes after a random while, and whoever has heard of a new leader by then looks instead.
//!
//! It only ever delays, and by a bounded time, so no rule of the election depends on it.

use std::cmp::min;
use std::time::Duration;

use super::Instant;

#[derive(Debug, Default)]
pub struct Crowd {
    /// Within which all come, of those who may take.
    spread: Duration,
    /// The same of those who look.
    look_spread: Duration,
    no_look_before: Instant,
    /// This instance's part of it, in fractions of 2^32.
    turn: u32,
}

impl Crowd {
    /// Fewer than these have no need of turns.
    const FEW: usize = 8;
    /// About what one command takes the server, and more than the winner's news takes to arrive among so many.
    const SPACING: Duration = Duration::from_micros(250);

    /// How many times longer than the takes the looks may be spread.
    const LOOK_LIMIT: u32 = 16;

    pub fn resize(&mut self, instances: usize, limit: Duration, draw: &mut impl FnMut() -> u64) {
        let many = u32::try_from(instances.saturating_sub(Self::FEW)).unwrap_or(u32::MAX);
        let had_turns = self.takes_turns();
        let all = Self::SPACING.saturating_mul(many);
        self.spread = min(all, limit);
        self.look_spread = min(all, limit * Self::LOOK_LIMIT);
        if !had_turns {
            self.draw_turn(draw);
        }
    }

    /// So that nobody is always the last.
    pub fn draw_turn(&mut self, draw: &mut impl FnMut() -> u64) {
        if self.takes_turns() {
            self.turn = draw() as u32;
        }
    }

    pub fn takes_turns(&self) -> bool {
        !self.spread.is_zero()
    }

    pub fn spread(&self) -> Duration {
        self.spread
    }

    /// Looks are spread as well, over as long as the server needs for one of each instance. A server that is late once, so that all
    /// miss a heartbeat or an answer and look, would otherwise answer nothing but looks from then on, and be late for ever.
    pub fn note_look(&mut self, now: Instant, draw: &mut impl FnMut() -> u64) {
        if self.takes_turns() {
            // Between a half and three halves, so that those who began together do not go on together.
            let part = draw() as u32;
            self.no_look_before = now + self.look_spread / 2 + share(self.look_spread, part);
        }
    }

    pub fn no_look_before(&self) -> Instant {
        self.no_look_before
    }

    pub fn turn_to_look(&self) -> Duration {
        share(self.look_spread, self.turn)
    }

    pub fn turn(&self) -> Duration {
        share(self.spread, self.turn)
    }
}

fn share(spread: Duration, part: u32) -> Duration {
    let nanos = (spread.as_nanos() * u128::from(part)) >> 32;
    Duration::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_are_spread_up_to_the_limit_and_looks_for_as_long_as_the_server_needs_for_all() {
        let mut crowd = Crowd::default();
        let mut the_last_turn = || u64::MAX;
        crowd.resize(4008, Duration::from_millis(200), &mut the_last_turn);
        assert_eq!(crowd.spread(), Duration::from_millis(200));
        assert_eq!(crowd.turn().as_millis(), 199);
        assert_eq!(crowd.turn_to_look().as_millis(), 999);
    }
}
