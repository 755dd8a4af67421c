//! How a leadership is given up: the draining, whoever waits for its end, and the handover to a chosen instance.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::questions::Inquiry;
use super::{Answer, Driver, Failure, Output, Question, Sink};
use crate::clock;
use crate::election::{InstanceId, Instant, Loss, Term};
use crate::medium::{InstanceRecord, Medium, Roster};
use crate::messaging::Petition;

/// How long a leader leads at least before it hands over to a higher priority, and the longest that it waits where that one does not stay.
const PREEMPT_AFTER: Duration = Duration::from_secs(2);
const PREEMPT_AFTER_AT_MOST: Duration = Duration::from_secs(64);
/// Elected again within this, a leader had handed over in vain.
const IN_VAIN_WITHIN: Duration = Duration::from_secs(10);

/// A leader heeds one request of somebody else in so many leases.
const LEASES_BETWEEN_REQUESTS: u32 = 5;

#[derive(Debug, Default)]
pub(super) struct Handover {
    draining: Option<Draining>,
    /// How long the last one was waited for in vain.
    waited: Duration,
    /// The questions that wait for a release.
    reelections: Vec<u64>,
    /// The questions that wait for a leader after the one of that term.
    transfers: Vec<(u64, Term)>,
    preemption: Preemption,
    /// When somebody else's request was heeded last.
    heeded_at: Option<Instant>,
}

/// A reign whose work has yet to settle.
#[derive(Debug)]
struct Draining {
    term: Term,
    since: Instant,
    until: Instant,
}

#[derive(Debug, Default)]
struct Preemption {
    /// When to look for a higher priority next; `None` while not leading, and while the look is under way.
    at: Option<Instant>,
    wait: Duration,
    tried_at: Option<Instant>,
}

impl<M: Medium, S: Sink> Driver<M, S> {
    pub(super) fn reelect(&mut self, question: u64, reason: Loss) {
        self.handover.reelections.push(question);
        match reason {
            Loss::Reelected => self.election.handle_reelect(clock::now()),
            _ => self.election.handle_resign(clock::now(), reason),
        }
    }

    // ---- Draining ---------------------------------------------------------------------------------------------------

    /// Where there is work, it is waited for; nobody would tell of its end where nobody can be told anything any more.
    /// And a process that does not answer is given up for that very reason.
    pub(super) fn begin_draining(&mut self, term: Term, reason: Loss) {
        let now = clock::now();
        self.handover.preemption.at = None;
        let is_answered_for = reason != Loss::Stalled && !self.sink.is_closed();
        if is_answered_for && self.settings.holds_work.load(Ordering::SeqCst) {
            let until = now + self.settings.drain_limit;
            self.handover.draining = Some(Draining { term, since: now, until });
        } else {
            self.election.handle_drained(now);
        }
    }

    /// The work of the leader of `term` has settled. That of an earlier one settles too late to matter.
    pub(super) fn handle_drained(&mut self, term: Term) {
        if self.handover.draining.take_if(|draining| draining.term == term).is_some() {
            self.election.handle_drained(clock::now());
        }
    }

    pub(super) fn abandon_draining(&mut self) {
        if self.handover.draining.take().is_some() {
            self.election.handle_drained(clock::now());
        }
    }

    pub(super) fn handle_drain_timeout(&mut self, now: Instant) {
        if let Some(draining) = self.handover.draining.take_if(|draining| now >= draining.until) {
            self.handover.waited = now.since(draining.since);
            self.election.handle_drain_overrun(now);
        }
    }

    /// A reign ended, whether its work has settled or not.
    pub(super) fn end_draining(&mut self) {
        self.handover.draining = None;
    }

    pub(super) fn tell_overrun(&mut self, term: Term) {
        let after = self.handover.waited;
        self.sink.put(Output::Overrun { term, after });
        let failure = Failure::DrainTimeout(format!(
            "the work of the leader did not settle within drainMs ({}); its lease runs out now, and is not released before",
            self.settings.drain_limit.as_millis()
        ));
        for question in self.take_waiting() {
            self.answer_failure(question, failure.clone());
        }
    }

    pub(super) fn handover_timeout(&self) -> Option<Instant> {
        let drain = self.handover.draining.as_ref().map(|draining| draining.until);
        let preemption = self.handover.preemption.at.filter(|_| self.has_rivals);
        [drain, preemption].into_iter().flatten().min()
    }

    // ---- Whoever waits ----------------------------------------------------------------------------------------------

    pub(super) fn answer_reelections(&mut self) {
        for question in std::mem::take(&mut self.handover.reelections) {
            self.answer(question, Ok(Answer::Done));
        }
    }

    pub(super) fn answer_transfers(&mut self, leader: &InstanceId, leads_in: Term) {
        let waiting = std::mem::take(&mut self.handover.transfers);
        let (settled, waiting) = waiting.into_iter().partition(|(_, term)| leads_in > *term);
        self.handover.transfers = waiting;
        let settled: Vec<(u64, Term)> = settled;
        for (question, _) in settled {
            self.answer(question, Ok(Answer::Successor(leader.clone())));
        }
    }

    /// The run ends, so nothing more comes of what is waited for.
    pub(super) fn end_waiting(&mut self) {
        self.answer_reelections();
        for question in self.take_waiting() {
            self.answer_failure(question, Failure::Stopped);
        }
    }

    fn take_waiting(&mut self) -> Vec<u64> {
        let transfers = std::mem::take(&mut self.handover.transfers);
        let reelections = std::mem::take(&mut self.handover.reelections);
        reelections.into_iter().chain(transfers.into_iter().map(|(question, _)| question)).collect()
    }

    // ---- To a chosen instance ---------------------------------------------------------------------------------------

    /// Whom to hand over to is looked up first, and all that can go wrong goes wrong before anything is given up.
    pub(super) fn begin_transfer(&mut self, question: u64, heir: InstanceId) {
        match self.leading() {
            Some(_) => self.fetch_roster(Inquiry::Asked(question, Question::Transfer(heir))),
            None => self.answer_failure(question, not_leading()),
        }
    }

    pub(super) fn transfer(&mut self, question: u64, heir: InstanceId, roster: &Roster) {
        let Some(term) = self.leading() else {
            return self.answer_failure(question, not_leading());
        };
        if let Err(why) = self.check_heir(&heir, roster) {
            return self.answer_failure(question, Failure::Unfit(why));
        }
        self.handover.transfers.push((question, term));
        self.election.handle_transfer(clock::now(), heir);
    }

    fn check_heir(&self, heir: &InstanceId, roster: &Roster) -> Result<(), String> {
        if *heir == self.settings.instance {
            return Err(format!("{heir} leads already; name another instance"));
        }
        let others = || roster.instances.iter().filter(|one| one.id != self.settings.instance);
        match others().find(|one| one.id == *heir) {
            Some(one) if one.is_eligible => Ok(()),
            Some(_) => Err(format!("{heir} is not eligible: its option \"eligible\" is false")),
            None => {
                let eligible: Vec<&str> = others()
                    .filter(|one| one.is_eligible)
                    .map(|one| one.id.as_str())
                    .take(10)
                    .collect();
                Err(match eligible.as_slice() {
                    [] => {
                        format!("there is no living instance {heir}, and no other that could lead")
                    }
                    some => format!(
                        "there is no living instance {heir}; those that could lead are {}",
                        some.join(", ")
                    ),
                })
            }
        }
    }

    /// The term in which this instance leads at this moment.
    pub(super) fn leading(&self) -> Option<Term> {
        self.election.reign().filter(|_| self.tenure.is_valid(clock::now))
    }

    // ---- At the request of somebody else ----------------------------------------------------------------------------

    /// Heeds what is asked of the leader, if this is the leader. All that take requests hear them, so that none is heard a second time.
    pub(super) fn obey(&mut self, petition: Petition) {
        if self.leading().is_none() {
            return;
        }
        match petition {
            Petition::Reelect if self.may_heed() => self.election.handle_reelect(clock::now()),
            Petition::Reelect => {}
            Petition::Transfer { to } => self.fetch_roster(Inquiry::Petition(to)),
        }
    }

    /// Hands over at a request. An heir that does not fit leaves everything as it is.
    pub(super) fn obey_transfer(&mut self, heir: InstanceId, roster: &Roster) {
        if self.leading().is_none() {
            return;
        }
        match self.check_heir(&heir, roster) {
            Ok(()) if self.may_heed() => self.election.handle_transfer(clock::now(), heir),
            Ok(()) => {}
            Err(why) => self.debug(|| format!("a request was not heeded: {why}")),
        }
    }

    /// Whoever may publish may ask, again and again. That must not keep the fleet without a leader.
    fn may_heed(&mut self) -> bool {
        let (now, lease) = (clock::now(), self.election.timing().lease());
        let apart = lease * LEASES_BETWEEN_REQUESTS;
        let is_too_soon = self.handover.heeded_at.is_some_and(|last| now.since(last) < apart);
        if is_too_soon {
            self.debug(|| format!("a request was not heeded: the last one is not {apart:?} ago"));
        } else {
            self.handover.heeded_at = Some(now);
        }
        !is_too_soon
    }

    // ---- To a higher priority ---------------------------------------------------------------------------------------

    pub(super) fn begin_preemption(&mut self) {
        let now = clock::now();
        let Preemption { at, wait, tried_at } = &mut self.handover.preemption;
        let was_in_vain = tried_at.is_some_and(|tried| now.since(tried) < IN_VAIN_WITHIN);
        *wait = if was_in_vain { (*wait * 2).min(PREEMPT_AFTER_AT_MOST) } else { PREEMPT_AFTER };
        *at = self.settings.preempt.then_some(now + *wait);
    }

    /// Looks whether a higher priority is there, if that is due.
    pub(super) fn look_for_higher_priority(&mut self, now: Instant) {
        let is_due = self.handover.preemption.at.is_some_and(|at| now >= at);
        if is_due && self.has_rivals && self.leading().is_some() {
            self.handover.preemption.at = None;
            self.fetch_roster(Inquiry::Preemption);
        }
    }

    /// With what the look has shown; `None` when it failed.
    pub(super) fn preempt(&mut self, roster: Option<Arc<Roster>>) {
        if self.leading().is_none() {
            return;
        }
        let now = clock::now();
        let own = self.election.candidacy().priority;
        let comes_first = |one: &&InstanceRecord| one.is_eligible && one.priority > own;
        let first = roster.as_ref().and_then(|roster| {
            roster.instances.iter().filter(comes_first).max_by_key(|one| one.priority)
        });
        match first {
            Some(heir) => {
                self.handover.preemption.tried_at = Some(now);
                self.election.handle_transfer(now, heir.id.clone());
            }
            None => self.handover.preemption.at = Some(now + PREEMPT_AFTER),
        }
    }
}

pub(super) fn not_leading() -> Failure {
    Failure::NotLeader("this instance does not lead".to_owned())
}
