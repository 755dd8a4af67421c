//! The user's own commands, run in a script that looks first whether its caller still holds the register.
//!
//! A script has to name its keys beforehand. Where they stand in a command the server itself tells, once for each command's name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, Value};

use crate::medium::fencing::{Data, FailedCommand, Fenced, Replies, UserCommand};

/// Where the keys stand in the commands that were asked about, on one connection.
#[derive(Debug, Default)]
pub struct KeyFinder(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    connection: u64,
    places: HashMap<Vec<u8>, Places>,
}

/// Names may be anything that a user gives.
const MAX_KNOWN: usize = 512;

/// Where the keys of a command stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    Nowhere,
    /// From the first to the last, which is counted from the end where it is negative.
    At {
        first: usize,
        last: i64,
        step: usize,
    },
    /// Only the server can tell, for each command.
    Asked,
}

impl KeyFinder {
    /// The keys that `commands` name, each once. `number` is that of the connection.
    pub async fn find(
        self: Arc<Self>,
        number: u64,
        mut connection: MultiplexedConnection,
        commands: Arc<Vec<UserCommand>>,
    ) -> Result<Vec<Vec<u8>>, RedisError> {
        let unknown = self.unknown(number, &commands);
        if !unknown.is_empty() {
            let mut question = redis::cmd("COMMAND");
            question.arg("INFO").arg(&unknown);
            let answer = send(&mut connection, &question).await?;
            self.learn(number, unknown, &answer);
        }
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for command in commands.iter() {
            match self.places(&command[0]) {
                Places::Nowhere => {}
                Places::At { first, last, step } => {
                    keys.extend(keys_at(command, first, last, step).cloned());
                }
                Places::Asked => keys.extend(ask_for_keys(&mut connection, command).await?),
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    fn unknown(&self, number: u64, commands: &[UserCommand]) -> Vec<Vec<u8>> {
        let mut known = self.known();
        if known.connection != number || known.places.len() > MAX_KNOWN {
            *known = Known { connection: number, ..Known::default() };
        }
        let names = commands.iter().map(|command| command[0].to_ascii_lowercase());
        let mut unknown: Vec<_> = names.filter(|name| !known.places.contains_key(name)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    fn learn(&self, number: u64, names: Vec<Vec<u8>>, answer: &Value) {
        let Value::Array(descriptions) = answer else { return };
        let mut known = self.known();
        if known.connection == number {
            known.places.extend(names.into_iter().zip(descriptions.iter().map(Places::described)));
        }
    }

    fn places(&self, name: &[u8]) -> Places {
        // It may be forgotten by now, for the sake of another connection.
        self.known().places.get(&name.to_ascii_lowercase()).copied().unwrap_or(Places::Asked)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("no panic holds the lock")
    }
}

impl Places {
    /// What `COMMAND INFO` says of one command: name, arity, flags, first key, last key, step; and since Redis 7, at the end, its subcommands.
    pub fn described(description: &Value) -> Self {
        // An unknown command has no keys; the script will say that it is unknown.
        let Value::Array(parts) = description else { return Self::Nowhere };
        let number = |index: usize| match parts.get(index) {
            Some(Value::Int(number)) => *number,
            _ => 0,
        };
        let has_movable_keys = match parts.get(2) {
            Some(Value::Array(flags) | Value::Set(flags)) => flags.iter().any(is_movable),
            _ => false,
        };
        let has_subcommands = matches!(parts.get(9), Some(Value::Array(all)) if !all.is_empty());
        if has_movable_keys || has_subcommands {
            return Self::Asked;
        }
        match (usize::try_from(number(3)), usize::try_from(number(5))) {
            (Ok(first @ 1..), Ok(step @ 1..)) => Self::At { first, last: number(4), step },
            _ => Self::Nowhere,
        }
    }
}

fn is_movable(flag: &Value) -> bool {
    match flag {
        Value::SimpleString(flag) => flag == "movablekeys",
        Value::BulkString(flag) => flag == b"movablekeys",
        _ => false,
    }
}

fn keys_at(
    command: &UserCommand,
    first: usize,
    last: i64,
    step: usize,
) -> impl Iterator<Item = &Vec<u8>> {
    let count = command.len() as i64;
    let last = if last < 0 { count + last } else { last.min(count - 1) };
    let end = usize::try_from(last + 1).unwrap_or(0);
    command.iter().take(end).skip(first).step_by(step)
}

/// A command without keys, or one that is not as it should be, has none; the script will say what is wrong with it.
async fn ask_for_keys(
    connection: &mut MultiplexedConnection,
    command: &UserCommand,
) -> Result<Vec<Vec<u8>>, RedisError> {
    let mut question = redis::cmd("COMMAND");
    question.arg("GETKEYS").arg(command);
    match send(connection, &question).await {
        Ok(Value::Array(keys)) => Ok(keys.into_iter().filter_map(bytes_of).collect()),
        Ok(_) => Ok(Vec::new()),
        Err(error) if is_about_the_command(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn is_about_the_command(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_)) && error.code().is_none_or(|code| code == "ERR")
}

async fn send(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<Value, RedisError> {
    match connection.send_packed_command(command).await? {
        Value::ServerError(error) => Err(error.into()),
        answer => Ok(answer),
    }
}

fn bytes_of(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

/// What a script answers that only the leader may run: what came of its fence, and the parts behind that.
pub fn read_fence(answer: Value) -> Option<Fenced<std::vec::IntoIter<Value>>> {
    let Value::Array(parts) = answer else { return None };
    let mut parts = parts.into_iter();
    let verdict = parts.next().and_then(bytes_of)?;
    match verdict.as_slice() {
        b"0" => Some(Fenced::NotLeader),
        b"2" => Some(Fenced::Unconfirmed),
        b"1" => Some(Fenced::Done(parts)),
        _ => None,
    }
}

/// The answer of `fenced.lua`.
pub fn read_replies(answer: Value) -> Option<Fenced<Replies>> {
    if let Some(failed) = read_failure(&answer) {
        return Some(Fenced::Done(Err(failed)));
    }
    Some(match read_fence(answer)? {
        Fenced::Done(parts) => Fenced::Done(Ok(parts.map(data_of).collect())),
        Fenced::NotLeader => Fenced::NotLeader,
        Fenced::Unconfirmed => Fenced::Unconfirmed,
    })
}

fn read_failure(answer: &Value) -> Option<FailedCommand> {
    let Value::Array(parts) = answer else { return None };
    let [Value::BulkString(verdict), Value::BulkString(number), Value::BulkString(error)] =
        parts.as_slice()
    else {
        return None;
    };
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    let error = String::from_utf8_lossy(error);
    // Where in the script it arose is of no use to the user.
    let message = error.split(" script: ").next().unwrap_or_default().trim().to_owned();
    (verdict == b"3").then_some(FailedCommand { number, message })
}

fn data_of(value: Value) -> Data {
    match value {
        Value::Int(number) => Data::Number(number),
        Value::BulkString(bytes) => Data::Bytes(bytes),
        Value::SimpleString(text) => Data::Status(text),
        Value::Okay => Data::Status("OK".to_owned()),
        Value::Array(values) => Data::List(values.into_iter().map(data_of).collect()),
        // A script has no other types to answer with.
        _ => Data::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(words: &str, first: usize, last: i64, step: usize) -> String {
        let command = words.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let keys = keys_at(&command, first, last, step);
        let keys: Vec<_> = keys.map(|key| String::from_utf8_lossy(key).into_owned()).collect();
        keys.join(" ")
    }

    #[test]
    fn keys_stand_where_the_server_says() {
        assert_eq!(keys("get a", 1, 1, 1), "a");
        assert_eq!(keys("mset a 1 b 2", 1, -1, 2), "a b");
        assert_eq!(keys("del a b c", 1, -1, 1), "a b c");
        assert_eq!(keys("blpop a b 1", 1, -2, 1), "a b");
        assert_eq!(keys("rename a b", 1, 2, 1), "a b");
    }

    #[test]
    fn a_command_that_lacks_its_keys_has_none() {
        assert_eq!(keys("get", 1, 1, 1), "");
        assert_eq!(keys("rename a", 1, 2, 1), "a");
        assert_eq!(keys("blpop", 1, -2, 1), "");
    }
}
