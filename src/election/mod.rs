//! The election, pure: no tokio, no Redis, no napi, no clock and no randomness of its own.
//!
//! ```text
//!        handle_start handle_stop handle_reelect           handle_stalled handle_resumed
//!        handle_transfer handle_resign                     (the process does not answer, answers again)
//!        handle_drained handle_drain_overrun handle_admission
//!                       \                                 /
//!   handle_reply         \                               /        poll_event
//!   handle_failure  ----> +-----------------------------+ ------> Elected, Defeated, RoleChanged,
//!   handle_observation    |          Election           |         LeaderChanged, Draining, …
//!   handle_announcement   |                             |
//!   handle_connected ---> | Watch   what was seen, when | ------> poll_command
//!   handle_(un)subscribed | Reign   what was granted    |         peek, renew, take, release
//!                         | owed    what is to go       |
//!   now, at every call -> +-----------------------------+ ------> poll_timeout
//!                                      |
//!                                   Tenure  <---- is_valid(), from any thread
//! ```
//!
//! One kind has one *register*: `{ holder, term, beat, stamp, server, lease, heir, presence }`. It bears no expiry. The holder is sure of
//! itself for D after it *sent* its last granted renewal; the others take over, by compare-and-set, after they have *seen* the
//! register unchanged for L > D. So the only clock that counts is each node's own, and only for a duration. Where it is asked for, a
//! reign also ends with the connection that `presence` names, and the others may then take a moment after the server saw that end.
//!
//! Read `record.rs`, `command.rs`, `register.rs`, then `election.rs` from [`Election::poll_command`] on.

mod candidacy;
mod command;
#[allow(clippy::module_inception)]
mod election;
mod event;
mod record;
pub mod register;
mod tenure;
mod timing;
mod watch;

#[cfg(test)]
mod tests;

pub use candidacy::{Candidacy, Priority};
pub use command::{Announcement, Command, Reply, Request, RequestId, Seen, Shown};
pub use election::Election;
pub use event::{Event, Loss};
pub use record::{
    Checkpoint, Holder, Identity, InstanceId, Observation, Presence, Record, Role, Stamp, Term,
};
pub use register::Register;
pub use tenure::Tenure;
pub use timing::{CrashDetection, Instant, Timing, TimingError};
