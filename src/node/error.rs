//! Errors as JavaScript sees them: a code and a sentence.

use crate::error::{Error, ErrorCode};

pub use crate::error::ErrorCode as Code;

/// An error whose `code` is one of those that index.d.ts documents.
pub type CodedError = napi::Error<Code>;

/// What napi itself reports, such as an argument of the wrong type from a caller other than index.js.
impl From<napi::Status> for ErrorCode {
    fn from(_: napi::Status) -> Self {
        Self::Internal
    }
}

pub fn error(code: Code, message: impl ToString) -> CodedError {
    CodedError::new(code, message.to_string())
}

pub fn coded(cause: impl Into<Error>) -> CodedError {
    let cause = cause.into();
    error(cause.code(), cause.message())
}
