//! What is known of one old instance, or of one that may be.

use std::time::Duration;

use serde_json::value::RawValue;

use super::{LegacyInstance, LegacyState, PLAUSIBLE_SKEW_MS, Record, Term};
use crate::election::{InstanceId, Instant};
use crate::membership::SILENCE_LIMIT;

/// How often each record is read; the old ones write theirs as often.
pub const READ_INTERVAL: Duration = Duration::from_secs(1);
/// A record that has not changed for so long since it was seen first, and whose instance was never heard, was left behind: one that lives, even
/// deaf, would have written it anew.
const UNCHANGED_FOR: Duration = Duration::from_millis(1200);
/// Who lives and is led is heard more often than that: an old leader asks every 400 ms, and all answer.
const QUIET_AFTER: Duration = Duration::from_millis(500);

#[derive(Default)]
pub struct Known {
    /// As it was read last.
    pub instance: Option<LegacyInstance>,
    ts: Option<f64>,
    /// When its record was read first.
    seen_at: Option<Instant>,
    /// When its record changed last, or it was heard.
    pub alive_at: Option<Instant>,
    sign: Sign,
    /// Whether something was read in its place, readable or not, or nothing.
    pub was_read: bool,
    /// Whether there was something in its place that could not be read.
    is_malformed: bool,
    /// What it last said of its term, and of itself.
    pub term: Option<Term>,
    state: Option<LegacyState>,
    /// The term in which it said that it follows this instance.
    pub follows: Option<Term>,
    pub is_listed: bool,
    /// When its record is to be read next.
    pub due: Instant,
}

/// What speaks for its life.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// No more than the time of day in its record.
    #[default]
    Plausible,
    /// The record has not changed since it was seen first, and would have.
    Unchanged,
    /// The record changed, or it was heard.
    Seen,
}

impl Known {
    pub fn due_at(due: Instant) -> Self {
        Self { due, ..Self::default() }
    }

    /// Whether it is to follow before anybody leads.
    pub fn counts(&self) -> bool {
        self.alive_at.is_some() && self.sign != Sign::Unchanged
    }

    /// Whether time will tell if it lives.
    pub fn is_in_doubt(&self, now: Instant) -> bool {
        let is_quiet = self.alive_at.is_some_and(|at| now >= at + QUIET_AFTER);
        let is_likely_dead = self.sign == Sign::Unchanged;
        self.is_listed && !is_likely_dead && (is_quiet || self.sign == Sign::Plausible)
    }

    pub fn last_written(&self) -> f64 {
        self.ts.unwrap_or(f64::NEG_INFINITY)
    }

    pub fn hear(&mut self, now: Instant, term: Term, state: LegacyState) {
        self.term = Some(term);
        self.state = Some(state);
        self.alive_at = Some(now);
        self.sign = Sign::Seen;
    }

    pub fn note_record(&mut self, now: Instant, wall_ms: f64, id: InstanceId, record: Record) {
        self.is_malformed = false;
        let is_plausible = (record.ts - wall_ms).abs() <= PLAUSIBLE_SKEW_MS;
        let is_sign_of_life = self.ts.map_or(is_plausible, |before| before != record.ts);
        if is_sign_of_life {
            self.alive_at = Some(now);
        }
        if self.ts.is_some_and(|before| before != record.ts) {
            self.sign = Sign::Seen;
        }
        self.ts = Some(record.ts);
        self.seen_at.get_or_insert(now);
        self.instance = Some(LegacyInstance { id, meta: record.meta.into(), state: record.state });
    }

    /// Something stands in its place that is too long, or no record at all. Who is heard is there all the same. Whether that is news.
    pub fn note_unreadable(&mut self, id: InstanceId) -> bool {
        if self.alive_at.is_some() {
            let state = self.state.unwrap_or(LegacyState::Follower);
            let meta = RawValue::from_string("\"\"".to_owned()).expect("it is JSON").into();
            let fresh = || LegacyInstance { id, meta, state };
            self.instance.get_or_insert_with(fresh).state = state;
        }
        !std::mem::replace(&mut self.is_malformed, true)
    }

    /// It was read by a call that was sent at `sent_at`; calls have succeeded since `since`. Says when to read it next.
    pub fn note_read(&mut self, now: Instant, since: Instant, sent_at: Option<Instant>) {
        self.was_read = true;
        let settled_at = self.seen_at.filter(|_| self.sign == Sign::Plausible);
        let settled_at = settled_at.map(|seen_at| seen_at.max(since) + UNCHANGED_FOR);
        if settled_at.is_some_and(|at| sent_at.is_some_and(|sent_at| sent_at >= at)) {
            self.sign = Sign::Unchanged;
        }
        let sooner = [settled_at, self.gone_at(since)].into_iter().flatten().filter(|at| *at > now);
        self.due = sooner.fold(now + READ_INTERVAL, Instant::min);
    }

    /// When it is gone, if nothing is seen nor heard of it before.
    pub fn gone_at(&self, reading_since: Instant) -> Option<Instant> {
        self.alive_at.map(|alive| alive.max(reading_since) + SILENCE_LIMIT)
    }

    /// It was silent for too long; gives it if it was listed. What is left of its record is remembered, so that it does not seem to come back.
    pub fn strike_off(&mut self) -> Option<LegacyInstance> {
        self.alive_at = None;
        self.term = None;
        self.state = None;
        self.follows = None;
        let instance = self.instance.take();
        instance.filter(|_| std::mem::take(&mut self.is_listed))
    }
}
