//! Failures as JavaScript sees them: a code and a sentence.

use crate::driver::{Failure, Refusal};
use crate::medium::MediumErrorKind;

/// An error whose `code` is one of those that index.d.ts documents.
pub type CodedError = napi::Error<Code>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InvalidOption,
    InvalidArgument,
    LimitExceeded,
    NotLeader,
    DrainTimeout,
    NotStarted,
    Stopped,
    RedisUnreachable,
    RedisRefused,
    Credentials,
    RedisTooOld,
    RedisFailed,
    RoundTripTooLong,
    UnequalLease,
    Unauthenticated,
    Advice,
    Internal,
}

impl Code {
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidOption => "ERR_INVALID_OPTION",
            Self::InvalidArgument => "ERR_INVALID_ARGUMENT",
            Self::NotLeader => "ERR_NOT_LEADER",
            Self::DrainTimeout => "ERR_DRAIN_TIMEOUT",
            Self::LimitExceeded => "ERR_LIMIT_EXCEEDED",
            Self::NotStarted => "ERR_NOT_STARTED",
            Self::Stopped => "ERR_STOPPED",
            Self::RedisUnreachable => "ERR_REDIS_UNREACHABLE",
            Self::RedisRefused => "ERR_REDIS_REFUSED",
            Self::Credentials => "ERR_CREDENTIALS",
            Self::RedisTooOld => "ERR_REDIS_TOO_OLD",
            Self::RedisFailed => "ERR_REDIS_FAILED",
            Self::RoundTripTooLong => "ERR_ROUND_TRIP_TOO_LONG",
            Self::UnequalLease => "WARN_UNEQUAL_LEASE",
            Self::Unauthenticated => "WARN_MESSAGE_DROPPED",
            Self::Advice => "WARN_REDIS",
            Self::Internal => "ERR_INTERNAL",
        }
    }
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.name()
    }
}

/// What napi itself reports, such as an argument of the wrong type from a caller other than index.js.
impl From<napi::Status> for Code {
    fn from(_: napi::Status) -> Self {
        Self::Internal
    }
}

pub fn error(code: Code, message: impl ToString) -> CodedError {
    CodedError::new(code, message.to_string())
}

pub fn describe(failure: &Failure) -> (Code, String) {
    match failure {
        Failure::Medium(error) => {
            let code = match error.kind {
                MediumErrorKind::Unreachable | MediumErrorKind::TimedOut => Code::RedisUnreachable,
                MediumErrorKind::Refused => Code::RedisRefused,
                MediumErrorKind::NoCredentials => Code::Credentials,
                MediumErrorKind::TooOld => Code::RedisTooOld,
                MediumErrorKind::Failed | MediumErrorKind::NotMaster => Code::RedisFailed,
                MediumErrorKind::Unfit => Code::InvalidArgument,
            };
            (code, error.message.clone())
        }
        Failure::Panicked => (
            Code::Internal,
            "a defect of Incumbent ended this run; please report it with the text on stderr".into(),
        ),
        Failure::Stopped => (Code::Stopped, "the candidate is stopping".into()),
        Failure::NotLeader(text) => (Code::NotLeader, text.clone()),
        Failure::DrainTimeout(text) => (Code::DrainTimeout, text.clone()),
        Failure::Unfit(text) => (Code::InvalidArgument, text.clone()),
        Failure::RoundTripTooLong(text) => (Code::RoundTripTooLong, text.clone()),
        Failure::UnequalLease(text) => (Code::UnequalLease, text.clone()),
        Failure::Unauthenticated(text) => (Code::Unauthenticated, text.clone()),
        Failure::Advice(text) => (Code::Advice, text.clone()),
    }
}

pub fn of_refusal(refusal: Refusal) -> CodedError {
    match refusal {
        Refusal::Full => error(
            Code::LimitExceeded,
            "too many messages wait to be sent; await the promises of earlier ones",
        ),
        Refusal::Closed => error(Code::Stopped, "the candidate is stopping"),
    }
}
