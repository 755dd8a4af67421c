//! Turns, in a large fleet. All its instances learn at the same moment that the register may be taken. Were all to come then, the
//! server would answer none before it has refused the last, and the one that it granted would wait for its answer longer than the
//! answer counts. So each comes after a random while, and whoever has heard of a new leader by then looks instead.
//!
//! It only ever delays, and by a bounded time, so no rule of the election depends on it.

use std::cmp::min;
use std::time::Duration;

#[derive(Debug, Default)]
pub struct Crowd {
    /// Within which all come.
    spread: Duration,
    /// This instance's part of it, in fractions of 2^32.
    turn: u32,
}

impl Crowd {
    /// Fewer than these have no need of turns.
    const FEW: usize = 8;
    /// About what one command takes the server, and more than the winner's news takes to arrive among so many.
    const SPACING: Duration = Duration::from_micros(250);

    pub fn resize(&mut self, instances: usize, limit: Duration, draw: &mut impl FnMut() -> u64) {
        let many = u32::try_from(instances.saturating_sub(Self::FEW)).unwrap_or(u32::MAX);
        let had_turns = self.takes_turns();
        self.spread = min(Self::SPACING.saturating_mul(many), limit);
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

    pub fn turn(&self) -> Duration {
        let nanos = (self.spread.as_nanos() * u128::from(self.turn)) >> 32;
        Duration::from_nanos(nanos as u64)
    }
}
