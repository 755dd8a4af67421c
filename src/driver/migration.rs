//! Beside node-raft-redis: what [`Migration`] wants done is done over the medium, and what comes in from the old instances is handed to it.
//! The election knows of it by one thing: that it is admitted to lead once the old ones follow.

use std::collections::HashMap;
use std::time::Duration;

use super::{Done, Driver, Failure, InstanceView, Message, Output, Sink, Stage};
use crate::clock;
use crate::election::{InstanceId, Instant, Role};
use crate::medium::legacy::{LegacyAnswer, LegacyCall};
use crate::medium::{Channel, InstanceRecord, Medium, MediumError};
use crate::membership::Entry;
use crate::messaging::{LegacyChannel, role_of};
use crate::migration::wire::{Ballot, Letter, Record, Subject, decode_message};
use crate::migration::{
    LegacyInstance, LegacyState, Migration, MigrationEvent, RECORD_AHEAD, Standing, Step,
};
use crate::wire::{self, Format};

/// A call for the old wire that has settled.
pub enum Settled {
    Spoken(Ballot, Result<(), MediumError>),
    Entered(Result<LegacyAnswer, MediumError>),
    Scanned(Result<LegacyAnswer, MediumError>),
    Read(Vec<InstanceId>, Result<LegacyAnswer, MediumError>),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Call {
    Speak,
    Enter,
    Scan,
    Read,
}

impl Settled {
    fn call(&self) -> Call {
        match self {
            Self::Spoken(..) => Call::Speak,
            Self::Entered(_) => Call::Enter,
            Self::Scanned(_) => Call::Scan,
            Self::Read(..) => Call::Read,
        }
    }
}

/// The part of a driver that moves a fleet.
pub(super) struct Mover {
    pub migration: Migration,
    /// The last error of each call that was told. They go on being tried many times a second, and each may fail for a reason of its own.
    told: HashMap<Call, MediumError>,
    first_look: FirstLook,
}

/// Whoever starts where no new instance leads is to know the old leader by then.
#[derive(Clone, Copy)]
enum FirstLook {
    /// The start waits for something else yet.
    NotBegun,
    Until(Instant),
    Over,
}

/// How long a start waits for an old leader at most: there may be none.
const FIRST_LOOK: Duration = Duration::from_secs(1);

impl Mover {
    /// Each instance waits for another time before it stands in for a leader: that follows from its id.
    pub fn new(instance: &InstanceId, lease: Duration) -> Self {
        let sum = |sum: u64, byte: u8| sum.wrapping_mul(31).wrapping_add(u64::from(byte));
        let stagger = instance.as_str().bytes().fold(0, sum);
        Self {
            migration: Migration::new(instance.clone(), lease, stagger, clock::now()),
            told: HashMap::new(),
            first_look: FirstLook::NotBegun,
        }
    }
}

impl<M: Medium, S: Sink> Driver<M, S> {
    /// The channels of the old wire that everybody listens to who moves a fleet.
    pub(super) fn legacy_channels(&self) -> Vec<Channel> {
        if self.mover.is_none() {
            return Vec::new();
        }
        let own = LegacyChannel::Instance(self.settings.instance.clone());
        [LegacyChannel::Ballots, LegacyChannel::All, own].map(Channel::Legacy).to_vec()
    }

    /// Does what is due on the old wire, and lets this instance lead once the old ones follow.
    pub(super) fn move_on(&mut self) {
        let is_over = self.is_over();
        let Some(mover) = self.mover.as_deref_mut().filter(|_| !is_over) else { return };
        let Mover { migration, first_look, .. } = mover;
        let now = clock::now();
        if matches!(first_look, FirstLook::Until(until) if now >= *until) {
            *first_look = FirstLook::Over;
        }
        let awaits_admission = self.election.awaits_admission();
        let leader = self.election.leader();
        migration.handle_standing(
            now,
            Standing {
                reign: self.election.reign().map(|term| term.0),
                awaits_admission,
                seeks: self.election.seeks(),
                leader: leader
                    .filter(|(id, _)| **id != self.settings.instance)
                    .map(|(id, term)| (id.clone(), term.0)),
            },
        );
        migration.handle_timeout(now);
        if awaits_admission && migration.may_lead(now) {
            self.election.handle_admission(now);
        } else if awaits_admission && migration.gives_up(now) {
            // Another instance may have more luck with what this one cannot publish.
            self.election.handle_reelect(now);
        }
        self.settings.metrics.set_awaits_admission(self.election.awaits_admission());
        let mut steps = Vec::new();
        while let Some(step) = migration.poll_step(now) {
            steps.push(step);
        }
        let malformed = migration.take_malformed();
        self.settings.metrics.malformed.add(malformed);
        self.settings.metrics.set_legacy_instances(migration.count());
        let events: Vec<MigrationEvent> = std::iter::from_fn(|| migration.poll_event()).collect();
        steps.into_iter().for_each(|step| self.take_step(step));
        events.into_iter().for_each(|event| self.tell_migration(event));
    }

    /// When `move_on` has something to do, if nothing happens before.
    pub(super) fn migration_timeout(&self) -> Option<Instant> {
        let mover = self.mover.as_ref().filter(|_| !self.is_over())?;
        let first_look = match mover.first_look {
            FirstLook::Until(until) => Some(until),
            _ => None,
        };
        [mover.migration.poll_timeout(), first_look].into_iter().flatten().min()
    }

    /// Whether an old leader is known, or was waited for, counted from the first time that this is asked.
    pub(super) fn has_looked_for_an_old_leader(&mut self) -> bool {
        let Some(Mover { migration, first_look, .. }) = self.mover.as_deref_mut() else {
            return true;
        };
        if migration.listed().any(|one| one.state == LegacyState::Leader) {
            *first_look = FirstLook::Over;
        } else if matches!(first_look, FirstLook::NotBegun) {
            *first_look = FirstLook::Until(clock::now() + FIRST_LOOK);
        }
        matches!(first_look, FirstLook::Over)
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Closing { .. } | Stage::Stopped)
    }

    fn take_step(&mut self, step: Step) {
        let medium = self.medium.clone();
        match step {
            Step::Speak(ballot) => {
                self.debug(|| format!("legacy says {ballot:?}"));
                let channel = Channel::Legacy(LegacyChannel::Ballots);
                let batch = vec![(channel, ballot.encode())];
                let publish = async move { medium.publish(batch).await };
                self.call(publish, |result| Done::Legacy(Settled::Spoken(ballot, result)));
            }
            Step::Enter => {
                let record = self.legacy_record();
                let enter = async move { medium.legacy(LegacyCall::Enter(record)).await };
                self.call(enter, |result| Done::Legacy(Settled::Entered(result)));
            }
            Step::Scan(cursor) => {
                let scan = async move { medium.legacy(LegacyCall::Scan(cursor)).await };
                self.call(scan, |result| Done::Legacy(Settled::Scanned(result)));
            }
            Step::Read(ids) => {
                let asked = ids.clone();
                let read = async move { medium.legacy(LegacyCall::Read(asked)).await };
                self.call(read, |result| Done::Legacy(Settled::Read(ids, result)));
            }
        }
    }

    /// This instance, as the old ones are to see it.
    fn legacy_record(&self) -> Vec<u8> {
        let state = match self.tenure.role(clock::now) {
            Role::Leader => LegacyState::Leader,
            Role::Candidate => LegacyState::Candidate,
            Role::Follower | Role::Draining => LegacyState::Follower,
        };
        let ts = clock::wall_ms() + RECORD_AHEAD.as_millis() as u64;
        Record::encode(&self.settings.instance, ts, &self.settings.meta, state)
    }

    pub(super) fn handle_settled(&mut self, settled: Settled) {
        let now = clock::now();
        let Some(Mover { migration, told, .. }) = self.mover.as_deref_mut() else { return };
        let call = settled.call();
        let outcome = match settled {
            Settled::Spoken(ballot, Ok(())) => {
                migration.handle_spoken(now, &ballot);
                Ok(())
            }
            Settled::Scanned(Ok(LegacyAnswer::Found { next, ids })) => {
                migration.handle_scanned(now, next, ids);
                Ok(())
            }
            Settled::Read(ids, Ok(LegacyAnswer::Records(records))) => {
                let records = ids.into_iter().zip(records).collect();
                migration.handle_read(now, clock::wall_ms() as f64, records);
                Ok(())
            }
            Settled::Entered(result) => result.map(drop),
            Settled::Spoken(_, Err(error)) => Err(error),
            Settled::Scanned(result) => {
                migration.handle_scan_failure(now);
                result.map(drop)
            }
            Settled::Read(_, result) => {
                migration.handle_read_failure(now);
                result.map(drop)
            }
        };
        if let Err(error) = outcome
            && told.insert(call, error.clone()).as_ref() != Some(&error)
        {
            self.tell_error(error);
        }
    }

    pub(super) fn handle_ballot(&mut self, bytes: &[u8]) {
        let Some(Mover { migration, .. }) = self.mover.as_deref_mut() else { return };
        let Some(ballot) = Ballot::decode(bytes) else {
            self.mailbox.count_malformed();
            return;
        };
        let is_told = ballot.speaker.is_none() && ballot.subject != Subject::Vote;
        let told = is_told.then(|| ballot.clone());
        migration.handle_ballot(clock::now(), ballot);
        if let Some(ballot) = told {
            self.debug(|| format!("legacy hears {ballot:?}"));
        }
    }

    /// A message of an old instance; those of new ones came on the other wire. How many messages it was.
    pub(super) fn handle_legacy_message(&mut self, channel: &LegacyChannel, payload: &[u8]) -> u64 {
        let message = match decode_message(payload) {
            Some(Letter::Old(message)) => message,
            Some(Letter::New) => return 0,
            None => {
                self.mailbox.count_malformed();
                return 1;
            }
        };
        let leads = self.tenure.is_valid(clock::now);
        let (channel, is_for_us) = match channel {
            LegacyChannel::Leader => (Channel::Leader, leads),
            LegacyChannel::Followers => (Channel::Followers, !leads),
            LegacyChannel::Instance(id) => (Channel::Instance(id.clone()), true),
            LegacyChannel::All | LegacyChannel::Ballots => (Channel::All, true),
        };
        if is_for_us && message.from != self.settings.instance {
            self.settings.metrics.messages.received.add(1);
            let is_addressed = matches!(channel, Channel::Leader | Channel::Instance(_));
            let role = role_of(message.is_from_leader, leads, is_addressed);
            let format = if message.body.is_some() { Format::Json } else { Format::Undefined };
            let payload = message.body.unwrap_or_default().as_bytes().to_vec();
            let from = message.from;
            self.sink.append(Output::Message(Message {
                from,
                role,
                channel,
                format,
                payload,
                body_at: 0,
            }));
        }
        1
    }

    /// The old instances that live. Where a new one holds the register, none of them leads, whatever its record still says; but for the moment
    /// for which this one leaves their leader alone.
    pub(super) fn legacy_views(&self, is_led: bool) -> Vec<InstanceView> {
        let Some(Mover { migration, .. }) = self.mover.as_deref() else { return Vec::new() };
        let is_led = is_led && !migration.holds_back();
        migration.listed().map(|one| legacy_view(one, is_led)).collect()
    }

    fn tell_migration(&mut self, event: MigrationEvent) {
        let holds_back = self.mover.as_deref().is_some_and(|mover| mover.migration.holds_back());
        let is_led = self.election.leader().is_some() || self.election.reign().is_some();
        let is_led = is_led && !holds_back;
        let output = match event {
            MigrationEvent::Joined(one) => Output::Joined(legacy_view(&one, is_led)),
            MigrationEvent::Left(one) => Output::Left(legacy_view(&one, true)),
            MigrationEvent::Gone => Output::LegacyGone,
            MigrationEvent::Overdue => Output::Warning(Failure::Migration(
                "there was no instance of node-raft-redis for a day: leave out the option \"migrate\", which costs time and messages"
                    .to_owned(),
            )),
            MigrationEvent::Unheard(ids) => {
                let ids: Vec<&str> = ids.iter().map(InstanceId::as_str).take(10).collect();
                Output::Warning(Failure::Migration(format!(
                    "leads although these instances of node-raft-redis have not said within 1500 ms that they follow: {}; \
                     one of them that cannot hear may go on believing that it leads, so look at them, or end them",
                    ids.join(", ")
                )))
            }
        };
        self.sink.put(output);
    }
}

fn legacy_view(one: &LegacyInstance, is_led: bool) -> InstanceView {
    let role = match one.state {
        LegacyState::Leader if !is_led => Role::Leader,
        LegacyState::Candidate => Role::Candidate,
        _ => Role::Follower,
    };
    let record: InstanceRecord = Entry {
        v: wire::VERSION,
        id: one.id.clone(),
        holder: one.id.as_str().into(),
        meta: one.meta.clone(),
        priority: 0,
        is_eligible: false,
        since: None,
    }
    .into();
    InstanceView { record, role }
}
