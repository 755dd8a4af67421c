//! Messages, as they are given and as they come in.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::driver;
use crate::error::{Error, ErrorCode};
use crate::messaging;
use crate::wire::{self, Format};

/// A message that has come in. Clones share its bytes.
#[derive(Clone)]
pub struct Message {
    from: Arc<str>,
    role: Option<SenderRole>,
    channel: Channel,
    format: Format,
    payload: Arc<Vec<u8>>,
    body: Range<usize>,
}

/// What the sender of a message was when it sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SenderRole {
    /// It led.
    Leader,
    /// It did not.
    Follower,
}

/// To whom messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Channel {
    /// To all.
    All,
    /// To the leader.
    Leader,
    /// To those that do not lead.
    Followers,
    /// To this instance.
    Instance,
}

impl Message {
    /// One output can carry several messages of a sender.
    pub(super) fn all_of(message: driver::Message) -> Vec<Self> {
        let driver::Message { from, role, channel, format, payload, body_at } = message;
        let whole = body_at..payload.len();
        let bodies = match format {
            Format::Lines => {
                let body = std::str::from_utf8(&payload[whole]).expect("checked when it came in");
                let mut at = body_at;
                wire::lines(body)
                    .map(|line| {
                        let range = at..at + line.len();
                        // The end of the line.
                        at = range.end + 1;
                        range
                    })
                    .collect()
            }
            _ => vec![whole],
        };
        let (from, payload) = (Arc::<str>::from(from.as_str()), Arc::new(payload));
        let role = role.map(|role| match role {
            messaging::SenderRole::Leader => SenderRole::Leader,
            messaging::SenderRole::Follower => SenderRole::Follower,
        });
        let channel = channel.into();
        bodies
            .into_iter()
            .map(|body| Self {
                from: from.clone(),
                role,
                channel,
                format,
                payload: payload.clone(),
                body,
            })
            .collect()
    }

    /// The id of the sender.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// `Leader` for a message of the leader. `Follower` for one of a follower that was sent to the leader or to this instance alone, while this instance leads.
    /// These are the events `message:from:leader` and `message:from:follower` of the npm package.
    #[must_use]
    pub fn sender_role(&self) -> Option<SenderRole> {
        self.role
    }

    /// To whom it was sent.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// The value that was sent. What JavaScript sends as `undefined` counts as `null`.
    ///
    /// # Errors
    /// `ERR_INVALID_MESSAGE`, when it is no `T`, or was sent as bytes.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let unfit = |reason: String| {
            let text = format!("the message of {} {reason}", self.from);
            Error::new(ErrorCode::InvalidMessage, text)
        };
        let body = match self.format {
            Format::Bytes => return Err(unfit("was sent as bytes, not as JSON".into())),
            Format::Undefined => b"null",
            Format::Json | Format::Lines => self.body(),
        };
        serde_json::from_slice(body).map_err(|cause| unfit(format!("is of another form: {cause}")))
    }

    /// The bytes that were sent; `None` for a message in JSON.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        (self.format == Format::Bytes).then(|| self.body())
    }

    /// What it takes of the memory that messages have.
    pub(super) fn size(&self) -> usize {
        self.body.len()
    }

    fn body(&self) -> &[u8] {
        &self.payload[self.body.clone()]
    }
}

impl fmt::Debug for Message {
    /// Without its body, which is the users' own affair.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("from", &self.from)
            .field("sender_role", &self.role)
            .field("channel", &self.channel)
            .field("format", &self.format)
            .field("size", &self.size())
            .finish()
    }
}

#[doc(hidden)]
impl From<messaging::Channel> for Channel {
    fn from(channel: messaging::Channel) -> Self {
        match channel {
            messaging::Channel::All => Self::All,
            messaging::Channel::Leader => Self::Leader,
            messaging::Channel::Followers => Self::Followers,
            // No message comes on the others.
            messaging::Channel::Instance(_)
            | messaging::Channel::Election
            | messaging::Channel::Registry
            | messaging::Channel::Requests
            | messaging::Channel::Legacy(_) => Self::Instance,
        }
    }
}

/// Bytes, to be sent as they are and not as JSON. JavaScript gets a `Buffer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

/// What can be sent: a reference to any value that has a form in JSON, or [`Bytes`].
pub trait IntoMessage: sealed::Encode {}

impl<T: Serialize + ?Sized> IntoMessage for &T {}
impl IntoMessage for Bytes {}

pub(super) mod sealed {
    use super::{Bytes, Error, ErrorCode, Format, Serialize};

    pub trait Encode {
        fn encode(self) -> Result<(Format, Vec<u8>), Error>;
    }

    impl<T: Serialize + ?Sized> Encode for &T {
        fn encode(self) -> Result<(Format, Vec<u8>), Error> {
            let body = serde_json::to_vec(self).map_err(|cause| {
                let text = format!("the message must be serializable as JSON: {cause}");
                Error::new(ErrorCode::InvalidMessage, text)
            })?;
            Ok((Format::Json, body))
        }
    }

    impl Encode for Bytes {
        fn encode(self) -> Result<(Format, Vec<u8>), Error> {
            Ok((Format::Bytes, self.0))
        }
    }
}
