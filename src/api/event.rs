//! What a candidate tells its service.

use super::instance::{Instance, State};
use super::message::{Channel, Message};
use super::reign::{LossReason, Reign};
use crate::error::Error;

/// What happened, in order. The events are those of the npm package.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// This instance has become the leader, and is subscribed to what is sent to the leader.
    Elected(Reign),
    /// This instance was leader and no longer is, or was candidate and another one won. Comes before [`StateChanged`](Self::StateChanged).
    #[non_exhaustive]
    Defeated {
        /// The id of the new leader, where it is known.
        leader: Option<String>,
        /// The term that is over; `None` for a candidate that never led.
        term: Option<u64>,
        /// Why; `None` for a candidate that never led.
        reason: Option<LossReason>,
    },
    /// [`Candidate::state`](crate::Candidate::state) has changed. For a new leader it comes after [`Elected`](Self::Elected).
    StateChanged(State),
    /// Another leader, this instance included, has become known; or none is known any more.
    #[non_exhaustive]
    LeaderChanged {
        /// Its id.
        leader: Option<String>,
        /// Its term, or that of the leader that is gone.
        term: u64,
    },
    /// Another instance of the kind has started.
    Joined(Instance),
    /// Another instance has stopped, or has been silent for 2 seconds.
    Left(Instance),
    /// A message has come in. A sender's own messages do not come back to it.
    Message(Message),
    /// Messages of one sender were lost, as a rule while the connection to Redis was.
    Gap(Gap),
    /// A broken connection to Redis stands again.
    Reconnected,
    /// Redis was lost or refused something: once when it happens and again for each attempt that fails. The candidate goes on trying. Also with
    /// `ERR_DRAIN_TIMEOUT` or `ERR_LEAD_FAILED`, where nobody waits to be told.
    Error(Error),
    /// Something to know and to mend once; its code begins with `WARN_`.
    Warning(Error),
    /// This stream was not read in time, so that here that many events were left out: messages, gaps, errors and warnings, and what later events outdated. See
    /// [`Events`](crate::Events).
    Lagged(u64),
}

/// Messages that were sent and did not come in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The id of the sender.
    pub from: String,
    /// To whom they were sent.
    pub channel: Channel,
    /// How many there were.
    pub missed: u64,
}
