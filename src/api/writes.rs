//! What only the leader may write, and what Redis answers.

use std::sync::Arc;

use serde::Serialize;

use crate::driver::Question;
use crate::election::Term;
use crate::error::{Error, ErrorCode};
use crate::limits::check_checkpoint;
use crate::medium::fencing::{Data, UserCommand, Work, check};

/// Commands for Redis that are run in one step, if this instance still holds the leadership; for [`Reign::fenced`](crate::Reign::fenced).
///
/// ```
/// use incumbent::Writes;
///
/// let writes = Writes::new()
///     .command(["LPUSH", "jobs", "a"])
///     .command([b"SET".as_slice(), b"picture", &[0xff, 0xd8]])
///     .checkpoint(&42);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Writes {
    commands: Vec<UserCommand>,
    checkpoint: Option<Result<Arc<str>, Error>>,
}

impl Writes {
    /// Without a command.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more command: its name, and its arguments. At most 1000 commands, 4096 arguments in one, 1 MiB in all, where each argument counts 16 bytes more than
    /// it has.
    pub fn command(mut self, parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        self.commands.push(parts.into_iter().map(|part| part.as_ref().to_vec()).collect());
        self
    }

    /// A value that is left to the next leader in the same step, after the commands. At most 65536 bytes as JSON.
    pub fn checkpoint(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        self.checkpoint = Some(encode(value));
        self
    }

    pub(super) fn question(self, term: Option<u64>) -> Result<Question, Error> {
        let Self { commands, checkpoint } = self;
        if commands.is_empty() && checkpoint.is_none() {
            let text = "fenced() takes commands such as [\"LPUSH\", \"jobs\", \"a\"]; got none";
            return Err(Error::new(ErrorCode::InvalidArgument, text));
        }
        check(&commands)?;
        let work = Work { commands, checkpoint: checkpoint.transpose()? };
        Ok(Question::Fenced { work, term: term.map(Term), as_bytes: true })
    }
}

pub(super) fn encode(value: &(impl Serialize + ?Sized)) -> Result<Arc<str>, Error> {
    let json = serde_json::to_string(value).map_err(|cause| {
        let text = format!("the checkpoint must be serializable as JSON: {cause}");
        Error::new(ErrorCode::InvalidArgument, text)
    })?;
    check_checkpoint(&json)
}

/// What a command has answered: what a script sees of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// There is nothing, such as the value of a key that does not exist.
    Nil,
    /// A number.
    Integer(i64),
    /// Bytes, often of a text.
    Bytes(Vec<u8>),
    /// Such as `OK`.
    Status(String),
    /// Several.
    List(Vec<Reply>),
}

impl Reply {
    /// The text, where it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            Self::Status(text) => Some(text),
            _ => None,
        }
    }

    /// The number, where it is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

#[doc(hidden)]
impl From<Data> for Reply {
    fn from(data: Data) -> Self {
        match data {
            Data::Nothing => Self::Nil,
            Data::Number(number) => Self::Integer(number),
            Data::Bytes(bytes) => Self::Bytes(bytes),
            Data::Status(text) => Self::Status(text),
            Data::List(list) => Self::List(list.into_iter().map(Self::from).collect()),
        }
    }
}
