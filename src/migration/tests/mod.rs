//! The move's tests, by situation: an old fleet that is played by hand, ballot by ballot.

mod admission;
mod old_fleet;
mod roll;
mod standing_in;
mod wire;

use std::time::Duration;

use super::wire::{Ballot, MAX_RECORD_BYTES, Subject, Term};
use super::*;

const LEASE: Duration = Duration::from_millis(800);
/// The term in which this instance is granted the register.
const OURS: u64 = 1_790_000_000_000_000;
/// The time of day of the old ones, in ms.
const WALL: f64 = 1_790_000_000_000.0;

/// The move as seen by the new instance `me`, and a clock that is moved by hand.
struct Scene {
    migration: Migration,
    now: Instant,
    standing: Standing,
    records: Vec<OldRecord>,
    /// What was said, in order.
    said: Vec<Ballot>,
    events: Vec<MigrationEvent>,
    /// Whether what is said goes out.
    is_connected: bool,
    /// Whether nothing can be published, while commands pass.
    is_mute: bool,
    /// How many records were asked for.
    reads: usize,
}

struct OldRecord {
    id: &'static str,
    /// When it was written last.
    ts: f64,
    /// JSON.
    meta: String,
    state: LegacyState,
    /// Whether its instance goes on writing it.
    is_alive: bool,
}

impl Scene {
    /// With these old instances, all of which are known, and were heard.
    fn with(old: &[&'static str]) -> Self {
        let mut scene = Self::before_the_first_look(old);
        scene.passes(100);
        for id in old {
            scene.hears(of_old(Subject::Vote, id, Term::ZERO));
        }
        scene
    }

    fn before_the_first_look(old: &[&'static str]) -> Self {
        let now = Instant::from_millis(1_000_000);
        let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, now);
        migration.handle_listening(now);
        let record = |id: &&'static str| OldRecord {
            id,
            ts: WALL,
            meta: format!("\"of {id}\""),
            state: LegacyState::Follower,
            is_alive: true,
        };
        Self {
            migration,
            now,
            standing: Standing { seeks: true, ..Standing::default() },
            records: old.iter().map(record).collect(),
            said: Vec::new(),
            events: Vec::new(),
            is_connected: true,
            is_mute: false,
            reads: 0,
        }
    }

    /// Lets time pass. The old ones write their records once a second, and whatever is due is done.
    fn passes(&mut self, millis: u64) {
        for _ in 0..millis.div_ceil(10) {
            self.now = self.now + Duration::from_millis(10);
            let second = self.now.as_nanos() / 1_000_000_000;
            for record in self.records.iter_mut().filter(|record| record.is_alive) {
                record.ts = WALL + (second * 1000) as f64;
            }
            self.acts();
        }
    }

    /// Does what is due.
    fn acts(&mut self) {
        self.migration.handle_standing(self.now, self.standing.clone());
        self.migration.handle_timeout(self.now);
        for _ in 0..100 {
            let Some(step) = self.migration.poll_step(self.now) else {
                self.events.extend(std::iter::from_fn(|| self.migration.poll_event()));
                let next = self.migration.poll_timeout();
                assert!(
                    next.is_none_or(|at| at > self.now || self.standing.awaits_admission),
                    "it would spin"
                );
                return;
            };
            self.takes(step);
        }
        panic!("it never comes to rest");
    }

    fn takes(&mut self, step: Step) {
        match step {
            Step::Speak(ballot) => {
                if self.is_connected && !self.is_mute {
                    self.migration.handle_spoken(self.now, &ballot);
                    self.said.push(ballot);
                }
            }
            Step::Enter => {}
            Step::Scan(_) if !self.is_connected => self.migration.handle_scan_failure(self.now),
            Step::Scan(_) => {
                let ids = self.records.iter().map(|record| InstanceId::new(record.id)).collect();
                self.migration.handle_scanned(self.now, 0, ids);
            }
            Step::Read(_) if !self.is_connected => self.migration.handle_read_failure(self.now),
            Step::Read(ids) => {
                self.reads += ids.len();
                let records = ids.into_iter().map(|id| (id.clone(), self.record_of(&id))).collect();
                self.migration.handle_read(self.now, self.wall(), records);
            }
        }
    }

    fn wall(&self) -> f64 {
        WALL + (self.now.as_nanos() / 1_000_000) as f64
    }

    fn record_of(&self, id: &InstanceId) -> Option<Vec<u8>> {
        let record = self.records.iter().find(|one| one.id == id.as_str())?;
        let OldRecord { ts, meta, state, .. } = record;
        let state = serde_json::to_string(state).unwrap();
        let record = format!(r#"{{"ts":{ts},"meta":{meta},"state":{state}}}"#);
        Some(record.bytes().take(MAX_RECORD_BYTES + 1).collect())
    }

    /// An old instance stopped a moment ago, before this one came, and has left its record behind.
    fn has_stopped(&mut self, id: &str) {
        let wall = self.wall();
        self.stops(id);
        self.records.iter_mut().find(|record| record.id == id).unwrap().ts = wall - 500.0;
    }

    /// An old instance stops, and leaves its record behind.
    fn stops(&mut self, id: &str) {
        self.records.iter_mut().find(|record| record.id == id).unwrap().is_alive = false;
    }

    fn is_granted(&mut self) {
        self.standing =
            Standing { reign: Some(OURS), awaits_admission: true, seeks: true, leader: None };
        self.acts();
    }

    fn is_released(&mut self) {
        self.standing = Standing { seeks: true, ..Standing::default() };
        self.acts();
    }

    /// Whether this instance is admitted to lead now; then it is.
    fn leads(&mut self) -> bool {
        for _ in 0..2 {
            let leads = self.migration.may_lead(self.now);
            self.standing.awaits_admission &= !leads;
            self.acts();
        }
        !self.standing.awaits_admission
    }

    fn hears(&mut self, ballot: Ballot) {
        self.migration.handle_ballot(self.now, ballot);
        self.acts();
    }

    /// An old instance votes for `me`, in a term.
    fn votes(&mut self, from: &str, is_granted: bool, term: Term) {
        let to = Some(InstanceId::new("me"));
        self.hears(Ballot { to, is_granted, ..of_old(Subject::Vote, from, term) });
    }

    /// The last check that `me` said.
    fn last_check(&self) -> &Ballot {
        let mut checks = self.said.iter().filter(|ballot| ballot.subject == Subject::Check);
        checks.next_back().expect("a check was said")
    }

    fn checks(&self) -> usize {
        self.said.iter().filter(|ballot| ballot.subject == Subject::Check).count()
    }

    /// The last answer that `me` gave as an old one would.
    fn last_vote(&self) -> Option<&Ballot> {
        self.said.iter().rfind(|ballot| ballot.subject == Subject::Vote)
    }
}

/// A ballot of an old instance.
fn of_old(subject: Subject, from: &str, term: Term) -> Ballot {
    Ballot {
        subject,
        from: InstanceId::new(from),
        to: None,
        is_granted: false,
        term,
        speaker: None,
        leads: false,
        is_stand_in: false,
    }
}

/// A check of the new instance `leader`, spoken by `speaker`.
fn of_new(leader: &str, speaker: &str, leads: bool) -> Ballot {
    let is_stand_in = leader != speaker;
    let speaker = Some(InstanceId::new(speaker));
    let term = Term::new(OURS - 1_000_000);
    Ballot { speaker, leads, is_stand_in, ..of_old(Subject::Check, leader, term) }
}
