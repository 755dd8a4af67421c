//! Which old instances live, as their records and their ballots show it.
//!
//! A record bears its writer's time of day, and nothing takes it away when its writer dies. So what counts is that it *changes*, seen by our
//! own clock, and only for as long as we could read it.

mod known;
mod reads;
mod scan;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use self::known::{Known, READ_INTERVAL};
use self::reads::{MOST_AT_ONCE, Reads};
pub use self::scan::SCAN_COUNT;
use self::scan::Scan;
use super::wire::{Ballot, MAX_RECORD_BYTES, Record, Subject, Term, is_id};
use super::{MigrationEvent, Step, highest};
use crate::election::{InstanceId, Instant};
use crate::membership::SILENCE_LIMIT;

pub use super::wire::LegacyState;

/// How often a record is looked for that is heard of and was not there: others, whose clocks are wrong, delete it as often as it is written.
const AGAIN: Duration = Duration::from_millis(90);
/// Unless there are more of those than can be; then somebody invents them.
const MOST_MISSING: usize = 16;
/// More of those are not remembered.
const MAX_STRANGERS: usize = 64;
/// A record that is no further from our time of day is taken for that of a living instance at first sight. Clocks may be wrong by less.
pub const PLAUSIBLE_SKEW_MS: f64 = 15_000.0;
/// Records that are read; the old library bears fewer instances.
pub const MAX_KNOWN: usize = 1000;
/// What a new instance wrote is known as such for so long, of so many.
const NEW_FOR: Duration = Duration::from_secs(10);
const MAX_NEW: usize = 10_000;

/// An old instance as its record shows it.
#[derive(Clone, Debug)]
pub struct LegacyInstance {
    pub id: InstanceId,
    pub meta: Arc<RawValue>,
    pub state: LegacyState,
}

impl PartialEq for LegacyInstance {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.meta.get() == other.meta.get() && self.state == other.state
    }
}

pub struct Roll {
    own: InstanceId,
    /// Those whose records were found.
    known: BTreeMap<InstanceId, Known>,
    /// Those who were heard, and whose records were not. Anybody may say that he is one.
    strangers: BTreeMap<InstanceId, Known>,
    /// New instances whose records stand among those of the old ones, and when to forget some.
    new: HashMap<InstanceId, Instant>,
    sweep_at: Instant,
    changes: VecDeque<MigrationEvent>,
    scan: Scan,
    reads: Reads,
    has_seen_all: bool,
    malformed: u64,
    has_departed: bool,
}

impl Roll {
    pub fn new(own: InstanceId, now: Instant) -> Self {
        Self {
            own,
            known: BTreeMap::new(),
            strangers: BTreeMap::new(),
            new: HashMap::new(),
            sweep_at: now,
            changes: VecDeque::new(),
            scan: Scan::new(now),
            reads: Reads::new(now),
            has_seen_all: false,
            malformed: 0,
            has_departed: false,
        }
    }

    pub fn listed(&self) -> impl Iterator<Item = &LegacyInstance> {
        let listed = self.known.values().filter(|known| known.is_listed);
        listed.filter_map(|known| known.instance.as_ref())
    }

    /// Whether all keys were looked through, and all records that were found were read.
    pub fn has_seen_all(&self) -> bool {
        self.has_seen_all
    }

    /// Whether one is listed of which a moment will tell if it lives.
    pub fn is_in_doubt(&self, now: Instant) -> bool {
        self.known.values().any(|known| known.is_in_doubt(now))
    }

    /// Whether an old instance was listed, and left.
    pub fn has_departed(&self) -> bool {
        self.has_departed
    }

    /// The highest term that living old instances last said of themselves. Who has no record is not believed that much.
    pub fn highest_term(&self) -> Term {
        let listed = self.known.values().filter(|known| known.is_listed);
        highest(listed.filter_map(|known| known.term))
    }

    /// Who has not said that it follows this instance, in `term` or above: of all that were seen or heard to live, listed or not.
    pub fn not_following(&self, term: Term) -> impl Iterator<Item = &InstanceId> {
        let follows = move |known: &Known| known.follows.is_some_and(|said| said >= term);
        let all = self.known.iter().chain(&self.strangers).filter(|(_, known)| known.counts());
        all.filter(move |(_, known)| !follows(known)).map(|(id, _)| id)
    }

    /// Votes may come late: one of an earlier reign, whose terms were lower, takes nothing back.
    pub fn note_following(&mut self, id: &InstanceId, term: Term) {
        if let Some(known) = self.entry(id) {
            known.follows = known.follows.max(Some(term));
        }
    }

    /// It leads, or wants to.
    pub fn note_dissent(&mut self, id: &InstanceId) {
        if let Some(known) = self.entry(id) {
            known.follows = None;
        }
    }

    fn entry(&mut self, id: &InstanceId) -> Option<&mut Known> {
        self.known.get_mut(id).or_else(|| self.strangers.get_mut(id))
    }

    // ---- What happened ----------------------------------------------------------------------------------------------

    /// A ballot of an old instance was heard.
    pub fn hear(&mut self, now: Instant, ballot: &Ballot) {
        let id = &ballot.from;
        if self.entry(id).is_none() {
            if self.strangers.len() >= MAX_STRANGERS || !self.may_be_old(now, id) {
                return;
            }
            self.strangers.insert(id.clone(), Known::due_at(now));
            self.reads.expect(now);
        }
        let state = match ballot.subject {
            Subject::Check => LegacyState::Leader,
            Subject::Request => LegacyState::Candidate,
            Subject::Vote => LegacyState::Follower,
        };
        let Some(known) = self.known.get_mut(id).or_else(|| self.strangers.get_mut(id)) else {
            return;
        };
        if known.alive_at.is_none() {
            known.due = now;
            self.reads.expect(now);
        }
        known.hear(now, ballot.term, state);
    }

    /// What was written may be lost, and is to be looked for anew.
    pub fn handle_connected(&mut self, now: Instant) {
        self.scan.restart(now);
        self.reads.restart(now);
        self.known.values_mut().chain(self.strangers.values_mut()).for_each(|one| one.due = now);
        self.plan_reads();
    }

    pub fn handle_scanned(&mut self, now: Instant, next: u64, ids: Vec<InstanceId>) {
        for id in ids {
            let is_met = self.entry(&id).is_some();
            if !is_met && self.known.len() < MAX_KNOWN && self.may_be_old(now, &id) {
                self.known.insert(id, Known::due_at(now));
                self.reads.expect(now);
            }
        }
        self.scan.handle_scanned(now, next);
        self.note_sight();
    }

    pub fn handle_scan_failure(&mut self, now: Instant) {
        self.scan.handle_failure(now);
    }

    pub fn handle_read(
        &mut self,
        now: Instant,
        wall_ms: f64,
        records: Vec<(InstanceId, Option<Vec<u8>>)>,
    ) {
        self.reads.handle_answer(now);
        for (id, bytes) in records {
            match bytes {
                Some(bytes) => self.note_record(now, wall_ms, &id, &bytes),
                None => self.note_missing(&id),
            }
            self.settle(now, &id);
        }
        self.forget(now);
        self.note_sight();
        self.plan_reads();
    }

    /// A read failed, or was given up.
    pub fn handle_read_failure(&mut self, now: Instant) {
        self.forget(now);
        self.reads.handle_failure(now);
    }

    pub fn take_malformed(&mut self) -> u64 {
        std::mem::take(&mut self.malformed)
    }

    fn may_be_old(&self, now: Instant, id: &InstanceId) -> bool {
        let is_new = self.new.get(id).is_some_and(|seen| now < *seen + NEW_FOR);
        !is_new && *id != self.own && is_id(id.as_str())
    }

    fn note_record(&mut self, now: Instant, wall_ms: f64, id: &InstanceId, bytes: &[u8]) {
        let record = Record::decode(bytes);
        if record.as_ref().is_some_and(|record| record.is_new) {
            self.strangers.remove(id);
            let departed = self.known.remove(id).and_then(|mut known| known.strike_off());
            self.tell_departure(departed);
            if self.new.len() < MAX_NEW {
                self.new.insert(id.clone(), now);
            }
            return;
        }
        self.acquaint(id);
        let Some(known) = self.known.get_mut(id) else { return };
        match record {
            Some(record) => known.note_record(now, wall_ms, id.clone(), record),
            // One that is too long may be sound for all we know.
            None if known.note_unreadable(id.clone()) && bytes.len() < MAX_RECORD_BYTES => {
                self.malformed += 1;
            }
            None => {}
        }
        if let Some(instance) = known.instance.as_ref().filter(|_| known.alive_at.is_some())
            && !std::mem::replace(&mut known.is_listed, true)
        {
            self.changes.push_back(MigrationEvent::Joined(instance.clone()));
        }
    }

    /// Something was found in the place of a stranger's record. Where there are too many, what a dead one left behind makes room.
    fn acquaint(&mut self, id: &InstanceId) {
        if !self.strangers.contains_key(id) {
            return;
        }
        if self.known.len() >= MAX_KNOWN {
            let dead = self.known.iter().filter(|(_, known)| known.alive_at.is_none());
            let order = |known: &Known, other: &Known| {
                known.last_written().total_cmp(&other.last_written())
            };
            let oldest = dead.min_by(|a, b| order(a.1, b.1)).map(|(id, _)| id.clone());
            let Some(oldest) = oldest else { return };
            self.known.remove(&oldest);
        }
        self.known.extend(self.strangers.remove_entry(id));
    }

    fn note_missing(&mut self, id: &InstanceId) {
        let Some(known) = self.known.get(id).filter(|known| !known.is_listed) else { return };
        let is_heard = known.alive_at.is_some() && self.strangers.len() < MAX_STRANGERS;
        let removed = self.known.remove_entry(id);
        self.strangers.extend(removed.filter(|_| is_heard));
    }

    /// What follows for `id` from a read, whatever was found.
    fn settle(&mut self, now: Instant, id: &InstanceId) {
        let interval = match self.strangers.len() {
            0..=MOST_MISSING => AGAIN,
            _ => READ_INTERVAL,
        };
        if let Some(stranger) = self.strangers.get_mut(id) {
            stranger.due = now + interval;
        }
        let since = self.reads.since();
        let Some(known) = self.known.get_mut(id) else { return };
        known.note_read(now, since, self.reads.sent_at());
        if known.gone_at(since).is_some_and(|at| now >= at) {
            let departed = known.strike_off();
            self.tell_departure(departed);
        }
    }

    fn tell_departure(&mut self, departed: Option<LegacyInstance>) {
        self.has_departed |= departed.is_some();
        self.changes.extend(departed.map(MigrationEvent::Left));
    }

    /// Strangers that have fallen silent, and what was written long ago.
    fn forget(&mut self, now: Instant) {
        let is_heard = |known: &Known| known.alive_at.is_some_and(|at| now < at + SILENCE_LIMIT);
        self.strangers.retain(|_, known| is_heard(known));
        if now >= self.sweep_at {
            self.sweep_at = now + READ_INTERVAL;
            self.new.retain(|_, seen| now < *seen + NEW_FOR);
        }
    }

    fn note_sight(&mut self) {
        self.has_seen_all |=
            self.scan.has_seen_all() && self.known.values().all(|known| known.was_read);
    }

    fn plan_reads(&mut self) {
        let all = self.known.values().chain(self.strangers.values());
        self.reads.plan(all.map(|known| known.due).min());
    }

    // ---- What follows -----------------------------------------------------------------------------------------------

    pub fn poll_change(&mut self) -> Option<MigrationEvent> {
        self.changes.pop_front()
    }

    pub fn poll_step(&mut self, now: Instant) -> Option<Step> {
        if let Some(cursor) = self.scan.poll(now) {
            return Some(Step::Scan(cursor));
        }
        if !self.reads.is_due(now) {
            return None;
        }
        let all = self.strangers.iter().chain(&self.known);
        let due = all.filter(|(_, known)| now >= known.due).map(|(id, _)| id.clone());
        let due: Vec<InstanceId> = due.take(MOST_AT_ONCE).collect();
        if due.is_empty() {
            self.plan_reads();
            return None;
        }
        self.reads.begin(now);
        Some(Step::Read(due))
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.scan.poll_timeout(), self.reads.poll_timeout()].into_iter().flatten().min()
    }
}
