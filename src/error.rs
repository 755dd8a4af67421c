//! What goes wrong, as users see it in both languages: a code and a sentence.

use std::fmt;

use crate::driver::{Failure, Refusal};
use crate::medium::fencing::Unfit;
use crate::medium::{MediumError, MediumErrorKind};

/// Every error of this crate. Passwords appear in none of its parts.
///
/// Messages name options as JavaScript does, where `lease_ms` is `leaseMs`: all instances of a kind speak of the same thing, and logs of services in both
/// languages can be searched for one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: ErrorCode,
    message: String,
}

/// What went wrong, for programs. Each has the name that the npm package gives it, too; see [`ErrorCode::as_str`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `ERR_INVALID_OPTION`: an option breaks its rule. The message names the option and the rule.
    InvalidOption,
    /// `ERR_INVALID_ARGUMENT`: an argument of a method breaks its rule.
    InvalidArgument,
    /// `ERR_INVALID_MESSAGE`: a message has no form in JSON; or one that came in is of another form than was asked for.
    InvalidMessage,
    /// `ERR_LIMIT_EXCEEDED`: a message, meta, kind, id, checkpoint or list of commands is too large, or too many messages are waiting to be sent.
    LimitExceeded,
    /// `ERR_NOT_STARTED`: the method needs a started candidate, and this one was not started, or was stopped.
    NotStarted,
    /// `ERR_STOPPED`: the candidate was stopped before the answer had come.
    Stopped,
    /// `ERR_NOT_LEADER`: only the leader can do this, and this instance does not lead.
    NotLeader,
    /// `ERR_DRAIN_TIMEOUT`: what was given to `lead()` did not end within `drainMs`. Nothing was released: the others take over when the lease has run
    /// out.
    DrainTimeout,
    /// `ERR_REDIS_UNREACHABLE`: no connection to Redis could be made, or it broke, or no answer came in time.
    RedisUnreachable,
    /// `ERR_REDIS_REFUSED`: Redis refused: a wrong password, a missing right, or the certificate of the client.
    RedisRefused,
    /// `ERR_CREDENTIALS`: the function that gives the credentials failed, or did not answer within 10 seconds.
    Credentials,
    /// `ERR_REDIS_TOO_OLD`: the server is older than Redis 6.2.
    RedisTooOld,
    /// `ERR_REDIS_FAILED`: Redis answered with another error, such as OOM, READONLY, BUSY or MISCONF.
    RedisFailed,
    /// `ERR_ROUND_TRIP_TOO_LONG`: a round trip to Redis takes longer than `renewMs`; raise `leaseMs`.
    RoundTripTooLong,
    /// `ERR_NO_RUNTIME`, in Rust alone: there is no Tokio runtime to run on, or it lacks the timer or the I/O driver.
    NoRuntime,
    /// `ERR_LEAD_FAILED`, in Rust alone: what was given to `lead()` failed, and nobody waits to be told by its handle.
    LeadFailed,
    /// `ERR_INTERNAL`: a defect of this crate; please report it.
    Internal,
    /// `WARN_UNEQUAL_LEASE`, a warning: the instances of the kind differ in `leaseMs`.
    UnequalLease,
    /// `WARN_MESSAGE_DROPPED`, a warning: a message was not authenticated as `messageSecret` wants it.
    MessageDropped,
    /// `WARN_MIGRATION`, a warning of the npm package alone, which can move a fleet of node-raft-redis: its option `migrate` needs a look.
    Migration,
    /// `WARN_REDIS`, a warning: the server lost what must be kept, may evict it, or hides what must be read.
    Advice,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// What went wrong, for programs.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What went wrong, for people; it may change.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

impl ErrorCode {
    /// The code's name, the same as in JavaScript: `"ERR_NOT_LEADER"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidOption => "ERR_INVALID_OPTION",
            Self::InvalidArgument => "ERR_INVALID_ARGUMENT",
            Self::InvalidMessage => "ERR_INVALID_MESSAGE",
            Self::LimitExceeded => "ERR_LIMIT_EXCEEDED",
            Self::NotStarted => "ERR_NOT_STARTED",
            Self::Stopped => "ERR_STOPPED",
            Self::NotLeader => "ERR_NOT_LEADER",
            Self::DrainTimeout => "ERR_DRAIN_TIMEOUT",
            Self::RedisUnreachable => "ERR_REDIS_UNREACHABLE",
            Self::RedisRefused => "ERR_REDIS_REFUSED",
            Self::Credentials => "ERR_CREDENTIALS",
            Self::RedisTooOld => "ERR_REDIS_TOO_OLD",
            Self::RedisFailed => "ERR_REDIS_FAILED",
            Self::RoundTripTooLong => "ERR_ROUND_TRIP_TOO_LONG",
            Self::NoRuntime => "ERR_NO_RUNTIME",
            Self::LeadFailed => "ERR_LEAD_FAILED",
            Self::Internal => "ERR_INTERNAL",
            Self::UnequalLease => "WARN_UNEQUAL_LEASE",
            Self::MessageDropped => "WARN_MESSAGE_DROPPED",
            Self::Migration => "WARN_MIGRATION",
            Self::Advice => "WARN_REDIS",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for ErrorCode {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

#[doc(hidden)]
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Medium(error) => error.into(),
            Failure::Panicked => Self::new(
                ErrorCode::Internal,
                "a defect of Incumbent ended this run; please report it with the text on stderr",
            ),
            Failure::Stopped => Self::new(ErrorCode::Stopped, "the candidate is stopping"),
            Failure::NotLeader(text) => Self::new(ErrorCode::NotLeader, text),
            Failure::DrainTimeout(text) => Self::new(ErrorCode::DrainTimeout, text),
            Failure::Unfit(text) => Self::new(ErrorCode::InvalidArgument, text),
            Failure::RoundTripTooLong(text) => Self::new(ErrorCode::RoundTripTooLong, text),
            Failure::UnequalLease(text) => Self::new(ErrorCode::UnequalLease, text),
            Failure::Unauthenticated(text) => Self::new(ErrorCode::MessageDropped, text),
            Failure::Migration(text) => Self::new(ErrorCode::Migration, text),
            Failure::Advice(text) => Self::new(ErrorCode::Advice, text),
        }
    }
}

#[doc(hidden)]
impl From<MediumError> for Error {
    fn from(error: MediumError) -> Self {
        Self::new(error.kind.into(), error.message)
    }
}

#[doc(hidden)]
impl From<MediumErrorKind> for ErrorCode {
    fn from(kind: MediumErrorKind) -> Self {
        match kind {
            MediumErrorKind::Unreachable | MediumErrorKind::TimedOut => Self::RedisUnreachable,
            MediumErrorKind::Refused => Self::RedisRefused,
            MediumErrorKind::NoCredentials => Self::Credentials,
            MediumErrorKind::TooOld => Self::RedisTooOld,
            MediumErrorKind::Failed | MediumErrorKind::NotMaster => Self::RedisFailed,
            MediumErrorKind::Unfit => Self::InvalidArgument,
        }
    }
}

#[doc(hidden)]
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full => Self::new(
                ErrorCode::LimitExceeded,
                "too many messages wait to be sent; wait until earlier ones went out",
            ),
            Refusal::Closed => Self::new(ErrorCode::Stopped, "the candidate is stopping"),
        }
    }
}

#[doc(hidden)]
impl From<Unfit> for Error {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::TooMuch(text) => Self::new(ErrorCode::LimitExceeded, text),
            Unfit::Nameless(text) => Self::new(ErrorCode::InvalidArgument, text),
        }
    }
}
