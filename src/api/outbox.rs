//! The messages of one run whose fate is not known yet. They are numbered from 1 in the order of sending, and the driver answers with ranges of numbers.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::error::{Error, ErrorCode};

type Fate = Result<(), Error>;

/// Resolves when Redis has taken the message, whether or not anybody receives it.
///
/// The message was queued when this was made, in the order of the calls, and goes out whether or not this is awaited.
#[derive(Debug)]
pub struct Sent(State);

#[derive(Debug)]
enum State {
    Waiting(oneshot::Receiver<Fate>),
    /// It was not even queued.
    Refused(Option<Error>),
}

impl Sent {
    pub(super) fn refused(error: Error) -> Self {
        Self(State::Refused(Some(error)))
    }
}

impl Future for Sent {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Waiting(fate) => Pin::new(fate).poll(context).map(|fate| {
                fate.unwrap_or_else(|_| {
                    Err(Error::new(ErrorCode::Stopped, "the candidate stopped"))
                })
            }),
            State::Refused(error) => {
                Poll::Ready(Err(error.take().expect("it is not polled after it has resolved")))
            }
        }
    }
}

#[derive(Debug, Default)]
pub struct Outbox {
    /// By number; `None` once it was told.
    waiting: VecDeque<Option<oneshot::Sender<Fate>>>,
    /// How many were before these.
    settled: u64,
}

impl Outbox {
    /// The next one.
    pub fn add(&mut self) -> Sent {
        let (sender, fate) = oneshot::channel();
        self.waiting.push_back(Some(sender));
        Sent(State::Waiting(fate))
    }

    /// All up to this number went out, but for those that were told before.
    pub fn sent(&mut self, up_to: u64) {
        while self.settled < up_to {
            let Some(sender) = self.waiting.pop_front() else { return };
            self.settled += 1;
            if let Some(sender) = sender {
                // Not everybody waits.
                let _ = sender.send(Ok(()));
            }
        }
    }

    /// Those numbered `from` to `up_to`, both included, did not. Earlier ones may still be under way.
    pub fn unsent(&mut self, from: u64, up_to: u64, error: &Error) {
        for number in from.max(self.settled + 1)..=up_to {
            let at = (number - self.settled - 1) as usize;
            if let Some(sender) = self.waiting.get_mut(at).and_then(Option::take) {
                let _ = sender.send(Err(error.clone()));
            }
        }
    }

    /// Nothing more will be told.
    pub fn close(&mut self, error: &Error) {
        for sender in self.waiting.drain(..).flatten() {
            let _ = sender.send(Err(error.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn failed() -> Error {
        Error::new(ErrorCode::RedisUnreachable, "gone")
    }

    fn fates(sent: Vec<Sent>) -> Vec<Option<bool>> {
        sent.into_iter().map(|one| one.now_or_never().map(|fate| fate.is_ok())).collect()
    }

    #[test]
    fn each_message_is_told_its_own_fate() {
        let mut outbox = Outbox::default();
        let sent: Vec<Sent> = (0..6).map(|_| outbox.add()).collect();
        outbox.sent(1);
        outbox.unsent(3, 4, &failed());
        outbox.sent(5);
        assert_eq!(
            fates(sent),
            [Some(true), Some(true), Some(false), Some(false), Some(true), None]
        );
    }

    #[test]
    fn what_is_left_at_the_end_was_not_sent() {
        let mut outbox = Outbox::default();
        let sent: Vec<Sent> = (0..2).map(|_| outbox.add()).collect();
        outbox.unsent(2, 9, &failed());
        outbox.close(&failed());
        assert_eq!(fates(sent), [Some(false), Some(false)]);
    }
}
