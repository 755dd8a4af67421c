//! What carries an election, a registry and messages: [`Medium`]. It speaks of records, terms and observations, so that other
//! media than Redis fit behind it.
//!
//! ```text
//!   driver --execute, enroll, publish, subscribe--> Medium --> (Redis | memory)
//!   driver <------------- Mailbox: Notice --------- Medium <-- (Redis | memory)
//! ```

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use self::fencing::{Fenced, Replies, Work};
use self::legacy::{LegacyAnswer, LegacyCall};
use crate::election::{Checkpoint, Command, Holder, Reply, Term};

pub use crate::membership::{
    Change, InstanceRecord, Members, RegistryChange, Roster, SILENCE_LIMIT,
};
pub use crate::messaging::Channel;

#[cfg(test)]
pub mod conformance;
pub mod fencing;
pub mod legacy;
mod mailbox;
pub mod memory;
pub mod redis;

pub use mailbox::{Mailbox, MailboxSender, mailbox};

/// One candidate's way to its kind. Opened for one kind and one instance; closed by dropping it.
///
/// - Every call settles within a timeout of the medium's own, whatever the network does.
/// - Nothing is sent twice, and nothing waits for a reconnect: with no connection, a call fails at once.
/// - An answer counts only if it came on the connection that carried its command. A medium that cannot tell drops it.
/// - What happens outside a call comes as a [`Notice`] through the [`Mailbox`] given at opening.
pub trait Medium: Send + Sync + 'static {
    /// Applies one command to the register. Commands are handed over in the order of the first polls of their futures.
    fn execute(&self, command: Command) -> impl Future<Output = Result<Reply, MediumError>> + Send;

    /// Enters, or replaces, this instance's record in the registry, and announces it. Counts as a refresh.
    fn enroll(
        &self,
        record: &InstanceRecord,
    ) -> impl Future<Output = Result<Enrolment, MediumError>> + Send;

    /// Says that this instance lives, and sweeps those that have not said so for [`SILENCE_LIMIT`] by the medium's own clock.
    fn refresh(&self) -> impl Future<Output = Result<Enrolment, MediumError>> + Send;

    /// Takes this instance's record out of the registry, and announces it.
    fn withdraw(&self) -> impl Future<Output = Result<(), MediumError>> + Send;

    /// All instances, and the register, read in one step that began after the call.
    fn roster(&self) -> impl Future<Output = Result<Arc<Roster>, MediumError>> + Send;

    /// Runs the user's commands where the medium's data are, one after the other and nothing in between, if the register names `holder` with
    /// `term`; then leaves the checkpoint among them. The first command that fails is the last, and nothing is left then.
    fn run_fenced(
        &self,
        holder: &Holder,
        term: Term,
        work: Work,
    ) -> impl Future<Output = Result<Fenced<Replies>, MediumError>> + Send;

    /// Leaves `checkpoint` for whoever leads next, likewise.
    fn set_checkpoint(
        &self,
        holder: &Holder,
        checkpoint: Checkpoint,
    ) -> impl Future<Output = Result<Fenced<()>, MediumError>> + Send;

    /// What was left last.
    fn checkpoint(&self) -> impl Future<Output = Result<Option<Checkpoint>, MediumError>> + Send;

    /// Reads or writes the records of another library's instances, beside which a fleet is moved.
    fn legacy(
        &self,
        call: LegacyCall,
    ) -> impl Future<Output = Result<LegacyAnswer, MediumError>> + Send {
        let _ = call;
        let message = "there are no instances of another library where this medium is";
        std::future::ready(Err(MediumError::new(MediumErrorKind::Unfit, message)))
    }

    /// Publishes in order. When it fails, any part of the batch may have gone out.
    fn publish(
        &self,
        batch: Vec<(Channel, Vec<u8>)>,
    ) -> impl Future<Output = Result<(), MediumError>> + Send;

    /// Wants what is published on the channels, from now until `unsubscribe`: over every reconnect, which
    /// [`Notice::Subscribed`] tells. Resolves when the subscription stands; after an error the channels are wanted all the same.
    fn subscribe(
        &self,
        channels: Vec<Channel>,
    ) -> impl Future<Output = Result<(), MediumError>> + Send;

    fn unsubscribe(&self, channel: Channel);

    /// The full name of a channel: the same for all instances of the kind, and another for every other channel of the medium.
    fn channel_name(&self, channel: &Channel) -> String;

    /// An equal list, of which there may be one for all candidates of the kind in this process.
    fn common(&self, members: Members) -> Members {
        members
    }

    /// By how much a wake-up may be late. Where many candidates share the medium, they wake in step: at multiples of this, by the clock.
    fn slack(&self) -> Duration {
        Duration::ZERO
    }
}

/// The answer to `enroll` and `refresh`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The register, read in the same step: a node whose subscription is dead sees it all the same.
    pub register: Reply,
    /// The registry's number, raised at every change: whoever missed an announcement sees it by the gap.
    pub revision: u64,
    /// Whether this instance has a record. If not (the registry was lost, or it was swept), it is to enroll again.
    pub is_enrolled: bool,
}

/// What a medium tells unasked.
#[derive(Clone, Debug)]
pub enum Notice {
    /// Commands pass, for the first time or again. Told also to whoever opens a medium that is connected already.
    Connected,
    /// Commands do not pass: the connection was lost, or an attempt to connect failed. Told at every attempt.
    Disconnected(MediumError),
    /// All wanted channels are subscribed (again) after a loss of the subscription; what was published meanwhile is lost.
    Subscribed,
    Unsubscribed(MediumError),
    /// An answer came after its command had timed out: the round trip that it took.
    Late(Duration),
    /// Something the owner should know once, such as a missing right; nothing failed.
    Advice(String),
    Announced(crate::election::Announcement),
    Registry(RegistryChange),
    /// What came on [`crate::messaging::LegacyChannel::Ballots`].
    Ballot(Vec<u8>),
    Message {
        channel: Channel,
        payload: Vec<u8>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediumError {
    pub kind: MediumErrorKind,
    /// One sentence for the user, without secrets.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediumErrorKind {
    /// No connection, or it broke, or it could not be made.
    Unreachable,
    /// The server refuses us: wrong password, missing right.
    Refused,
    /// Nobody told us as whom to come.
    NoCredentials,
    /// The server is older than the protocol needs.
    TooOld,
    /// The server is a replica.
    NotMaster,
    /// No answer in time.
    TimedOut,
    /// Any other error of the server.
    Failed,
    /// The caller asks for what the medium cannot do.
    Unfit,
}

impl MediumError {
    pub fn new(kind: MediumErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for MediumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MediumError {}
