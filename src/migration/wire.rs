//! The bytes of node-raft-redis: names, records, ballots, messages.
//!
//! Whatever is written here bears a field `incumbent`, this instance's id, which the old ones ignore. Whatever is read may be anything: what
//! is no sound value of its kind is `None`, and counted by the caller.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::election::InstanceId;
use crate::messaging::{Format, LegacyChannel};
use crate::wire::{
    MAX_DEPTH, MAX_MESSAGE_BYTES, MAX_META_BYTES, MAX_NAME_BYTES, depth, is_sound_json,
};

/// A ballot is short, but for ids that it says are to be ignored.
pub const MAX_BALLOT_BYTES: usize = 64 << 10;
/// More of a record is not read.
pub const MAX_RECORD_BYTES: usize = 32 << 10;
/// A message of the old wire, with what stands around the largest.
pub const MAX_LEGACY_MESSAGE_BYTES: usize = MAX_MESSAGE_BYTES + 1024;

// ---- Names ----------------------------------------------------------------------------------------------------------

/// What the key of each record of a kind begins with; the id follows.
pub fn record_prefix(kind: &str) -> String {
    format!("consensus-nodes:{kind}:")
}

/// A pattern for SCAN that finds the records of a kind, and those of kinds that begin with it and a colon.
pub fn record_pattern(kind: &str) -> String {
    let mut pattern = String::new();
    for letter in record_prefix(kind).chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern + "*"
}

/// The id that a key names, if it is that of a record of this very kind.
pub fn id_of_key(kind: &str, key: &str) -> Option<InstanceId> {
    let id = key.strip_prefix("consensus-nodes:")?.strip_prefix(kind)?.strip_prefix(':')?;
    is_id(id).then(|| InstanceId::new(id))
}

/// Ids have no colon, so none is a part of another kind's name; and none is the name of a role, whose channel an instance's would be.
pub fn is_id(text: &str) -> bool {
    let is_of_id = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    (1..=64).contains(&text.len())
        && text.bytes().all(is_of_id)
        && !["leader", "followers"].contains(&text)
}

pub fn channel_name(kind: &str, channel: &LegacyChannel) -> String {
    let messages = |rest: &str| format!("consensus-messages:{kind}{rest}");
    match channel {
        LegacyChannel::Ballots => format!("consensus-events:{kind}"),
        LegacyChannel::All => messages(""),
        LegacyChannel::Followers => messages(":followers"),
        LegacyChannel::Leader => messages(":leader"),
        LegacyChannel::Instance(id) => messages(&format!(":{id}")),
    }
}

// ---- Terms ----------------------------------------------------------------------------------------------------------

/// A term of the old wire: any number of JavaScript but NaN, since anybody may have said any. Infinity is one: it is what 1e999 is read as, and
/// whoever has read it says `null`, the JSON of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term(f64);

impl Eq for Term {}

impl PartialOrd for Term {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Term {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Term {
    pub const ZERO: Self = Self(0.0);

    pub fn new(number: u64) -> Self {
        Self(number as f64)
    }

    pub fn plus(self, more: u64) -> Self {
        Self(self.0 + more as f64)
    }

    /// Negative zero is zero.
    fn parse(json: &str) -> Option<Self> {
        if json == "null" {
            return Some(Self(f64::INFINITY));
        }
        let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        is_number.then(|| json.parse().ok()).flatten().map(|number: f64| Self(number + 0.0))
    }

    fn write(self) -> Box<RawValue> {
        let json = match self.0 {
            infinite if infinite == f64::INFINITY => "1e999".to_owned(),
            infinite if infinite == f64::NEG_INFINITY => "-1e999".to_owned(),
            finite => finite.to_string(),
        };
        RawValue::from_string(json).expect("a number is JSON")
    }
}

// ---- Ballots --------------------------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    Request,
    Vote,
    Check,
}

/// What is said on the events channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Ballot {
    pub subject: Subject,
    pub from: InstanceId,
    /// Whom a vote is for.
    pub to: Option<InstanceId>,
    pub is_granted: bool,
    pub term: Term,
    /// The new instance that said it.
    pub speaker: Option<InstanceId>,
    /// Of a check: whether the old ones are known to have followed the new leader that it comes from, which was admitted to lead.
    pub leads: bool,
    /// Of a check: whether it is said in place of a leader that fell silent, be it by the former leader itself.
    pub is_stand_in: bool,
}

#[derive(Serialize, Deserialize)]
struct BallotBody<'a> {
    r#type: Subject,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    to: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    granted: Option<bool>,
    #[serde(rename = "currentTerm")]
    term: Box<RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    incumbent: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leads: Option<bool>,
    #[serde(rename = "standsIn", default, skip_serializing_if = "Option::is_none")]
    is_stand_in: Option<bool>,
}

impl Ballot {
    /// A vote on `ballot` by a new instance.
    pub fn vote(own: &InstanceId, ballot: &Self, is_granted: bool, term: Term) -> Self {
        let (from, to) = (own.clone(), Some(ballot.from.clone()));
        let speaker = Some(own.clone());
        let (leads, is_stand_in) = (false, false);
        Self { subject: Subject::Vote, from, to, is_granted, term, speaker, leads, is_stand_in }
    }

    pub fn encode(&self) -> Vec<u8> {
        let is_new_check = self.speaker.is_some() && self.subject == Subject::Check;
        let body = BallotBody {
            r#type: self.subject,
            from: self.from.as_str().into(),
            to: self.to.as_ref().map(|id| id.as_str().into()),
            granted: (self.subject == Subject::Vote).then_some(self.is_granted),
            term: self.term.write(),
            incumbent: self.speaker.as_ref().map(|id| id.as_str().into()),
            leads: is_new_check.then_some(self.leads),
            is_stand_in: (is_new_check && self.is_stand_in).then_some(true),
        };
        serde_json::to_vec(&body).expect("a ballot has only keys that are text")
    }

    /// `None` when it cannot be read.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_BALLOT_BYTES {
            return None;
        }
        let body: BallotBody = serde_json::from_slice(bytes).ok()?;
        let to = match body.to {
            Some(id) => Some(name(&id)?),
            None => None,
        };
        let speaker = match body.incumbent {
            Some(id) => Some(name(&id)?),
            None => None,
        };
        Some(Self {
            subject: body.r#type,
            from: name(&body.from)?,
            to,
            is_granted: body.granted == Some(true),
            term: Term::parse(body.term.get())?,
            speaker,
            leads: body.leads == Some(true),
            is_stand_in: body.is_stand_in == Some(true),
        })
    }
}

fn name(text: &str) -> Option<InstanceId> {
    (!text.is_empty() && text.len() <= MAX_NAME_BYTES).then(|| InstanceId::new(text))
}

// ---- Records --------------------------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LegacyState {
    Follower,
    Candidate,
    Leader,
}

/// What an instance says of itself in the registry.
#[derive(Clone, Debug)]
pub struct Record {
    /// In ms since 1970, by its own clock.
    pub ts: f64,
    pub meta: Box<RawValue>,
    pub state: LegacyState,
    /// Whether a new instance wrote it.
    pub is_new: bool,
}

#[derive(Deserialize)]
struct RecordBody<'a> {
    ts: f64,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
    state: LegacyState,
    #[serde(borrow, default)]
    incumbent: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct OwnRecord<'a> {
    ts: u64,
    meta: &'a RawValue,
    state: LegacyState,
    incumbent: &'a str,
}

impl Record {
    pub fn encode(own: &InstanceId, ts: u64, meta: &RawValue, state: LegacyState) -> Vec<u8> {
        let body = OwnRecord { ts, meta, state, incumbent: own.as_str() };
        serde_json::to_vec(&body).expect("a record has only keys that are text")
    }

    /// `None` when it cannot be read. A meta that is over our limits is left out: its instance is there all the same.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() >= MAX_RECORD_BYTES {
            return None;
        }
        let body: RecordBody = serde_json::from_slice(bytes).ok()?;
        let is_fit = |meta: &&RawValue| {
            let json = meta.get();
            json.len() <= MAX_META_BYTES && depth(json.as_bytes()) <= MAX_DEPTH
        };
        let empty = || RawValue::from_string("\"\"".to_owned()).expect("it is JSON");
        let meta = body.meta.filter(is_fit).map_or_else(empty, ToOwned::to_owned);
        Some(Self { ts: body.ts, meta, state: body.state, is_new: body.incumbent.is_some() })
    }
}

// ---- Messages -------------------------------------------------------------------------------------------------------

/// A message that an old instance sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub from: InstanceId,
    pub is_from_leader: bool,
    /// JSON; `None` is JavaScript's `undefined`.
    pub body: Option<&'a str>,
}

/// What came on a channel of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Letter<'a> {
    Old(Message<'a>),
    /// It comes on the other wire as well.
    New,
}

#[derive(Deserialize)]
struct MessageBody<'a> {
    #[serde(borrow, default, deserialize_with = "even_null")]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(rename = "fromLeader", default)]
    is_from_leader: Option<bool>,
    #[serde(borrow, default)]
    incumbent: Option<&'a RawValue>,
}

/// What is there, `null` included.
fn even_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// `None` when it cannot be read, or is over our limits.
pub fn decode_message(bytes: &[u8]) -> Option<Letter<'_>> {
    if bytes.len() > MAX_LEGACY_MESSAGE_BYTES {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let body: MessageBody = serde_json::from_str(text).ok()?;
    if body.incumbent.is_some() {
        return Some(Letter::New);
    }
    let message = body.message.map(RawValue::get);
    let is_sound =
        message.is_none_or(|json| json.len() <= MAX_MESSAGE_BYTES && is_sound_json(json));
    let from = name(&body.from)?;
    let is_from_leader = body.is_from_leader == Some(true);
    is_sound.then_some(Letter::Old(Message { from, is_from_leader, body: message }))
}

/// Whether these bytes end as all do that `encode_message` gives. In JSON this is a field of the message itself: within a text, its quotes would
/// have a backslash before them.
pub fn is_copy(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_suffix(b"\"}") else { return false };
    let id = rest.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    rest[..rest.len() - id].ends_with(b",\"incumbent\":\"")
}

/// No copy of such a message is longer. One of bytes is a list of numbers.
pub fn longest_copy(format: Format, body: &[u8]) -> usize {
    const AROUND: usize = 512;
    match format {
        Format::Bytes => AROUND + body.len() * ",255".len(),
        _ => AROUND + body.len(),
    }
}

/// A new instance's message, as an old one would have sent it. `is_from_leader` is left out where it is `None`.
pub fn encode_message(
    own: &InstanceId,
    format: Format,
    body: &[u8],
    is_from_leader: Option<bool>,
) -> Vec<u8> {
    let quoted = serde_json::to_string(own.as_str()).expect("text is JSON");
    let mut bytes = Vec::with_capacity(body.len() + 2 * quoted.len() + 64);
    bytes.push(b'{');
    match format {
        Format::Json => {
            bytes.extend_from_slice(b"\"message\":");
            bytes.extend_from_slice(body);
            bytes.push(b',');
        }
        Format::Bytes => {
            bytes.extend_from_slice(b"\"message\":{\"type\":\"Buffer\",\"data\":");
            serde_json::to_writer(&mut bytes, body).expect("a list of numbers is JSON");
            bytes.extend_from_slice(b"},");
        }
        // JSON.stringify() leaves it out. Lines are no message, but several.
        Format::Undefined | Format::Lines => {}
    }
    bytes.extend_from_slice(b"\"from\":");
    bytes.extend_from_slice(quoted.as_bytes());
    match is_from_leader {
        Some(true) => bytes.extend_from_slice(b",\"fromLeader\":true"),
        Some(false) => bytes.extend_from_slice(b",\"fromLeader\":false"),
        None => {}
    }
    bytes.extend_from_slice(b",\"incumbent\":");
    bytes.extend_from_slice(quoted.as_bytes());
    bytes.push(b'}');
    bytes
}
