//! What only the leader may do: the user's own commands, and the checkpoint.

use std::sync::Arc;

use super::{Answer, Done, Driver, Failure, Sink};
use crate::clock;
use crate::election::{Checkpoint, Role, Term};
use crate::medium::fencing::{FailedCommand, Fenced, Replies, Work};
use crate::medium::{Medium, MediumError, MediumErrorKind};

impl<M: Medium, S: Sink> Driver<M, S> {
    pub(super) fn run_fenced(
        &self,
        question: u64,
        work: Work,
        wanted: Option<Term>,
        as_bytes: bool,
    ) {
        let Some(term) = self.reigning(wanted) else { return self.refuse(question, wanted) };
        let (medium, holder) = (self.medium.clone(), self.election.holder().clone());
        self.call(async move { medium.run_fenced(&holder, term, work).await }, move |result| {
            Done::Ran { question, as_bytes, result }
        });
    }

    pub(super) fn set_checkpoint(&self, question: u64, value: Arc<str>, wanted: Option<Term>) {
        let Some(term) = self.reigning(wanted) else { return self.refuse(question, wanted) };
        let (medium, holder) = (self.medium.clone(), self.election.holder().clone());
        let checkpoint = Checkpoint { term, value };
        self.call(async move { medium.set_checkpoint(&holder, checkpoint).await }, move |result| {
            Done::Left(question, result)
        });
    }

    pub(super) fn fetch_checkpoint(&self, question: u64) {
        let medium = self.medium.clone();
        self.call(async move { medium.checkpoint().await }, move |result| {
            Done::Recalled(question, result)
        });
    }

    pub(super) fn handle_ran(
        &self,
        question: u64,
        as_bytes: bool,
        result: Result<Fenced<Replies>, MediumError>,
    ) {
        let answer = match result {
            Ok(Fenced::Done(Ok(replies))) => Ok(Answer::Replies { replies, as_bytes }),
            Ok(Fenced::Done(Err(failed))) => Err(of_command(failed)),
            Ok(Fenced::NotLeader) => Err(replaced()),
            Ok(Fenced::Unconfirmed) => Err(unconfirmed()),
            Err(error) => Err(error.into()),
        };
        self.answer(question, answer);
    }

    pub(super) fn handle_left(&self, question: u64, result: Result<Fenced<()>, MediumError>) {
        let answer = match result {
            Ok(Fenced::Done(())) => Ok(Answer::Done),
            Ok(Fenced::NotLeader) => Err(replaced()),
            Ok(Fenced::Unconfirmed) => Err(unconfirmed()),
            Err(error) => Err(error.into()),
        };
        self.answer(question, answer);
    }

    pub(super) fn handle_recalled(
        &self,
        question: u64,
        result: Result<Option<Checkpoint>, MediumError>,
    ) {
        self.answer(question, result.map(Answer::Checkpoint).map_err(Into::into));
    }

    /// The term in which the register names this instance, as far as it knows: while it leads, and while it drains, so that work can be brought to
    /// an end. The register itself decides. Nothing, where another term is `wanted`: its work must not go on in a later reign.
    fn reigning(&self, wanted: Option<Term>) -> Option<Term> {
        let is_draining = self.election.role() == Role::Draining;
        let reign = self.election.reign();
        reign
            .filter(|term| wanted.is_none_or(|wanted| wanted == *term))
            .filter(|_| is_draining || self.tenure.is_valid(clock::now))
    }

    fn refuse(&self, question: u64, wanted: Option<Term>) {
        let when = wanted.map(|term| format!(" in term {}", term.0)).unwrap_or_default();
        let text = format!("this instance does not lead{when}; nothing was written");
        self.answer_failure(question, Failure::NotLeader(text));
    }
}

fn replaced() -> Failure {
    let text = "this instance leads no longer, as the register in Redis says; nothing was written";
    Failure::NotLeader(text.to_owned())
}

/// No loss, and no fault of the commands: it leads, and will be able to write once it has asserted itself. Whoever tries again where Redis
/// was away is right to do so here.
fn unconfirmed() -> Failure {
    let text = "the Redis server has changed, and this leadership has yet to be confirmed there; nothing was written, so try again";
    Failure::Medium(MediumError::new(MediumErrorKind::Unreachable, text))
}

fn of_command(FailedCommand { number, message }: FailedCommand) -> Failure {
    let before = match number {
        1 => "nothing was written".to_owned(),
        2 => "the one before it was done".to_owned(),
        _ => format!("the {} before it were done", number - 1),
    };
    let text = format!("command {number} failed: {message}; {before}, none behind it was");
    Failure::Medium(MediumError::new(MediumErrorKind::Failed, text))
}
