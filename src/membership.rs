//! Which instances a kind has: pure bookkeeping over what the registry said.
//!
//! The registry has a revision that rises with every change. Announced changes are applied in sequence; whoever finds a hole
//! in the revisions asks for the whole roster. Who is missing from a roster that follows from what was known has left. Who is
//! missing after a loss of the registry is kept for [`SILENCE_LIMIT`]: the living enter themselves again within that time.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::election::{InstanceId, Instant, Reply};

/// An instance that has not refreshed its record for so long is gone.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(2);

/// An instance as the registry holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceRecord {
    pub v: u32,
    pub id: String,
    /// The run's token, which the register holds while this instance leads.
    pub holder: String,
    /// What the user gave; any JSON value.
    pub meta: Box<RawValue>,
}

impl InstanceRecord {
    pub fn instance(&self) -> InstanceId {
        InstanceId::new(self.id.as_str())
    }
}

impl PartialEq for InstanceRecord {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.holder == other.holder
            && self.meta.get() == other.meta.get()
            && self.v == other.v
    }
}

#[derive(Clone, Debug)]
pub struct Roster {
    pub register: Reply,
    pub revision: u64,
    pub instances: Vec<InstanceRecord>,
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

pub struct Membership {
    own: InstanceId,
    members: BTreeMap<InstanceId, Member>,
    /// The revision up to which all changes are known; `None` when one may have been missed.
    revision: Option<u64>,
    /// The revision last read or announced, whatever was missed before.
    latest: Option<u64>,
    events: VecDeque<MembershipEvent>,
}

/// A registry that was lost begins anew with a revision far from the last. One that is ahead by no more than this was not lost.
const MAX_STEP: u64 = 1024;

struct Member {
    record: InstanceRecord,
    /// When it was first missing from a roster; it may come back.
    missing_since: Option<Instant>,
}

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
            members: BTreeMap::new(),
            revision: None,
            latest: None,
            events: VecDeque::new(),
        }
    }

    /// This instance's record as it was last entered: it is listed whatever the registry says.
    pub fn handle_own(&mut self, record: InstanceRecord) {
        self.members.insert(self.own.clone(), Member { record, missing_since: None });
    }

    pub fn handle_change(&mut self, RegistryChange { revision, change }: RegistryChange) {
        match self.revision {
            // Older than the roster that we have.
            Some(known) if revision <= known => return,
            Some(known) if revision == known + 1 => {
                self.revision = Some(revision);
                self.latest = Some(revision);
            }
            _ => self.revision = None,
        }
        match change {
            Change::Enrolled(record) => self.enter(record),
            Change::Left(id) => self.leave(&id),
        }
    }

    /// The registry's revision as it was read beside something else.
    pub fn handle_revision(&mut self, revision: u64) {
        if self.revision != Some(revision) {
            self.revision = None;
        }
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
        self.latest = Some(roster.revision);
        let listed: HashSet<&str> = roster.instances.iter().map(|record| &*record.id).collect();
        for (id, member) in &mut self.members {
            if !listed.contains(id.as_str()) && member.missing_since.is_none() {
                // An absence that a change explains is over at once.
                member.missing_since = Some(if was_kept { now - SILENCE_LIMIT } else { now });
            }
        }
        for record in &roster.instances {
            self.enter(record.clone());
        }
        if let Some(own) = self.members.get_mut(&self.own) {
            own.missing_since = None;
        }
        self.handle_timeout(now);
    }

    /// Lets those go that were missing for too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        let is_gone = |member: &Member| {
            member.missing_since.is_some_and(|since| now.since(since) >= SILENCE_LIMIT)
        };
        let gone: Vec<InstanceId> =
            self.members.iter().filter(|(_, m)| is_gone(m)).map(|(id, _)| id.clone()).collect();
        for id in &gone {
            self.leave(id);
        }
    }

    pub fn poll_event(&mut self) -> Option<MembershipEvent> {
        self.events.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let missing = self.members.values().filter_map(|member| member.missing_since);
        missing.min().map(|since| since + SILENCE_LIMIT)
    }

    pub fn needs_roster(&self) -> bool {
        self.revision.is_none()
    }

    /// All instances, this one included, by id.
    pub fn list(&self) -> impl Iterator<Item = &InstanceRecord> {
        self.members.values().map(|member| &member.record)
    }

    fn enter(&mut self, record: InstanceRecord) {
        let id = record.instance();
        if id == self.own {
            return;
        }
        let member = Member { record: record.clone(), missing_since: None };
        if self.members.insert(id, member).is_none() {
            self.events.push_back(MembershipEvent::Joined(record));
        }
    }

    fn leave(&mut self, id: &InstanceId) {
        if *id == self.own {
            return;
        }
        if let Some(member) = self.members.remove(id) {
            self.events.push_back(MembershipEvent::Left(member.record));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::{Holder, Identity, Observation, Record, Reply, Stamp};

    fn record(id: &str) -> InstanceRecord {
        let meta = serde_json::value::RawValue::from_string("\"\"".into()).unwrap();
        InstanceRecord::new(&Holder::new(&InstanceId::new(id), 1), meta)
    }

    fn roster(revision: u64, ids: &[&str]) -> Roster {
        let record_shown = Record::placeholder(Stamp::new(1));
        let identity = Identity::server("s");
        let shown = Observation { record: record_shown, identity };
        let register = Reply { granted: false, missing: false, shown };
        Roster { register, revision, instances: ids.iter().map(|id| record(id)).collect() }
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
        membership.handle_change(RegistryChange { revision: 6, change });
        let change = Change::Left(InstanceId::new("b"));
        membership.handle_change(RegistryChange { revision: 7, change });
        assert_eq!(told(&mut membership), ["b joined", "b left"]);
        assert!(!membership.needs_roster());
    }

    #[test]
    fn a_hole_in_the_revisions_asks_for_the_roster() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me"]));
        let change = Change::Enrolled(record("b"));
        membership.handle_change(RegistryChange { revision: 8, change });
        assert!(membership.needs_roster());
    }

    #[test]
    fn a_revision_read_beside_something_else_reveals_a_missed_change() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me"]));
        membership.handle_revision(5);
        assert!(!membership.needs_roster());
        membership.handle_revision(4);
        assert!(membership.needs_roster());
    }

    #[test]
    fn a_change_older_than_the_roster_is_ignored() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me", "a"]));
        told(&mut membership);
        let change = Change::Left(InstanceId::new("a"));
        membership.handle_change(RegistryChange { revision: 5, change });
        assert_eq!(told(&mut membership), [] as [&str; 0]);
    }

    #[test]
    fn who_is_missing_from_a_roster_that_follows_has_left_though_the_change_comes_later() {
        let mut membership = membership_of_me();
        membership.handle_roster(at(0), &roster(5, &["me", "a"]));
        told(&mut membership);
        membership.handle_roster(at(1), &roster(6, &["me"]));
        let change = Change::Left(InstanceId::new("a"));
        membership.handle_change(RegistryChange { revision: 6, change });
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
        membership.handle_change(RegistryChange { revision: 6, change });
        assert_eq!(membership.list().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["me"]);
    }
}
