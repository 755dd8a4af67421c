//! What was asked of the run and is not answered yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::oneshot;

use crate::driver::Answer;
use crate::error::Error;

pub type Answered = Result<Answer, Error>;

/// What an end of the candidate does to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Refuses it at once.
    Plain,
    /// The same. A drain that takes too long is its failure.
    Transfer,
    /// Is what was asked for. A drain that takes too long is its failure.
    Reelection,
    /// Is what was asked for.
    Release,
    /// Leaves it time until the run has ended: a leader may need it to bring its work to an end.
    Work,
}

impl Manner {
    fn hears_overrun(self) -> bool {
        matches!(self, Self::Transfer | Self::Reelection)
    }

    fn is_served_by_stop(self) -> bool {
        matches!(self, Self::Reelection | Self::Release)
    }
}

#[derive(Debug, Default)]
pub struct Answers {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    pending: HashMap<u64, Pending>,
}

#[derive(Debug)]
struct Pending {
    manner: Manner,
    asker: oneshot::Sender<Answered>,
}

impl Pending {
    fn end(self, error: &Error) {
        let answer =
            if self.manner.is_served_by_stop() { Ok(Answer::Done) } else { Err(error.clone()) };
        // Whoever asked may wait no more.
        let _ = self.asker.send(answer);
    }
}

impl Answers {
    /// A number for the question, and where its answer comes.
    pub fn expect(&self, manner: Manner) -> (u64, oneshot::Receiver<Answered>) {
        let (asker, answer) = oneshot::channel();
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        state.pending.insert(number, Pending { manner, asker });
        (number, answer)
    }

    /// One that comes too late finds nobody.
    pub fn answer(&self, number: u64, answer: Answered) {
        let pending = self.state().pending.remove(&number);
        if let Some(Pending { asker, .. }) = pending {
            let _ = asker.send(answer);
        }
    }

    /// Whether somebody is told of a drain that takes too long.
    pub fn hear_overrun(&self) -> bool {
        let state = self.state();
        state.pending.values().any(|one| one.manner.hears_overrun() && !one.asker.is_closed())
    }

    /// Ends what a stop does not wait for.
    pub fn abandon(&self, error: &Error) {
        self.end(error, |manner| manner != Manner::Work);
    }

    /// Ends all that is left, since the run has ended.
    pub fn close(&self, error: &Error) {
        self.end(error, |_| true);
    }

    fn end(&self, error: &Error, ends: impl Fn(Manner) -> bool) {
        let ended: Vec<Pending> = self
            .state()
            .pending
            .extract_if(|_, one| ends(one.manner))
            .map(|(_, one)| one)
            .collect();
        ended.into_iter().for_each(|one| one.end(error));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic holds the lock")
    }
}
