//! The user's own commands as JSON from lib/, and their replies as JSON to it. What is no text comes and goes in base64.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::error::{Code, CodedError, coded, error};
use crate::driver::Question;
use crate::election::Term;
use crate::limits::check_checkpoint;
use crate::medium::fencing::{Data, UserCommand, Work, check};

#[derive(Deserialize)]
struct Argument {
    commands: Vec<Vec<Part>>,
    buffers: bool,
    checkpoint: Option<Left>,
    term: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Text(String),
    Bytes { b: String },
}

/// JSON `null` is a value as any other.
#[derive(Deserialize)]
struct Left {
    value: Box<RawValue>,
    term: Option<u64>,
}

/// Commands, whether texts in their replies are wanted as bytes, and what is left with them.
///
/// # Errors
/// What is wrong with them, as the user is to read it.
pub fn read_work(json: &str) -> Result<Question, CodedError> {
    let Argument { commands, buffers: as_bytes, checkpoint, term } = read(json)?;
    let commands: Vec<UserCommand> = commands
        .into_iter()
        .map(|parts| parts.into_iter().map(read_part).collect())
        .collect::<Result<_, CodedError>>()?;
    check(&commands).map_err(coded)?;
    let checkpoint = checkpoint.map(|left| sound(&left.value)).transpose()?;
    Ok(Question::Fenced { work: Work { commands, checkpoint }, term: term.map(Term), as_bytes })
}

/// # Errors
/// What is wrong with it, as the user is to read it.
pub fn read_checkpoint(json: &str) -> Result<Question, CodedError> {
    let Left { value, term } = read(json)?;
    Ok(Question::SetCheckpoint { value: sound(&value)?, term: term.map(Term) })
}

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, CodedError> {
    serde_json::from_str(json).map_err(|cause| error(Code::InvalidArgument, cause))
}

fn sound(value: &RawValue) -> Result<Arc<str>, CodedError> {
    check_checkpoint(value.get()).map_err(coded)
}

fn read_part(part: Part) -> Result<Vec<u8>, CodedError> {
    match part {
        Part::Text(text) => Ok(text.into_bytes()),
        Part::Bytes { b } => {
            BASE64_STANDARD.decode(b).map_err(|cause| error(Code::InvalidArgument, cause))
        }
    }
}

/// A reply, with its texts as texts, or as bytes.
pub struct Reply<'a> {
    pub data: &'a Data,
    pub as_bytes: bool,
}

#[derive(Serialize)]
struct Bytes {
    b: String,
}

impl Serialize for Reply<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.data {
            Data::Nothing => serializer.serialize_unit(),
            Data::Number(number) => serializer.serialize_i64(*number),
            Data::Status(text) => serializer.serialize_str(text),
            Data::Bytes(bytes) if self.as_bytes => {
                Bytes { b: BASE64_STANDARD.encode(bytes) }.serialize(serializer)
            }
            Data::Bytes(bytes) => serializer.serialize_str(&String::from_utf8_lossy(bytes)),
            Data::List(list) => serializer
                .collect_seq(list.iter().map(|data| Reply { data, as_bytes: self.as_bytes })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medium::fencing::MAX_CHECKPOINT_BYTES;

    #[test]
    fn texts_and_bytes_are_read_as_what_they_are() {
        let json = r#"{"commands":[["SET","ö",{"b":"AP8="}],["PING"]],"buffers":true}"#;
        let Ok(Question::Fenced { work, term: None, as_bytes: true }) = read_work(json) else {
            panic!("it is read otherwise")
        };
        let set = vec![b"SET".to_vec(), "ö".as_bytes().to_vec(), vec![0, 255]];
        assert_eq!(work.commands, [set, vec![b"PING".to_vec()]]);
        assert_eq!(work.checkpoint, None);
    }

    #[test]
    fn a_checkpoint_and_a_term_come_beside_them() {
        let json = r#"{"commands":[],"buffers":false,"checkpoint":{"value":null},"term":7}"#;
        let Ok(Question::Fenced { work, term, .. }) = read_work(json) else { panic!("{json}") };
        assert_eq!((work.checkpoint.as_deref(), term), (Some("null"), Some(Term(7))));
        let json = r#"{"value":{"at":1},"term":7}"#;
        let Ok(Question::SetCheckpoint { value, term }) = read_checkpoint(json) else {
            panic!("{json}")
        };
        assert_eq!((&*value, term), (r#"{"at":1}"#, Some(Term(7))));
        let large = format!(r#"{{"value":"{}"}}"#, "x".repeat(MAX_CHECKPOINT_BYTES));
        assert_eq!(read_checkpoint(&large).unwrap_err().status, Code::LimitExceeded);
    }

    #[test]
    fn replies_are_told_as_texts_or_as_bytes() {
        let bytes = Data::Bytes(vec![0xff, b'a']);
        let list = vec![Data::Number(-1), Data::Nothing, Data::Status("OK".into()), bytes];
        let data = Data::List(list);
        let told = |as_bytes| serde_json::to_string(&Reply { data: &data, as_bytes }).unwrap();
        assert_eq!(told(true), r#"[-1,null,"OK",{"b":"/2E="}]"#);
        assert_eq!(told(false), "[-1,null,\"OK\",\"\u{fffd}a\"]");
    }

    #[test]
    fn what_is_too_much_or_too_little_is_refused_with_its_code() {
        for (json, code) in [
            (r#"{"commands":[[]],"buffers":false}"#, Code::InvalidArgument),
            (r#"{"commands":[["SET",{"b":"?"}]],"buffers":false}"#, Code::InvalidArgument),
            (r#"{"commands":7,"buffers":false}"#, Code::InvalidArgument),
        ] {
            assert_eq!(read_work(json).unwrap_err().status, code, "{json}");
        }
        let many = vec![vec!["PING"]; 1001];
        let json = serde_json::json!({ "commands": many, "buffers": false }).to_string();
        assert_eq!(read_work(&json).unwrap_err().status, Code::LimitExceeded);
    }
}
