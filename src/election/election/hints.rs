//! Announcements are hints that anybody may forge; this bounds what they make a node send.

use std::time::Duration;

use super::Instant;

/// A few commands in each window, which is a renewal interval.
#[derive(Debug, Default)]
pub struct HintAllowance {
    window_start: Instant,
    used: u32,
}

impl HintAllowance {
    const PER_WINDOW: u32 = 8;

    pub fn has_left(&mut self, now: Instant, window: Duration) -> bool {
        if now >= self.window_start + window {
            *self = Self { window_start: now, used: 0 };
        }
        self.used < Self::PER_WINDOW
    }

    /// When the hint may be followed: now, or with the next window.
    pub fn use_one(&mut self, now: Instant, window: Duration) -> Instant {
        if self.has_left(now, window) {
            self.used += 1;
            now
        } else {
            self.window_start + window
        }
    }
}
