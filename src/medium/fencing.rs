//! What only the leader may do: the user's own commands, and the checkpoint. Media let it through while their register names the leader.

use std::fmt;
use std::sync::Arc;

/// Commands in one call.
pub const MAX_COMMANDS: usize = 1000;
/// Parts of one command: its name, and its arguments.
pub const MAX_PARTS: usize = 4096;
/// All of them together, each with [`PART_OVERHEAD`] for its frame.
pub const MAX_COMMANDS_BYTES: usize = 1 << 20;
pub const PART_OVERHEAD: usize = 16;
pub const MAX_CHECKPOINT_BYTES: usize = 64 << 10;

/// A command's name and its arguments.
pub type UserCommand = Vec<Vec<u8>>;

/// What the leader wants done in one step.
#[derive(Clone, Debug, Default)]
pub struct Work {
    pub commands: Vec<UserCommand>,
    /// JSON, left for whoever leads next once all commands are done.
    pub checkpoint: Option<Arc<str>>,
}

/// What came of something that only the leader may do.
#[derive(Clone, Debug, PartialEq)]
pub enum Fenced<T> {
    Done(T),
    /// The register names another, or nobody; nothing was done.
    NotLeader,
    /// The server is another one than before, and the leader has yet to assert itself there; nothing was done.
    Unconfirmed,
}

/// The replies, in order; or which command failed. Those before it were done, those behind it were not.
pub type Replies = Result<Vec<Data>, FailedCommand>;

/// What a command answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    Nothing,
    Number(i64),
    Bytes(Vec<u8>),
    /// Such as `OK`.
    Status(String),
    List(Vec<Data>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCommand {
    /// Counted from 1.
    pub number: usize,
    pub message: String,
}

/// Why commands are not sent at all, as a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    TooMuch(String),
    Nameless(String),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::TooMuch(text) | Self::Nameless(text)) = self;
        f.write_str(text)
    }
}

/// # Errors
/// [`Unfit`], for commands that are too many or too large, or that lack a name.
pub fn check(commands: &[UserCommand]) -> Result<(), Unfit> {
    if commands.len() > MAX_COMMANDS {
        let count = commands.len();
        return Err(Unfit::TooMuch(format!(
            "{count} commands are too many at once; at most {MAX_COMMANDS} are allowed"
        )));
    }
    let mut bytes = 0;
    for (command, number) in commands.iter().zip(1..) {
        if command.first().is_none_or(Vec::is_empty) {
            return Err(Unfit::Nameless(format!(
                "command {number} is empty; each command is a list that begins with its name, such as [\"SET\", \"key\", \"value\"]"
            )));
        }
        if command.len() > MAX_PARTS {
            let count = command.len();
            return Err(Unfit::TooMuch(format!(
                "command {number} has {count} parts; at most {MAX_PARTS} are allowed, its name among them"
            )));
        }
        bytes += command.iter().map(|part| part.len() + PART_OVERHEAD).sum::<usize>();
    }
    if bytes > MAX_COMMANDS_BYTES {
        return Err(Unfit::TooMuch(format!(
            "the commands are {bytes} bytes long, with {PART_OVERHEAD} added for each part; at most {MAX_COMMANDS_BYTES} are allowed"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(parts: usize, bytes: usize) -> UserCommand {
        vec![vec![b'x'; bytes]; parts]
    }

    #[test]
    fn what_is_within_the_limits_passes() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&vec![command(1, 4); MAX_COMMANDS]), Ok(()));
        assert_eq!(check(&[command(MAX_PARTS, 4)]), Ok(()));
        assert_eq!(check(&[command(1, MAX_COMMANDS_BYTES - PART_OVERHEAD)]), Ok(()));
    }

    #[test]
    fn what_is_beyond_them_is_told_with_the_limit() {
        for (commands, limit) in [
            (vec![command(1, 4); MAX_COMMANDS + 1], "1000"),
            (vec![command(MAX_PARTS + 1, 4)], "4096"),
            (vec![command(1, MAX_COMMANDS_BYTES - PART_OVERHEAD + 1)], "1048576"),
            (vec![command(2000, 1); 500], "1048576"),
        ] {
            let unfit = check(&commands).unwrap_err();
            assert!(matches!(&unfit, Unfit::TooMuch(text) if text.contains(limit)), "{unfit}");
        }
    }

    #[test]
    fn a_command_without_a_name_is_told_by_its_number() {
        for nameless in [vec![], vec![vec![]]] {
            let unfit = check(&[command(1, 4), nameless]).unwrap_err();
            assert!(
                matches!(&unfit, Unfit::Nameless(text) if text.contains("command 2")),
                "{unfit}"
            );
        }
    }
}
