//! Sending messages. They are queued by the call, so that they go out in the order of the calls, whatever becomes of the futures.

use super::candidate::Candidate;
use super::message::IntoMessage;
use super::outbox::Sent;
use crate::driver::Draft;
use crate::election::InstanceId;
use crate::limits::{check_id, check_message};
use crate::messaging::Addressee;

impl Candidate {
    /// Sends to all other instances: a reference to any value that has a form in JSON, or [`Bytes`](crate::Bytes); at most 1 MiB.
    ///
    /// The message is queued by this call, and arrives at most once, and in order among all messages of this sender. Await what this gives to know that Redis has taken
    /// it, whether or not anybody receives it. That fails with `ERR_NOT_STARTED`, `ERR_INVALID_MESSAGE`, `ERR_LIMIT_EXCEEDED`, `ERR_STOPPED`, or an error of Redis.
    pub fn message_all(&self, message: impl IntoMessage) -> Sent {
        self.send(Addressee::All, message)
    }

    /// Sends to the leader, as [`message_all`](Self::message_all) does to all. Resolves also when there is none, or when this instance leads.
    pub fn message_leader(&self, message: impl IntoMessage) -> Sent {
        self.send(Addressee::Leader, message)
    }

    /// Sends to all other instances that do not lead, as [`message_all`](Self::message_all) does to all.
    pub fn message_followers(&self, message: impl IntoMessage) -> Sent {
        self.send(Addressee::Followers, message)
    }

    /// Sends to one instance, as [`message_all`](Self::message_all) does to all. Resolves also for an id that nobody has.
    pub fn message_to(&self, id: &str, message: impl IntoMessage) -> Sent {
        match check_id(id) {
            Ok(()) => self.send(Addressee::Instance(InstanceId::new(id)), message),
            Err(error) => Sent::refused(error),
        }
    }

    fn send(&self, to: Addressee, message: impl IntoMessage) -> Sent {
        let sent = message.encode().and_then(|(format, body)| {
            check_message(format, &body)?;
            self.shared().send(Draft { to, format, body })
        });
        sent.unwrap_or_else(Sent::refused)
    }
}
