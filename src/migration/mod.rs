//! Beside node-raft-redis: how a fleet of that library is led, listed and talked to while it is replaced instance by instance.
//!
//! ```text
//!   handle_ballot   (the old events channel)   +-----------+  poll_step      publish a ballot, scan, read, enter
//!   handle_scanned, handle_read --------------> | Migration |  poll_event     joined, left, gone, …
//!   handle_standing (what the election says) -> +-----------+  may_lead       the gate before a first leadership
//!                                               | roll      the old instances that live (`roll.rs`)
//!                                               | rule      whom they follow, and what to tell them (`rule.rs`)
//! ```
//!
//! Pure, as the election is. The election knows nothing of all this: among new instances the register decides. *Old* is an instance of the
//! other library, *new* one of this one. PROTOCOL.md has the rules and what the old half cannot promise; `wire.rs` the bytes.

mod roll;
mod rule;
pub mod wire;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use self::roll::Roll;
pub use self::roll::{LegacyInstance, LegacyState, MAX_KNOWN, PLAUSIBLE_SKEW_MS, SCAN_COUNT};
use self::rule::Rule;
pub use self::rule::Standing;
use self::wire::{Ballot, Term};
use crate::election::{InstanceId, Instant};

/// How often this instance's record is written for the old ones, and how long it outlives it: they forget whoever was silent for 2 s.
const ENTER_INTERVAL: Duration = Duration::from_secs(1);
pub const RECORD_LIFETIME: Duration = Duration::from_millis(2500);
/// How far ahead of our clock a record's `ts` is: the old ones only ask whether it is too old, so clocks may differ by as much.
pub const RECORD_AHEAD: Duration = Duration::from_secs(10);
/// After so long without an old instance the option has done its work.
const OVERDUE_AFTER: Duration = Duration::from_secs(24 * 3600);

/// What is to be done on the old wire.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Publish on the events channel. A check is answered for with `handle_spoken`.
    Speak(Ballot),
    /// Look through the key space, from this cursor on; `handle_scanned` or `handle_scan_failure` follows.
    Scan(u64),
    /// Read these instances' records; `handle_read` or `handle_read_failure` follows.
    Read(Vec<InstanceId>),
    /// Write this instance's own record.
    Enter,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MigrationEvent {
    Joined(LegacyInstance),
    Left(LegacyInstance),
    /// The last old instance has left.
    Gone,
    /// None was there for a day.
    Overdue,
    /// This instance leads although these have not said that they follow.
    Unheard(Vec<InstanceId>),
}

pub struct Migration {
    own: InstanceId,
    roll: Roll,
    rule: Rule,
    enter_at: Instant,
    /// What the answers to old ballots are, in order.
    answers: VecDeque<Ballot>,
    events: VecDeque<MigrationEvent>,
    /// Since when no old instance is known, once all were looked for; and when to say so.
    overdue_at: Option<Instant>,
}

/// Answers that wait to be sent. More come from nobody who follows the rules.
const MAX_ANSWERS: usize = 64;

impl Migration {
    /// `lease` is this instance's, `stagger` a number drawn for it.
    pub fn new(own: InstanceId, lease: Duration, stagger: u64, now: Instant) -> Self {
        Self {
            roll: Roll::new(own.clone(), now),
            rule: Rule::new(own.clone(), lease, stagger),
            own,
            enter_at: now,
            answers: VecDeque::new(),
            events: VecDeque::new(),
            overdue_at: None,
        }
    }

    /// How many old instances live.
    pub fn count(&self) -> usize {
        self.roll.listed().count()
    }

    pub fn listed(&self) -> impl Iterator<Item = &LegacyInstance> {
        self.roll.listed()
    }

    /// Whether an instance that holds the register may say that it leads.
    pub fn may_lead(&mut self, now: Instant) -> bool {
        if !self.rule.may_lead(now, &self.roll) {
            return false;
        }
        let unheard = self.rule.take_unheard(&self.roll);
        if !unheard.is_empty() {
            self.events.push_back(MigrationEvent::Unheard(unheard));
        }
        true
    }

    /// Whether an instance that holds the register, and may not lead so far, is to leave it to others.
    pub fn gives_up(&self, now: Instant) -> bool {
        self.rule.gives_up(now)
    }

    /// Whether an old leader is left to lead for a moment, although this instance holds the register.
    pub fn holds_back(&self) -> bool {
        self.rule.holds_back()
    }

    // ---- What happened ----------------------------------------------------------------------------------------------

    /// Commands pass, for the first time or again: what the old ones are to hear cannot wait, and what they wrote may be lost.
    pub fn handle_connected(&mut self, now: Instant) {
        self.rule.handle_connected(now);
        self.roll.handle_connected(now);
        self.enter_at = now;
    }

    /// Ballots are heard from now on.
    pub fn handle_listening(&mut self, now: Instant) {
        self.rule.handle_listening(now);
    }

    /// Ballots may have been missed.
    pub fn handle_deaf(&mut self) {
        self.rule.handle_deaf();
    }

    pub fn handle_standing(&mut self, now: Instant, standing: Standing) {
        self.rule.handle_standing(now, standing);
    }

    /// What this instance shows of itself has changed.
    pub fn handle_own_change(&mut self, now: Instant) {
        self.enter_at = now;
    }

    pub fn handle_ballot(&mut self, now: Instant, ballot: Ballot) {
        if ballot.from == self.own || ballot.speaker.as_ref() == Some(&self.own) {
            return;
        }
        if ballot.speaker.is_none() {
            self.roll.hear(now, &ballot);
        }
        if let Some(answer) = self.rule.handle_ballot(now, ballot, &mut self.roll)
            && self.answers.len() < MAX_ANSWERS
        {
            self.answers.push_back(answer);
        }
    }

    /// A ballot went out.
    pub fn handle_spoken(&mut self, now: Instant, ballot: &Ballot) {
        self.rule.handle_spoken(now, ballot);
    }

    pub fn handle_scanned(&mut self, now: Instant, next: u64, ids: Vec<InstanceId>) {
        self.roll.handle_scanned(now, next, ids);
        self.settle(now);
    }

    pub fn handle_scan_failure(&mut self, now: Instant) {
        self.roll.handle_scan_failure(now);
    }

    /// `wall_ms` is this host's time of day.
    pub fn handle_read(
        &mut self,
        now: Instant,
        wall_ms: f64,
        records: Vec<(InstanceId, Option<Vec<u8>>)>,
    ) {
        self.roll.handle_read(now, wall_ms, records);
        self.settle(now);
    }

    pub fn handle_read_failure(&mut self, now: Instant) {
        self.roll.handle_read_failure(now);
    }

    /// How many records were found unreadable since the last time.
    pub fn take_malformed(&mut self) -> u64 {
        self.roll.take_malformed()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(at) = self.overdue_at.filter(|at| now >= *at) {
            self.overdue_at = Some(at + OVERDUE_AFTER);
            self.events.push_back(MigrationEvent::Overdue);
        }
    }

    // ---- What follows -----------------------------------------------------------------------------------------------

    pub fn poll_step(&mut self, now: Instant) -> Option<Step> {
        if let Some(check) = self.rule.poll_check(now, &self.roll) {
            return Some(Step::Speak(check));
        }
        if let Some(answer) = self.answers.pop_front() {
            return Some(Step::Speak(answer));
        }
        if now >= self.enter_at {
            self.enter_at = now + ENTER_INTERVAL;
            return Some(Step::Enter);
        }
        self.roll.poll_step(now)
    }

    pub fn poll_event(&mut self) -> Option<MigrationEvent> {
        self.events.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let standing = [Some(self.enter_at), self.overdue_at];
        let others = [self.rule.poll_timeout(), self.roll.poll_timeout()];
        standing.into_iter().chain(others).flatten().min()
    }

    /// Tells who came and who left.
    fn settle(&mut self, now: Instant) {
        let had_some = self.count() > 0 || self.roll.has_departed();
        while let Some(change) = self.roll.poll_change() {
            self.events.push_back(change);
        }
        if self.count() > 0 {
            self.overdue_at = None;
        } else if self.roll.has_seen_all() && self.overdue_at.is_none() {
            self.overdue_at = Some(now + OVERDUE_AFTER);
            if had_some {
                self.events.push_back(MigrationEvent::Gone);
            }
        }
    }
}

/// The highest of some.
fn highest(terms: impl IntoIterator<Item = Term>) -> Term {
    terms.into_iter().fold(Term::ZERO, Term::max)
}
