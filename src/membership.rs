//! Which instances a kind has: pure bookkeeping over what the registry said.
//!
//! The registry has a revision that rises with every change. Announced changes are applied in sequence; whoever finds a hole
//! in the revisions asks for the whole roster. An answer that is ahead of the announcements, or behind them, as each is at times
//! since they travel apart, is no hole until they had time to meet. Who is missing from a roster that follows from what was known has left. Who is
//! missing after a loss of the registry is kept for [`SILENCE_LIMIT`]: the living enter themselves again within that time.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::election::{Candidacy, InstanceId, Instant, Priority, Reply};

/// An instance that has not refreshed its record for so long is gone.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(2);

/// How long answers and announcements may disagree while no announcement comes, before one counts as lost.
const MEETING_LIMIT: Duration = Duration::from_millis(250);

/// An instance as the registry holds it. Each candidate of a process keeps all of them, so there is one copy for all, and this is the way to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceRecord(Arc<Entry>);

#[derive(Debug, Serialize, Deserialize)]
pub struct Entry {
    pub v: u32,
    #[serde(serialize_with = "write_id", deserialize_with = "read_id")]
    pub id: InstanceId,
    /// The run's token, which the register holds while this instance leads.
    pub holder: Box<str>,
    /// What the user gave; any JSON value.
    pub meta: Arc<RawValue>,
    #[serde(default, skip_serializing_if = "is_default_priority")]
    pub priority: Priority,
    #[serde(rename = "eligible", default = "yes", skip_serializing_if = "is_yes")]
    pub is_eligible: bool,
    /// When this run began, in ms since 1970 by its own host's wall clock. For people alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
}

impl From<Entry> for InstanceRecord {
    fn from(entry: Entry) -> Self {
        Self(entry.into())
    }
}

impl Deref for InstanceRecord {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.0
    }
}

fn is_default_priority(priority: &Priority) -> bool {
    *priority == Candidacy::default().priority
}

fn yes() -> bool {
    true
}

fn is_yes(is_set: &bool) -> bool {
    *is_set
}

fn write_id<S: Serializer>(id: &InstanceId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

fn read_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<InstanceId, D::Error> {
    String::deserialize(deserializer).map(InstanceId::new)
}

impl PartialEq for InstanceRecord {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || self.id == other.id
                && self.holder == other.holder
                && self.meta.get() == other.meta.get()
                && self.v == other.v
                && self.priority == other.priority
                && self.is_eligible == other.is_eligible
                && self.since == other.since
    }
}

/// The whole registry as it was read at one moment, and the register beside it.
#[derive(Clone, Debug)]
pub struct Roster {
    pub register: Reply,
    pub revision: u64,
    /// Sorted by id.
    pub instances: Vec<InstanceRecord>,
}

impl Roster {
    pub fn new(register: Reply, revision: u64, mut instances: Vec<InstanceRecord>) -> Self {
        instances.sort_by(|one, other| one.id.cmp(&other.id));
        Self { register, revision, instances }
    }

    fn lists(&self, id: &InstanceId) -> bool {
        self.instances.binary_search_by(|record| record.id.cmp(id)).is_ok()
    }
}

/// A change of the registry, as announced.
#[derive(Clone, Debug)]
pub struct RegistryChange {
    pub revision: u64,
    pub change: Change,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// Entered, or replaced its record.
    Enrolled(InstanceRecord),
    /// Stopped, or fell silent.
    Left(InstanceId),
}

/// Instances, sorted by id. Candidates of one process that know the same share one list of them.
pub type Members = Arc<Vec<InstanceRecord>>;

pub struct Membership {
    own: InstanceId,
    members: Members,
    /// Those of them that a roster did not list, and since when; they may come back.
    missing: BTreeMap<InstanceId, Instant>,
    /// The revision up to which all changes are known; `None` when one may have been missed.
    revision: Option<u64>,
    /// A revision, read beside something else, that is not the known one; and since when they do not come closer.
    disagreement: Option<(u64, Instant)>,
    /// The revision last read or announced, whatever was missed before.
    latest: Option<u64>,
    /// Raised whenever the list changes.
    generation: u64,
    events: VecDeque<MembershipEvent>,
}

/// A registry that was lost begins anew with a revision far from the last. One that is ahead by no more than this was not lost.
const MAX_STEP: u64 = 1024;

#[derive(Clone, Debug, PartialEq)]
pub enum MembershipEvent {
    /// Another instance is there; told as well of those that were there first.
    Joined(InstanceRecord),
    /// Another instance stopped or fell silent.
    Left(InstanceRecord),
}

impl Membership {
    pub fn new(own: InstanceId) -> Self {
        Self {
            own,
            members: Members::default(),
            missing: BTreeMap::new(),
            revision: None,
            disagreement: None,
            latest: None,
            generation: 0,
            events: VecDeque::new(),
        }
    }

    /// This instance's record as it was last entered: it is listed whatever the registry says.
    pub fn handle_own(&mut self, record: InstanceRecord) {
        self.put(record);
    }

    pub fn handle_change(&mut self, now: Instant, announced: RegistryChange) {
        let RegistryChange { revision, change } = announced;
        match self.revision {
            // Older than the roster that we have.
            Some(known) if revision <= known => return,
            Some(known) if revision == known + 1 => {
                self.revision = Some(revision);
                self.latest = Some(revision);
                let is_ahead = |(read, _): &(u64, Instant)| *read > revision;
                self.disagreement = self.disagreement.filter(is_ahead).map(|(read, _)| (read, now));
            }
            _ => self.revision = None,
        }
        match change {
            Change::Enrolled(record) => self.enter(record),
            Change::Left(id) => self.leave(&id),
        }
    }

    /// The registry's revision as it was read beside something else.
    pub fn handle_revision(&mut self, now: Instant, revision: u64) {
        let since = self.disagreement.map_or(now, |(_, since)| since);
        let is_known = self.revision.is_none_or(|known| known == revision);
        self.disagreement = (!is_known).then_some((revision, since));
    }

    /// Changes may have been missed.
    pub fn handle_gap(&mut self) {
        self.revision = None;
    }

    pub fn handle_roster(&mut self, now: Instant, roster: &Roster) {
        let was_kept = self.latest.is_some_and(|latest| {
            (latest..=latest.saturating_add(MAX_STEP)).contains(&roster.revision)
        });
        self.revision = Some(roster.revision);
        self.disagreement = None;
        self.latest = Some(roster.revision);
        // An absence that a change explains is over at once.
        let since = if was_kept { now - SILENCE_LIMIT } else { now };
        let (absent, new) = self.compare(&roster.instances);
        for id in absent {
            self.missing.entry(id).or_insert(since);
        }
        self.missing.retain(|id, _| !roster.lists(id));
        for record in new {
            self.enter(record.clone());
        }
        self.handle_timeout(now);
    }

    /// Who is not listed, and what is new. Both are sorted by id: a process of many candidates does this once for each, and all at the
    /// same moment.
    fn compare<'a>(
        &self,
        listed: &'a [InstanceRecord],
    ) -> (Vec<InstanceId>, Vec<&'a InstanceRecord>) {
        let mut members = self.members.iter().peekable();
        let (mut absent, mut new) = (Vec::new(), Vec::new());
        for record in listed {
            while let Some(member) = members.next_if(|member| member.id < record.id) {
                absent.push(member.id.clone());
            }
            if members.next_if(|member| member.id == record.id) != Some(record) {
                new.push(record);
            }
        }
        absent.extend(members.map(|member| member.id.clone()));
        absent.retain(|id| *id != self.own);
        (absent, new)
    }

    /// Lets those go that were missing for too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        let is_gone = |since: Instant| now.since(since) >= SILENCE_LIMIT;
        let gone: Vec<InstanceId> = self
            .missing
            .iter()
            .filter(|(_, since)| is_gone(**since))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &gone {
            self.leave(id);
        }
        if self.disagreement.is_some_and(|(_, since)| now >= since + MEETING_LIMIT) {
            self.disagreement = None;
            self.revision = None;
        }
    }

    pub fn poll_event(&mut self) -> Option<MembershipEvent> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            // Of a large fleet that was there first, its room would stay.
            self.events = VecDeque::new();
        }
        event
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let gone = self.missing.values().min().map(|since| *since + SILENCE_LIMIT);
        let lost = self.disagreement.map(|(_, since)| since + MEETING_LIMIT);
        gone.into_iter().chain(lost).min()
    }

    /// Whether a roster was ever read.
    pub fn has_known_all(&self) -> bool {
        self.latest.is_some()
    }

    pub fn needs_roster(&self) -> bool {
        self.revision.is_none()
    }

    /// Replaces the list by an equal one that others may hold as well.
    pub fn share(&mut self, common: impl FnOnce(Members) -> Members) {
        self.members = common(std::mem::take(&mut self.members));
    }

    /// All instances, this one included, by id.
    pub fn list(&self) -> impl Iterator<Item = &InstanceRecord> {
        self.members.iter()
    }

    /// How many instances are known, this one included.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Another one than before whenever the list has changed since.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The eligible instances of a priority above `priority`.
    pub fn above(&self, priority: Priority) -> Vec<(InstanceId, Priority)> {
        let comes_first =
            |record: &&InstanceRecord| record.is_eligible && record.priority > priority;
        self.list().filter(comes_first).map(|record| (record.id.clone(), record.priority)).collect()
    }

    fn enter(&mut self, record: InstanceRecord) {
        if record.id == self.own {
            return;
        }
        self.missing.remove(&record.id);
        if self.put(record.clone()) {
            self.events.push_back(MembershipEvent::Joined(record));
        }
    }

    fn leave(&mut self, id: &InstanceId) {
        if *id == self.own {
            return;
        }
        self.missing.remove(id);
        if let Ok(position) = self.position(id) {
            let record = Arc::make_mut(&mut self.members).remove(position);
            self.generation += 1;
            self.events.push_back(MembershipEvent::Left(record));
        }
    }

    /// Enters a record, or replaces it. True when it is new.
    fn put(&mut self, record: InstanceRecord) -> bool {
        self.generation += 1;
        let position = self.position(&record.id);
        let members = Arc::make_mut(&mut self.members);
        match position {
            Ok(position) => members[position] = record,
            Err(position) => {
                if members.len() == members.capacity() {
                    // Twice as much room as is needed, for each candidate of a process, would be much.
                    members.reserve_exact(members.len() / 8 + 1);
                }
                members.insert(position, record);
            }
        }
        position.is_err()
    }

    fn position(&self, id: &InstanceId) -> Result<usize, usize> {
        self.members.binary_search_by(|member| member.id.cmp(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::{Holder, Identity, Observation, Record, Reply, Stamp};

    fn record(id: &str) -> InstanceRecord {
        let meta = serde_json::value::RawValue::from_string("\"\"".into()).unwrap();
        InstanceRecord::new(&Holder::new(&InstanceId::new(id), 1), meta.into())
    }

    fn roster(revision: u64, ids: &[&str]) -> Roster {
        let record_shown = Record::placeholder(Stamp::new(1));
        let identity = Identity::server("s");
        let shown = Observation { record: record_shown, identity };
        let register =
            Reply { granted: false, missing: false, shown, is_present: None, checkpoint: None };
        Roster::new(register, revision, ids.iter().map(|id| record(id)).collect())
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_millis((1000 + seconds) * 1000)
    }

    fn membership_of_me() -> Membership {
        let mut membership = Membership::new(InstanceId::new("me"));
        membership.handle_own(record("me"));
        membership
    }

    fn told(membership: &mut Membership) -> Vec<String> {
        std::iter::from_fn(|| membership.poll_event())
            .map(|event| match event {
                MembershipEvent::Joined(record) => format!("{} joined", record.id),
                MembershipEvent::Left(record) => format!("{} left", record.id),
            })
            .collect()
    }

    #[test]
    fn those_who_were_there_first_are_told_as_joined_and_oneself_is_not() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["a", "me"]));
        assert_eq!(told(&mut membership), ["a joined"]);
        assert_eq!(membership.list().count(), 2);
    }

    #[test]
    fn changes_in_sequence_need_no_roster() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me"]));
        let change = Change::Enrolled(record("b"));
        membership.handle_change(at(0), RegistryChange { revision: 6, change });
        let change = Change::Left(InstanceId::new("b"));
        membership.handle_change(at(0), RegistryChange { revision: 7, change });
        assert_eq!(told(&mut membership), ["b joined", "b left"]);
        assert!(!membership.needs_roster());
    }

    #[test]
    fn a_hole_in_the_revisions_asks_for_the_roster() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me"]));
        let change = Change::Enrolled(record("b"));
        membership.handle_change(at(0), RegistryChange { revision: 8, change });
        assert!(membership.needs_roster());
    }

    #[test]
    fn a_revision_read_beside_something_else_reveals_a_missed_change() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me"]));
        membership.handle_revision(at(1), 5);
        assert_eq!(membership.poll_timeout(), None);
        for other in [4, 7] {
            membership.handle_revision(at(1), other);
            assert!(!membership.needs_roster(), "the announcement may be on its way");
            assert_eq!(membership.poll_timeout(), Some(at(1) + MEETING_LIMIT));
            membership.handle_timeout(at(1) + MEETING_LIMIT);
            assert!(membership.needs_roster());
            membership.handle_roster(at(2), &roster(5, &["me"]));
        }
    }

    #[test]
    fn an_answer_that_overtook_the_announcements_is_no_hole_as_long_as_they_come() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me"]));
        membership.handle_revision(at(1), 7);
        for (seconds, revision) in [(2, 6), (3, 7)] {
            let change = Change::Enrolled(record("b"));
            membership.handle_change(at(seconds), RegistryChange { revision, change });
            membership.handle_timeout(at(seconds));
            assert!(!membership.needs_roster());
        }
        assert_eq!(membership.poll_timeout(), None, "they have met");
    }

    #[test]
    fn an_answer_from_before_an_announcement_is_forgotten_with_the_next_one() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me"]));
        membership.handle_revision(at(1), 4);
        let change = Change::Enrolled(record("b"));
        membership.handle_change(at(1), RegistryChange { revision: 6, change });
        assert_eq!(membership.poll_timeout(), None);
    }

    #[test]
    fn a_change_older_than_the_roster_is_ignored() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me", "a"]));
        told(&mut membership);
        let change = Change::Left(InstanceId::new("a"));
        membership.handle_change(at(0), RegistryChange { revision: 5, change });
        assert_eq!(told(&mut membership), [] as [&str; 0]);
    }

    #[test]
    fn who_is_missing_from_a_roster_that_follows_has_left_though_the_change_comes_later() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me", "a"]));
        told(&mut membership);
        membership.handle_roster(at(1), &roster(6, &["me"]));
        let change = Change::Left(InstanceId::new("a"));
        membership.handle_change(at(0), RegistryChange { revision: 6, change });
        assert_eq!(told(&mut membership), ["a left"]);
    }

    #[test]
    fn after_a_wiped_registry_nobody_leaves_who_comes_back_in_time() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me", "a", "b"]));
        told(&mut membership);
        membership.handle_roster(at(10), &roster(1, &["me"]));
        membership.handle_roster(at(11), &roster(2, &["me", "a"]));
        assert_eq!(told(&mut membership), [] as [&str; 0]);
        assert_eq!(membership.poll_timeout(), Some(at(12)));
        membership.handle_timeout(at(12));
        assert_eq!(told(&mut membership), ["b left"]);
        assert_eq!(membership.poll_timeout(), None);
    }

    #[test]
    fn this_instance_is_listed_whatever_the_registry_says() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &[]));
        membership.handle_timeout(at(60));
        let change = Change::Left(InstanceId::new("me"));
        membership.handle_change(at(0), RegistryChange { revision: 6, change });
        assert_eq!(membership.list().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["me"]);
    }
}
