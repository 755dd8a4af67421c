//! The user's own commands as JSON from lib/, and their replies as JSON to it. What is no text comes and goes in base64.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize, Serializer};

use super::error::{Code, CodedError, error};
use crate::medium::fencing::{Data, Unfit, UserCommand, check};

#[derive(Deserialize)]
struct Argument {
    commands: Vec<Vec<Part>>,
    buffers: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Text(String),
    Bytes { b: String },
}

/// The commands, and whether texts in their replies are wanted as bytes.
///
/// # Errors
/// What is wrong with them, as the user is to read it.
pub fn read_commands(json: &str) -> Result<(Vec<UserCommand>, bool), CodedError> {
    let Argument { commands, buffers } =
        serde_json::from_str(json).map_err(|cause| error(Code::InvalidArgument, cause))?;
    let commands: Vec<UserCommand> = commands
        .into_iter()
        .map(|parts| parts.into_iter().map(read_part).collect())
        .collect::<Result<_, CodedError>>()?;
    check(&commands).map_err(|unfit| match unfit {
        Unfit::TooMuch(text) => error(Code::LimitExceeded, text),
        Unfit::Nameless(text) => error(Code::InvalidArgument, text),
    })?;
    Ok((commands, buffers))
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

    #[test]
    fn texts_and_bytes_are_read_as_what_they_are() {
        let json = r#"{"commands":[["SET","ö",{"b":"AP8="}],["PING"]],"buffers":true}"#;
        let (commands, buffers) = read_commands(json).unwrap();
        let set = vec![b"SET".to_vec(), "ö".as_bytes().to_vec(), vec![0, 255]];
        assert_eq!((commands, buffers), (vec![set, vec![b"PING".to_vec()]], true));
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
            assert_eq!(read_commands(json).unwrap_err().status, code, "{json}");
        }
        let many = vec![vec!["PING"]; 1001];
        let json = serde_json::json!({ "commands": many, "buffers": false }).to_string();
        assert_eq!(read_commands(&json).unwrap_err().status, Code::LimitExceeded);
    }
}
