//! Which old instances live, as their records and their ballots show it.
//!
//! A record bears its writer's time of day, and nothing takes it away when its writer dies. So what counts is that it *changes*, seen by our
//! own clock, and only for as long as we could read it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::wire::{Record, Term, is_id};
use super::{MigrationEvent, Step, highest};
use crate::election::{InstanceId, Instant};
use crate::membership::SILENCE_LIMIT;

pub use super::wire::LegacyState;

/// How often each record is read; the old ones write theirs as often.
const READ_INTERVAL: Duration = Duration::from_secs(1);
/// The same for a record that was just heard of.
const SOON: Duration = Duration::from_millis(20);
/// The same for one that is heard and whose record was not there: others, whose clocks are wrong, delete it as often as it is written.
const AGAIN: Duration = Duration::from_millis(90);
/// Unless there are more of those than can be; then somebody invents them.
const MOST_MISSING: usize = 16;
/// After a longer break nothing follows from a record that did not change.
const LONGEST_BREAK: Duration = Duration::from_millis(1500);
/// A record that is no further from our time of day is taken for that of a living instance at first sight. Clocks may be wrong by less.
pub const PLAUSIBLE_SKEW_MS: f64 = 15_000.0;
/// Keys that one call of SCAN looks at.
pub const SCAN_COUNT: u32 = 500;
/// From call to call, until all keys were seen once, and after that; and from one round to the next.
const FIRST_SCANS: Duration = Duration::from_millis(10);
const SCANS: Duration = Duration::from_millis(100);
const ROUNDS: Duration = Duration::from_secs(1);
/// After a call that failed.
const RETRY: Duration = Duration::from_millis(500);
/// Records that are read; the old library bears fewer instances.
pub const MAX_KNOWN: usize = 1000;
/// What a new instance wrote is known as such for so long.
const NEW_FOR: Duration = Duration::from_secs(10);

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
    known: BTreeMap<InstanceId, Known>,
    /// New instances whose records stand among those of the old ones.
    new: HashMap<InstanceId, Instant>,
    changes: VecDeque<MigrationEvent>,
    scan: Scan,
    /// When to read next; `None` while a read is under way.
    read_at: Option<Instant>,
    /// Somebody was met whom the read under way leaves out.
    reads_soon: bool,
    /// Whether the read under way began after all keys had been looked through.
    reads_all: bool,
    has_seen_all: bool,
    /// Since when reads have succeeded without a break, and the last one.
    reading_since: Instant,
    last_read: Option<Instant>,
    malformed: u64,
    has_departed: bool,
}

struct Scan {
    cursor: u64,
    /// `None` while a call is under way.
    at: Option<Instant>,
    began: Instant,
    rounds: u64,
}

#[derive(Default)]
struct Known {
    /// As it was read last.
    instance: Option<LegacyInstance>,
    ts: Option<f64>,
    /// When its record changed last, or it was heard.
    alive_at: Option<Instant>,
    /// Whether there was no record when it was read last.
    is_missing: bool,
    /// Whether there was something in its place that could not be read.
    is_malformed: bool,
    /// What it last said of its term.
    term: Option<Term>,
    /// The term in which it said that it follows this instance.
    follows: Option<Term>,
    is_listed: bool,
}

impl Roll {
    pub fn new(own: InstanceId, now: Instant) -> Self {
        Self {
            own,
            known: BTreeMap::new(),
            new: HashMap::new(),
            changes: VecDeque::new(),
            scan: Scan { cursor: 0, at: Some(now), began: now, rounds: 0 },
            read_at: Some(now),
            reads_soon: false,
            reads_all: false,
            has_seen_all: false,
            reading_since: now,
            last_read: None,
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

    /// Whether an old instance was listed, and left.
    pub fn has_departed(&self) -> bool {
        self.has_departed
    }

    /// The highest term that living old instances last said of themselves.
    pub fn highest_term(&self) -> Term {
        let listed = self.known.values().filter(|known| known.is_listed);
        highest(listed.filter_map(|known| known.term))
    }

    /// Who has not said that it follows this instance, in `term` or above.
    pub fn not_following(&self, term: Term) -> impl Iterator<Item = &InstanceId> {
        let follows = move |known: &Known| known.follows.is_some_and(|said| said >= term);
        let listed = self.known.iter().filter(|(_, known)| known.is_listed);
        listed.filter(move |(_, known)| !follows(known)).map(|(id, _)| id)
    }

    pub fn note_following(&mut self, id: &InstanceId, term: Term) {
        if let Some(known) = self.known.get_mut(id) {
            known.follows = Some(term);
        }
    }

    /// It leads, or wants to.
    pub fn note_dissent(&mut self, id: &InstanceId) {
        if let Some(known) = self.known.get_mut(id) {
            known.follows = None;
        }
    }

    // ---- What happened ----------------------------------------------------------------------------------------------

    /// A ballot of `id` was heard.
    pub fn hear(&mut self, now: Instant, id: &InstanceId, term: Term) {
        if let Some(known) = self.meet(now, id) {
            known.term = Some(term);
            known.alive_at = Some(now);
        }
    }

    /// What was written may be lost, and is to be looked for anew.
    pub fn handle_connected(&mut self, now: Instant) {
        self.scan.cursor = 0;
        self.scan.at = Some(now);
        self.scan.began = now;
        self.read_at = Some(now);
    }

    pub fn handle_scanned(&mut self, now: Instant, next: u64, ids: Vec<InstanceId>) {
        for id in ids {
            self.meet(now, &id);
        }
        let Scan { cursor, at, began, rounds } = &mut self.scan;
        *cursor = next;
        if next == 0 {
            *rounds += 1;
            *at = Some((*began + ROUNDS).max(now + SCANS));
            if *rounds == 1 {
                self.read_at = self.read_at.map(|_| now);
                self.reads_soon = true;
            }
        } else {
            *at = Some(now + if *rounds == 0 { FIRST_SCANS } else { SCANS });
        }
    }

    pub fn handle_scan_failure(&mut self, now: Instant) {
        self.scan.at = Some(now + RETRY);
    }

    pub fn handle_read(
        &mut self,
        now: Instant,
        wall_ms: f64,
        records: Vec<(InstanceId, Option<Vec<u8>>)>,
    ) {
        let had_break = self.last_read.is_none_or(|last| now > last + LONGEST_BREAK);
        if had_break {
            self.reading_since = now;
        }
        self.last_read = Some(now);
        self.has_seen_all |= self.reads_all;
        for (id, bytes) in records {
            self.note_record(now, wall_ms, id, bytes);
        }
        self.strike_off(now);
        let wait = match std::mem::take(&mut self.reads_soon) {
            true => SOON,
            false if (1..=MOST_MISSING).contains(&self.heard_without_record()) => AGAIN,
            false => READ_INTERVAL,
        };
        self.read_at = self.read_at.or(Some(now + wait));
    }

    /// A read failed, or was given up.
    pub fn handle_read_failure(&mut self, now: Instant) {
        self.read_at = Some(now + RETRY);
    }

    pub fn take_malformed(&mut self) -> u64 {
        std::mem::take(&mut self.malformed)
    }

    /// An entry for `id`, unless it is none of an old instance, or there are too many.
    fn meet(&mut self, now: Instant, id: &InstanceId) -> Option<&mut Known> {
        let is_new = self.new.get(id).is_some_and(|seen| now < *seen + NEW_FOR);
        if is_new || *id == self.own || !is_id(id.as_str()) {
            return None;
        }
        if !self.known.contains_key(id) {
            if self.known.len() >= MAX_KNOWN {
                return None;
            }
            self.known.insert(id.clone(), Known::default());
            self.reads_soon = self.read_at.is_none();
            self.read_at = self.read_at.map(|at| at.min(now + SOON));
        }
        self.known.get_mut(id)
    }

    fn heard_without_record(&self) -> usize {
        let is_heard = |known: &&Known| known.alive_at.is_some() && known.is_missing;
        self.known.values().filter(|known| !known.is_listed).filter(is_heard).count()
    }

    fn note_record(&mut self, now: Instant, wall_ms: f64, id: InstanceId, bytes: Option<Vec<u8>>) {
        let Some(known) = self.known.get_mut(&id) else { return };
        known.is_missing = bytes.is_none();
        let Some(bytes) = bytes else {
            known.is_malformed = false;
            return;
        };
        let Some(record) = Record::decode(&bytes) else {
            if !std::mem::replace(&mut known.is_malformed, true) {
                self.malformed += 1;
            }
            return;
        };
        known.is_malformed = false;
        if record.is_new {
            self.known.remove(&id);
            self.new.retain(|_, seen| now < *seen + NEW_FOR);
            self.new.insert(id, now);
            return;
        }
        let is_plausible = (record.ts - wall_ms).abs() <= PLAUSIBLE_SKEW_MS;
        let is_sign_of_life = known.ts.map_or(is_plausible, |before| before != record.ts);
        known.ts = Some(record.ts);
        if is_sign_of_life {
            known.alive_at = Some(now);
        }
        let (meta, state) = (record.meta.into(), record.state);
        let instance = known.instance.insert(LegacyInstance { id, meta, state });
        if known.alive_at.is_some() && !known.is_listed {
            known.is_listed = true;
            self.changes.push_back(MigrationEvent::Joined(instance.clone()));
        }
    }

    /// Who was silent for too long is gone. What is left of its record is remembered, so that it does not seem to come back.
    fn strike_off(&mut self, now: Instant) {
        let reading_since = self.reading_since;
        for known in self.known.values_mut() {
            let since = known.alive_at.map(|alive| alive.max(reading_since));
            let is_gone = since.is_some_and(|since| now >= since + SILENCE_LIMIT);
            if is_gone {
                known.alive_at = None;
                known.term = None;
                known.follows = None;
                if std::mem::take(&mut known.is_listed)
                    && let Some(instance) = known.instance.take()
                {
                    self.has_departed = true;
                    self.changes.push_back(MigrationEvent::Left(instance));
                }
            }
        }
        self.known.retain(|_, known| known.alive_at.is_some() || !known.is_missing);
    }

    // ---- What follows -----------------------------------------------------------------------------------------------

    pub fn poll_change(&mut self) -> Option<MigrationEvent> {
        self.changes.pop_front()
    }

    pub fn poll_step(&mut self, now: Instant) -> Option<Step> {
        if self.scan.at.is_some_and(|at| now >= at) {
            self.scan.at = None;
            if self.scan.cursor == 0 {
                self.scan.began = now;
            }
            return Some(Step::Scan(self.scan.cursor));
        }
        if self.read_at.is_some_and(|at| now >= at) {
            self.read_at = None;
            self.reads_all = self.scan.rounds > 0;
            if self.known.is_empty() {
                self.handle_read(now, 0.0, Vec::new());
                return None;
            }
            return Some(Step::Read(self.known.keys().cloned().collect()));
        }
        None
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.scan.at, self.read_at].into_iter().flatten().min()
    }
}
