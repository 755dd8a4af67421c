//! Whom the old instances follow, and what to tell them: when to publish a check and in which term, and how to answer them. `reign.rs` has
//! whether a new instance that holds the register may say that it leads, `standing_in.rs` what becomes of the old ones without a leader.

mod reign;
mod standing_in;

use std::time::Duration;

use self::reign::Reign;
use super::roll::Roll;
use super::wire::{Ballot, Subject, Term};
use crate::election::{InstanceId, Instant};

/// How often whoever holds the register publishes a check. The old leaders do every 400 ms.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// The least time from one check to the next, however often the old ones ask for one.
const LEAST_INTERVAL: Duration = Duration::from_millis(20);
/// So long after a check no old instance stands for election.
const PATIENCE_AT_LEAST: Duration = Duration::from_millis(1000);
/// The longest for which an old instance waits for a check.
const PATIENCE_AT_MOST: Duration = Duration::from_millis(1500);
/// How long the old ones are kept from electing for a new leader that is to come: so many leases, and a moment.
const LEASES_WAITED_FOR: u32 = 3;
const MOMENT: Duration = Duration::from_secs(2);
/// What the election says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The term in which it holds the register: as a leader, as one to be, or while its work settles.
    pub reign: Option<u64>,
    /// Whether it has still to be admitted to lead.
    pub awaits_admission: bool,
    /// Whether it takes the register where that is free.
    pub seeks: bool,
    /// The other new instance that leads, by the register, and its term.
    pub leader: Option<(InstanceId, u64)>,
}

pub struct Rule {
    own: InstanceId,
    stagger: Duration,
    /// How long a new leader that is to come is waited for.
    wait: Duration,
    /// Since when all ballots were heard.
    listening_since: Option<Instant>,
    seeks_since: Option<Instant>,
    reign: Option<Reign>,
    /// The last check of a new instance.
    last_new: Option<NewCheck>,
    /// The new leader by the register, and since when.
    registered: Option<(InstanceId, u64, Instant)>,
    /// When an old leader was last heard.
    old_led_at: Option<Instant>,
    /// The highest term in which this instance voted as an old one would.
    voted: Term,
    /// No check in place of another before.
    no_stand_in_before: Instant,
    /// When this instance published the last one.
    stood_in_at: Option<Instant>,
    /// That one was in too low a term.
    is_overheard: bool,
}

struct NewCheck {
    leader: InstanceId,
    term: Term,
    at: Instant,
    /// Whether the old ones are known to have followed.
    leads: bool,
    /// Whether others go on in its place when its leader falls silent.
    is_kept_up: bool,
    /// When the leader itself was last heard, and not another in its place.
    by_leader_at: Instant,
}

impl Rule {
    pub fn new(own: InstanceId, lease: Duration, stagger: u64) -> Self {
        Self {
            own,
            stagger: standing_in::stagger(stagger),
            wait: LEASES_WAITED_FOR * lease + MOMENT,
            listening_since: None,
            seeks_since: None,
            reign: None,
            last_new: None,
            registered: None,
            old_led_at: None,
            voted: Term::ZERO,
            no_stand_in_before: Instant::default(),
            stood_in_at: None,
            is_overheard: false,
        }
    }

    // ---- What happened ----------------------------------------------------------------------------------------------

    pub fn handle_connected(&mut self, now: Instant) {
        if let Some(reign) = &mut self.reign {
            reign.check_at = now;
        }
    }

    pub fn handle_listening(&mut self, now: Instant) {
        self.listening_since.get_or_insert(now);
    }

    pub fn handle_deaf(&mut self) {
        self.listening_since = None;
    }

    pub fn handle_standing(&mut self, now: Instant, standing: Standing) {
        self.seeks_since = standing.seeks.then(|| self.seeks_since.unwrap_or(now));
        match standing.leader {
            Some((id, term)) if self.registered.as_ref().is_none_or(|known| known.1 != term) => {
                self.registered = Some((id, term, now));
            }
            _ => {}
        }
        let known = self.reign.as_ref().map(|reign| reign.term);
        if known != standing.reign {
            self.reign = standing.reign.map(|term| self.begin(now, term));
        }
        if let Some(reign) = &mut self.reign {
            reign.awaits_admission = standing.awaits_admission;
        }
    }

    pub fn handle_ballot(
        &mut self,
        now: Instant,
        ballot: Ballot,
        roll: &mut Roll,
    ) -> Option<Ballot> {
        if ballot.speaker.is_some() {
            if ballot.subject == Subject::Check && self.reign.is_none() {
                self.note_new_check(now, &ballot);
            }
            return None;
        }
        match ballot.subject {
            Subject::Vote => {
                self.count(now, &ballot, roll);
                None
            }
            subject => {
                roll.note_dissent(&ballot.from);
                if subject == Subject::Check {
                    self.old_led_at = Some(now);
                } else {
                    self.release_check();
                }
                if self.reign.is_some() {
                    self.hurry(now);
                    return None;
                }
                self.vote(now, &ballot)
            }
        }
    }

    fn note_new_check(&mut self, now: Instant, check: &Ballot) {
        if check.speaker.as_ref() != Some(&self.own) {
            self.stood_in_at = None;
            self.is_overheard = false;
        }
        let is_by_leader = !check.is_stand_in && check.speaker.as_ref() == Some(&check.from);
        let before = self.last_new.as_ref().map(|last| last.by_leader_at);
        self.last_new = Some(NewCheck {
            leader: check.from.clone(),
            term: check.term,
            at: now,
            leads: check.leads,
            is_kept_up: check.leads || check.is_stand_in,
            by_leader_at: before.filter(|_| !is_by_leader).unwrap_or(now),
        });
    }

    /// An old instance has answered, this one or another.
    fn count(&mut self, now: Instant, vote: &Ballot, roll: &mut Roll) {
        let Some(reign) = &self.reign else { return self.note_height(now, vote) };
        let is_for_us = vote.to.as_ref() == Some(&self.own) && vote.is_granted;
        if is_for_us {
            roll.note_following(&vote.from, vote.term);
        }
        if reign.spoken.is_some_and(|(_, spoken)| vote.term > spoken) {
            self.hurry(now);
        }
    }

    /// As an old follower would, where no new instance leads or is about to.
    fn vote(&mut self, now: Instant, ballot: &Ballot) -> Option<Ballot> {
        if self.keeps_from_electing(now) {
            return None;
        }
        let is_granted = match ballot.subject {
            Subject::Check => ballot.term >= self.voted,
            _ => ballot.term > self.voted,
        };
        self.voted = self.voted.max(ballot.term);
        Some(Ballot::vote(&self.own, ballot, is_granted, self.voted))
    }

    fn keeps_from_electing(&self, now: Instant) -> bool {
        let last = self.last_new.as_ref();
        let is_led = last.is_some_and(|check| now < check.at + PATIENCE_AT_LEAST);
        let is_to_lead = self.seeks_since.is_some_and(|since| {
            let since = last.map_or(since, |check| since.max(check.by_leader_at));
            now < since + self.wait
        });
        is_led || is_to_lead
    }

    pub fn handle_spoken(&mut self, now: Instant, ballot: &Ballot) {
        if ballot.subject != Subject::Check {
            return;
        }
        self.note_new_check(now, ballot);
        if let Some(reign) = self.reign.as_mut().filter(|_| ballot.from == self.own) {
            reign.first_out_at.get_or_insert(now);
            reign.has_said_so |= ballot.leads;
        }
    }

    fn hurry(&mut self, now: Instant) {
        if let Some(reign) = &mut self.reign {
            let earliest = reign.spoken.map_or(now, |(at, _)| now.max(at + LEAST_INTERVAL));
            reign.check_at = reign.check_at.min(earliest);
        }
    }

    // ---- What follows -----------------------------------------------------------------------------------------------

    /// The check that is due, by this instance or in place of another.
    pub fn poll_check(&mut self, now: Instant, roll: &Roll) -> Option<Ballot> {
        let speaker = Some(self.own.clone());
        let check = |from: InstanceId, term: Term, leads: bool, is_stand_in: bool| Ballot {
            subject: Subject::Check,
            from,
            to: None,
            is_granted: false,
            term,
            speaker,
            leads,
            is_stand_in,
        };
        self.hold_back(now, roll);
        if let Some(reign) = &mut self.reign {
            if now < reign.check_at {
                return None;
            }
            let passed = now.since(reign.since).as_micros() as u64;
            let term = above(reign.base.plus(passed), roll.highest_term());
            reign.check_at = now + CHECK_INTERVAL;
            reign.spoken = Some((now, term));
            reign.first_term.get_or_insert(term);
            return Some(check(self.own.clone(), term, reign.leads, false));
        }
        let (leader, term, leads) = self.stand_in(now, roll)?;
        Some(check(leader, term, leads, true))
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let Some(reign) = &self.reign else { return self.stand_in_at() };
        [Some(reign.check_at), self.admission_timeout()].into_iter().flatten().min()
    }
}

/// A term that rises, and that whoever said `heard` follows: above what our own way of counting gives, where that is too low. From 2^53 on
/// no number is one higher.
fn above(counted: Term, heard: Term) -> Term {
    if heard > counted { heard.plus(1) } else { counted }
}
