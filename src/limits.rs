//! What users give is held to its limits here, whichever language they speak: what a receiver would drop is refused at the sender.

use std::sync::Arc;

use crate::error::{Error, ErrorCode};
use crate::medium::fencing::MAX_CHECKPOINT_BYTES;
use crate::wire::{self, Format, MAX_DEPTH, MAX_MESSAGE_BYTES, MAX_NAME_BYTES, depth, is_too_deep};

/// # Errors
/// `ERR_LIMIT_EXCEEDED`, when it is nested too deep.
pub fn check_depth(what: &str, json: &[u8]) -> Result<(), Error> {
    if !is_too_deep(json) {
        return Ok(());
    }
    let depth = depth(json);
    let text = format!("{what} is nested {depth} levels deep; at most {MAX_DEPTH} are allowed");
    Err(Error::new(ErrorCode::LimitExceeded, text))
}

/// # Errors
/// `ERR_LIMIT_EXCEEDED`, when nobody can have that id.
pub fn check_id(id: &str) -> Result<(), Error> {
    if id.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    let length = id.len();
    let text = format!("the id is {length} bytes long; at most {MAX_NAME_BYTES} are allowed");
    Err(Error::new(ErrorCode::LimitExceeded, text))
}

/// # Errors
/// `ERR_LIMIT_EXCEEDED`, when it is too long, or nested too deep.
pub fn check_message(format: Format, body: &[u8]) -> Result<(), Error> {
    if body.len() > MAX_MESSAGE_BYTES {
        let size = body.len();
        let text =
            format!("the message is {size} bytes long; at most {MAX_MESSAGE_BYTES} are allowed");
        return Err(Error::new(ErrorCode::LimitExceeded, text));
    }
    if format == Format::Json { check_depth("the message", body) } else { Ok(()) }
}

/// # Errors
/// `ERR_LIMIT_EXCEEDED`, when it is too long, or nested too deep; `ERR_INVALID_ARGUMENT`, when it is no JSON.
pub fn check_checkpoint(json: &str) -> Result<Arc<str>, Error> {
    if json.len() > MAX_CHECKPOINT_BYTES {
        let size = json.len();
        let text = format!(
            "the checkpoint is {size} bytes long as JSON; at most {MAX_CHECKPOINT_BYTES} are allowed"
        );
        return Err(Error::new(ErrorCode::LimitExceeded, text));
    }
    check_depth("the checkpoint", json.as_bytes())?;
    if !wire::is_sound_json(json) {
        return Err(Error::new(ErrorCode::InvalidArgument, "the checkpoint is no JSON value"));
    }
    Ok(json.into())
}
