//! What a driver tells its process, and where it puts it.

use std::future::Future;
use std::time::Duration;

use crate::election::{Checkpoint, InstanceId, Loss, Role, Term};
use crate::medium::fencing::Data;
use crate::medium::{Channel, MediumError};
use crate::messaging::SenderRole;
use crate::wire::{Format, InstanceRecord};

/// Told in order. One run begins with its first output and ends with `Stopped`.
#[derive(Debug)]
pub enum Output {
    /// A leader is known, the subscriptions stand, and this instance is listed.
    Started,
    /// The last of a run.
    Stopped,
    /// `Follower`, `Candidate` or `Leader`.
    RoleChanged(Role),
    /// This instance leads, and is subscribed to what is sent to the leader.
    Elected {
        term: Term,
        /// What an earlier leader left.
        checkpoint: Option<Checkpoint>,
    },
    /// The leader of `term` gives up, and waits for its work. Told before the loss.
    Draining {
        term: Term,
        reason: Loss,
    },
    Defeated {
        leader: Option<InstanceId>,
        reason: Loss,
        /// Of the reign that is lost; `None` for a candidate that never led.
        term: Option<Term>,
    },
    /// The work of the leader of `term` was waited for in vain: its lease runs out.
    Overrun {
        term: Term,
        after: Duration,
    },
    /// A leadership that was given up is released, or has lapsed; or there was none to give up.
    Released,
    /// A broken connection stands again.
    Reconnected,
    /// The process answers again, after so long.
    Stall(Duration),
    LeaderChanged {
        leader: Option<InstanceId>,
        term: Term,
    },
    /// The last instance of the library that is moved away from has left.
    LegacyGone,
    Joined(InstanceView),
    Left(InstanceView),
    Message(Message),
    /// `missed` messages of this sender on this channel were lost.
    Gap {
        from: InstanceId,
        channel: Channel,
        missed: u64,
    },
    /// Something failed, and goes on being tried.
    Error(Failure),
    /// Something to know once.
    Warning(Failure),
    /// For debugging; only told when asked for.
    Debug(String),
    /// The answer to a [`super::Question`].
    Answer {
        question: u64,
        answer: Result<Answer, Failure>,
    },
    /// All messages up to this number went out, but for those told as `Unsent` before.
    Sent {
        up_to: u64,
    },
    Unsent {
        from: u64,
        up_to: u64,
        failure: Failure,
    },
}

#[derive(Debug)]
pub enum Answer {
    Done,
    Instances(Vec<InstanceView>),
    Leader(Option<InstanceView>),
    /// Who leads after a transfer.
    Successor(InstanceId),
    /// Of the user's commands, in order; `as_bytes` tells how they are wanted.
    Replies {
        replies: Vec<Data>,
        as_bytes: bool,
    },
    Checkpoint(Option<Checkpoint>),
}

/// An instance and its role, as far as this one knows.
#[derive(Clone, Debug)]
pub struct InstanceView {
    pub record: InstanceRecord,
    pub role: Role,
}

/// One message, or several of [`Format::Lines`].
#[derive(Debug)]
pub struct Message {
    pub from: InstanceId,
    pub role: Option<SenderRole>,
    pub channel: Channel,
    pub format: Format,
    /// The envelope and the body; the body begins at `body_at`.
    pub payload: Vec<u8>,
    pub body_at: usize,
}

impl Message {
    pub fn body(&self) -> &[u8] {
        &self.payload[self.body_at..]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Medium(MediumError),
    /// The run ends, or has not begun.
    Stopped,
    /// What only the leader may do was asked of one that does not lead.
    NotLeader(String),
    DrainTimeout(String),
    /// What was asked for cannot be.
    Unfit(String),
    /// A defect: the driver panicked.
    Panicked,
    /// An answer took longer than the renewal interval.
    RoundTripTooLong(String),
    UnequalLease(String),
    /// A message was dropped.
    Unauthenticated(String),
    /// Of the move from another library.
    Migration(String),
    Advice(String),
}

impl From<MediumError> for Failure {
    fn from(error: MediumError) -> Self {
        Self::Medium(error)
    }
}

/// Where outputs go: to JavaScript's event loop, or to a channel.
pub trait Sink: Send + Sync + 'static {
    /// Adds to what is to be told. The consumer need not hear of it before `flush`.
    fn append(&self, output: Output);

    /// Has the consumer told what was appended.
    fn flush(&self) {}

    fn put(&self, output: Output) {
        self.append(output);
        self.flush();
    }

    /// Whether messages may be put. While not, they wait in the mailbox, which is bounded.
    fn has_room(&self) -> bool {
        true
    }

    /// Resolves when there may be room again; never, where there always is.
    fn room(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Whether nobody can be told anything any more, so that the run had better end.
    fn is_closed(&self) -> bool {
        false
    }

    /// Asks the consumer for a sign of life.
    fn probe(&self) {}

    /// Whether the last probe is still without its sign of life.
    fn is_probe_pending(&self) -> bool {
        false
    }
}
