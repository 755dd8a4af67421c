//! What the process asks, and the answers.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{Answer, Done, Driver, Failure, InstanceView, Output, Sink, Stage};
use crate::clock;
use crate::election::{InstanceId, Loss, Role, Term, register};
use crate::medium::fencing::Work;
use crate::medium::{Medium, MediumError, Roster};
use crate::wire::InstanceRecord;

#[derive(Debug)]
pub enum Request {
    /// Answered by [`Output::Answer`] with the same number, unless the run ends before.
    Ask { question: u64, what: Question },
    /// The work of the leader of that term, which gives up, has settled.
    Drained(Term),
    /// Ends the run, within a bounded time. Asked for as well by whoever lets go of the [`super::RequestSender`].
    Stop,
}

#[derive(Debug)]
pub enum Question {
    /// Gives the leadership up and contends again; answered once it is released, or has lapsed. Done at once for a follower.
    Reelect,
    /// The same, for a reason of the process' own, which is told as the reason of the loss.
    Resign(Loss),
    /// Hands the leadership over; answered once another leads, or why this instance goes on.
    Transfer(InstanceId),
    /// Runs commands in Redis if this instance holds the register; in `term`, where one is named.
    Fenced {
        work: Work,
        term: Option<Term>,
        as_bytes: bool,
    },
    /// Leaves this JSON value for the next leader, likewise.
    SetCheckpoint {
        value: Arc<str>,
        term: Option<Term>,
    },
    Checkpoint,
    /// Replaces this instance's meta; answered once others can see it.
    SetMeta(Arc<RawValue>),
    Instances,
    Leader,
}

impl Question {
    /// Whether a leader may need it to bring its work to an end.
    pub fn is_work(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::SetCheckpoint { .. } | Self::Checkpoint)
    }
}

/// What a roster is fetched for.
#[derive(Debug)]
pub enum Inquiry {
    /// Changes that were missed.
    Changes,
    Asked(u64, Question),
    /// Whether a higher priority is there to hand over to.
    Preemption,
    /// Somebody else asks for a handover to this one.
    Petition(InstanceId),
}

impl<M: Medium, S: Sink> Driver<M, S> {
    pub(super) fn handle_request(&mut self, request: Request) {
        match request {
            Request::Ask { question, what } => self.handle_question(question, what),
            Request::Drained(term) => self.handle_drained(term),
            Request::Stop => self.handle_stop(),
        }
    }

    pub(super) fn handle_stop(&mut self) {
        if self.is_taking_part() {
            self.stage = Stage::Stopping;
            self.election.handle_stop(clock::now());
        }
    }

    fn handle_question(&mut self, question: u64, what: Question) {
        let is_work = what.is_work();
        // Work may be brought to an end while the leader drains.
        let is_answered = self.is_taking_part() || (is_work && self.stage == Stage::Stopping);
        if !is_answered {
            return self.answer_failure(question, Failure::Stopped);
        }
        match what {
            Question::Reelect => self.reelect(question, Loss::Reelected),
            Question::Resign(reason) => self.reelect(question, reason),
            Question::Transfer(heir) => self.begin_transfer(question, heir),
            Question::Fenced { work, term, as_bytes } => {
                self.run_fenced(question, work, term, as_bytes);
            }
            Question::SetCheckpoint { value, term } => self.set_checkpoint(question, value, term),
            Question::Checkpoint => self.fetch_checkpoint(question),
            Question::SetMeta(meta) => {
                self.settings.meta = meta;
                self.membership.handle_own(self.record());
                if let Some(mover) = &mut self.mover {
                    mover.migration.handle_own_change(clock::now());
                }
                self.enroll(Some(question));
            }
            Question::Instances | Question::Leader => {
                self.fetch_roster(Inquiry::Asked(question, what));
            }
        }
    }

    pub(super) fn handle_roster(
        &mut self,
        inquiry: Inquiry,
        result: Result<Arc<Roster>, MediumError>,
    ) {
        if matches!(inquiry, Inquiry::Changes) {
            self.is_fetching = false;
        }
        let roster = match result {
            Ok(roster) => roster,
            Err(error) => {
                match inquiry {
                    Inquiry::Asked(question, _) => self.answer_failure(question, error.into()),
                    Inquiry::Preemption => self.preempt(None),
                    Inquiry::Changes | Inquiry::Petition(_) => {}
                }
                return;
            }
        };
        let now = clock::now();
        self.membership.handle_roster(now, &roster);
        // The register and the list come from one step, so they agree.
        let leader = register::leader_of(&roster.register.shown.record);
        self.election.handle_observation(now, roster.register.clone());
        let (question, what) = match inquiry {
            Inquiry::Asked(question, Question::Transfer(heir)) => {
                return self.transfer(question, heir, &roster);
            }
            Inquiry::Asked(question, what) => (question, what),
            Inquiry::Preemption => return self.preempt(Some(roster)),
            Inquiry::Petition(heir) => return self.obey_transfer(heir, &roster),
            Inquiry::Changes => return,
        };
        let is_led = leader.is_some() || self.election.reign().is_some();
        let mut instances = self
            .membership
            .list()
            .map(|record| self.view_beside(record.clone(), leader.as_ref()))
            .chain(self.legacy_views(is_led));
        let answer = match what {
            Question::Leader => Answer::Leader(instances.find(|view| view.role == Role::Leader)),
            _ => Answer::Instances(instances.collect()),
        };
        self.answer(question, Ok(answer));
    }

    pub(super) fn enroll(&mut self, question: Option<u64>) {
        let (medium, record) = (self.medium.clone(), self.record());
        self.call(async move { medium.enroll(&record).await }, move |result| {
            Done::Enrolled(question, result)
        });
    }

    pub(super) fn record(&self) -> InstanceRecord {
        let (meta, candidacy) = (self.settings.meta.clone(), *self.election.candidacy());
        InstanceRecord::of_candidate(self.election.holder(), meta, candidacy, Some(self.since))
    }

    pub(super) fn view(&self, record: InstanceRecord) -> InstanceView {
        let leader = self.election.leader().map(|(id, _)| id.clone());
        self.view_beside(record, leader.as_ref())
    }

    /// An instance's role when `leader` is who the register names. Of itself, this instance knows better.
    fn view_beside(&self, record: InstanceRecord, leader: Option<&InstanceId>) -> InstanceView {
        let id = record.id.clone();
        let role = if id == self.settings.instance {
            match self.tenure.is_valid(clock::now) {
                true => Role::Leader,
                false if self.role == Role::Candidate => Role::Candidate,
                false => Role::Follower,
            }
        } else if leader == Some(&id) {
            Role::Leader
        } else {
            Role::Follower
        };
        InstanceView { record, role }
    }

    pub(super) fn answer_done(&self, question: Option<u64>) {
        if let Some(question) = question {
            self.answer(question, Ok(Answer::Done));
        }
    }

    pub(super) fn answer_failure(&self, question: u64, failure: Failure) {
        self.answer(question, Err(failure));
    }

    pub(super) fn answer(&self, question: u64, answer: Result<Answer, Failure>) {
        self.sink.put(Output::Answer { question, answer });
    }
}
