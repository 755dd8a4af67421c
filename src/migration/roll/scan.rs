//! The walk through all keys, at a bounded rate.

use std::time::Duration;

use crate::election::Instant;

/// Keys that one call of SCAN looks at.
pub const SCAN_COUNT: u32 = 500;
/// From call to call, until all keys were seen once, and after that; and from one round to the next.
const FIRST_SCANS: Duration = Duration::from_millis(10);
const SCANS: Duration = Duration::from_millis(100);
const ROUNDS: Duration = Duration::from_secs(1);
/// After a call that failed.
const RETRY: Duration = Duration::from_millis(500);

pub struct Scan {
    cursor: u64,
    /// `None` while a call is under way.
    at: Option<Instant>,
    began: Instant,
    rounds: u64,
}

impl Scan {
    pub fn new(now: Instant) -> Self {
        Self { cursor: 0, at: Some(now), began: now, rounds: 0 }
    }

    /// Whether all keys were looked through, once at least.
    pub fn has_seen_all(&self) -> bool {
        self.rounds > 0
    }

    pub fn restart(&mut self, now: Instant) {
        self.cursor = 0;
        self.at = Some(now);
    }

    pub fn handle_scanned(&mut self, now: Instant, next: u64) {
        self.cursor = next;
        self.at = Some(if next == 0 {
            self.rounds += 1;
            (self.began + ROUNDS).max(now + SCANS)
        } else if self.rounds == 0 {
            now + FIRST_SCANS
        } else {
            now + SCANS
        });
    }

    pub fn handle_failure(&mut self, now: Instant) {
        self.at = Some(now + RETRY);
    }

    /// From where to go on, when a call is due.
    pub fn poll(&mut self, now: Instant) -> Option<u64> {
        if self.at.is_none_or(|at| now < at) {
            return None;
        }
        self.at = None;
        if self.cursor == 0 {
            self.began = now;
        }
        Some(self.cursor)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.at
    }
}
