//! What the scripts answer.

use std::borrow::Cow;
use std::time::Duration;

use redis::Value;

use crate::election::{
    Checkpoint, Holder, Identity, InstanceId, Observation, Presence, Record, Reply, Stamp, Term,
    Timing,
};
use crate::medium::fencing::MAX_CHECKPOINT_BYTES;
use crate::wire::is_sound_json;

/// A script's answer, not yet read. The order of the parts is that of `lua/prologue.lua`.
pub enum Answer {
    Parts(std::vec::IntoIter<Value>),
    /// One of a batch: the parts, with a space between two of them; and where the next one begins.
    Line(String, usize),
}

const LONGEST_LEASE_MS: u64 = Timing::MAX_LEASE.as_millis() as u64;

/// An instance's id and its record, as they are stored.
pub type Pair = (Vec<u8>, Vec<u8>);

/// An answer that is not what the scripts give.
#[derive(Debug)]
pub struct Unreadable;

impl Answer {
    pub fn new(value: Value) -> Result<Self, Unreadable> {
        match value {
            Value::Array(parts) => Ok(Self::Parts(parts.into_iter())),
            Value::BulkString(line) => {
                let line = String::from_utf8(line).map_err(|_| Unreadable)?;
                Ok(Self::Line(line, 0))
            }
            _ => Err(Unreadable),
        }
    }

    /// The register's part. `connection` names the identity of a server that does not tell its own.
    pub fn register(&mut self, connection: u64) -> Result<Reply, Unreadable> {
        let granted = self.flag()?;
        let missing = self.flag()?;
        let identity = match self.text()? {
            id if id.is_empty() => Identity::Connection(connection),
            id => Identity::server(&id),
        };
        let record = Record {
            holder: Holder::parse(&self.text()?),
            term: Term(self.number_below(Term::LIMIT.0)?),
            beat: self.number_below(Term::LIMIT.0)?,
            stamp: Stamp::parse(&self.text()?),
            server: (&*self.text()?).into(),
            lease: Duration::from_millis(self.number_below(LONGEST_LEASE_MS + 1)?),
            heir: Some(self.text()?).filter(|id| !id.is_empty()).map(|id| InstanceId::new(&*id)),
            presence: Presence::parse(&self.text()?),
        };
        let is_present = match &*self.text()? {
            "1" => Some(true),
            "0" => Some(false),
            _ => None,
        };
        let shown = Observation { record, identity };
        Ok(Reply { granted, missing, shown, is_present, checkpoint: None })
    }

    /// What comes behind the register's part where a leader's checkpoint was read; `None` where there is none, or none that can be read.
    pub fn checkpoint(&mut self) -> Result<Option<Checkpoint>, Unreadable> {
        let term = self.text()?;
        if term.is_empty() {
            return Ok(None);
        }
        let term = Term(term.parse().map_err(|_| Unreadable)?);
        let Self::Parts(parts) = self else { return Err(Unreadable) };
        let value = String::from_utf8(next_bytes(parts)?);
        let is_sound = |json: &String| json.len() <= MAX_CHECKPOINT_BYTES && is_sound_json(json);
        Ok(value.ok().filter(is_sound).map(|value| Checkpoint { term, value: value.into() }))
    }

    pub fn number(&mut self) -> Result<u64, Unreadable> {
        self.text()?.parse().map_err(|_| Unreadable)
    }

    /// The scripts check these bounds, too. A term or a lease beyond them would enter the floor, or the wait, and stay there.
    fn number_below(&mut self, limit: u64) -> Result<u64, Unreadable> {
        self.number().and_then(|number| if number < limit { Ok(number) } else { Err(Unreadable) })
    }

    pub fn flag(&mut self) -> Result<bool, Unreadable> {
        Ok(self.text()? == "1")
    }

    fn text(&mut self) -> Result<Cow<'_, str>, Unreadable> {
        match self {
            Self::Parts(parts) => {
                let text = String::from_utf8(next_bytes(parts)?).map_err(|_| Unreadable)?;
                Ok(text.into())
            }
            Self::Line(line, next) => {
                let rest = line.get(*next..).ok_or(Unreadable)?;
                let part = rest.split(' ').next().unwrap_or_default();
                *next += part.len() + 1;
                Ok(part.into())
            }
        }
    }

    /// The rest, in pairs.
    pub fn pairs(self) -> Result<Vec<Pair>, Unreadable> {
        let Self::Parts(mut parts) = self else { return Err(Unreadable) };
        let mut pairs = Vec::with_capacity(parts.len() / 2);
        while parts.len() > 0 {
            pairs.push((next_bytes(&mut parts)?, next_bytes(&mut parts)?));
        }
        Ok(pairs)
    }
}

fn next_bytes(parts: &mut std::vec::IntoIter<Value>) -> Result<Vec<u8>, Unreadable> {
    match parts.next() {
        Some(Value::BulkString(bytes)) => Ok(bytes),
        _ => Err(Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(term: &str, beat: &str, lease: &str) -> Result<Reply, Unreadable> {
        let parts = ["0", "0", "id", "a:1", term, beat, "stamp", "id", lease, "", "", ""];
        let parts = parts.map(|part| Value::BulkString(part.into())).to_vec();
        Answer::new(Value::Array(parts))?.register(1)
    }

    #[test]
    fn an_answer_in_one_line_has_the_same_parts_empty_ones_too() {
        let line = Value::BulkString(b"1 0 id a:1 7 3 stamp  800   ".to_vec());
        let mut answer = Answer::new(line).unwrap();
        let reply = answer.register(1).unwrap();
        assert_eq!((reply.granted, reply.is_present), (true, None));
        let record = reply.shown.record;
        assert_eq!((record.term, record.beat), (Term(7), 3));
        assert_eq!((&*record.server, record.lease.as_millis()), ("", 800));
        assert_eq!((record.heir, record.presence), (None, None));
        assert!(answer.number().is_err(), "there are no more");
    }

    #[test]
    fn numbers_that_no_script_answers_are_not_read() {
        let (limit, below) = (Term::LIMIT.0.to_string(), (Term::LIMIT.0 - 1).to_string());
        assert!(register(&below, &below, "600000").is_ok());
        assert!(register(&limit, "0", "800").is_err());
        assert!(register("1", &limit, "800").is_err());
        assert!(register("1", "0", "600001").is_err());
        assert!(register("-1", "0", "800").is_err());
        assert!(register("1", "0", "1e3").is_err());
    }
}
