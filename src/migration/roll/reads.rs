//! When to read the next records: one call at a time, few records each, never faster than a bounded rate, whoever is heard how often.

use std::time::Duration;

use crate::election::Instant;

/// Records that one call reads. The answer to a renewal may wait behind them on the same connection.
pub const MOST_AT_ONCE: usize = 64;
/// From call to call.
const LEAST_INTERVAL: Duration = Duration::from_millis(20);
/// After a call that failed.
const RETRY: Duration = Duration::from_millis(500);
/// After a longer break nothing follows from a record that did not change.
const LONGEST_BREAK: Duration = Duration::from_millis(1500);

pub struct Reads {
    /// When somebody's record is due; `None` when nobody is known.
    at: Option<Instant>,
    is_under_way: bool,
    /// When the last call was made, and the earliest time for the next.
    sent_at: Option<Instant>,
    not_before: Instant,
    /// Since when calls have succeeded without a break, and the last one.
    since: Instant,
    answered_at: Option<Instant>,
}

impl Reads {
    pub fn new(now: Instant) -> Self {
        Self {
            at: None,
            is_under_way: false,
            sent_at: None,
            not_before: now,
            since: now,
            answered_at: None,
        }
    }

    /// Since when records have been read without a break.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// What was written before has been read, if it was there then.
    pub fn sent_at(&self) -> Option<Instant> {
        self.sent_at
    }

    /// Commands pass again. What was under way is lost, or comes late.
    pub fn restart(&mut self, now: Instant) {
        self.is_under_way = false;
        self.not_before = now;
    }

    /// Somebody's record is due.
    pub fn expect(&mut self, at: Instant) {
        self.at = Some(self.at.map_or(at, |before| before.min(at)));
    }

    /// When the earliest of all is due.
    pub fn plan(&mut self, at: Option<Instant>) {
        self.at = at;
    }

    pub fn begin(&mut self, now: Instant) {
        self.is_under_way = true;
        self.sent_at = Some(now);
        self.not_before = now + LEAST_INTERVAL;
    }

    pub fn handle_answer(&mut self, now: Instant) {
        self.is_under_way = false;
        if self.answered_at.is_none_or(|last| now > last + LONGEST_BREAK) {
            self.since = now;
        }
        self.answered_at = Some(now);
    }

    pub fn handle_failure(&mut self, now: Instant) {
        self.is_under_way = false;
        self.not_before = now + RETRY;
    }

    pub fn is_due(&self, now: Instant) -> bool {
        self.poll_timeout().is_some_and(|at| now >= at)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.at.filter(|_| !self.is_under_way).map(|at| at.max(self.not_before))
    }
}
