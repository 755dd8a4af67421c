//! The bytes of PROTOCOL.md: names, announcements, registry records, message envelopes.
//!
//! Every body bears a version `v`. A reader ignores fields that it does not know, and counts and ignores bodies of a version
//! that it does not know, and whatever else it cannot read.

mod envelope;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::election::{Announcement, Candidacy, Holder, InstanceId, Stamp, Term};
use crate::membership::{Change, Entry, RegistryChange};
use crate::messaging::{Channel, Petition};

pub use crate::membership::InstanceRecord;
pub use crate::messaging::{Envelope, Format};
pub use envelope::{Letterhead, MacParts, decode_envelope, mac_parts, read_mac, write_mac};

/// The version of the bodies written here.
pub const VERSION: u32 = 1;

/// A message's body, its JSON or its bytes.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// An envelope around the largest message.
pub const MAX_ENVELOPE_BYTES: usize = MAX_MESSAGE_BYTES + 1024;
pub const MAX_META_BYTES: usize = 16 << 10;
pub const MAX_NAME_BYTES: usize = 128;
/// Priorities go from minus this to this.
pub const MAX_PRIORITY: u32 = 1000;
/// How deep arrays and objects of a message or a meta may be nested.
pub const MAX_DEPTH: usize = 128;

/// A kind or an id as a part of a name: letters, digits, `-`, `_`, `.` and `~` stand for themselves, every other byte is `%XX`.
/// The empty text becomes a single `%`, which nothing else becomes.
pub fn encode_name(name: &str) -> String {
    if name.is_empty() {
        return "%".into();
    }
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(byte as char);
            }
            _ => write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    encoded
}

/// The name that was encoded so. `None` for what no name is encoded to.
pub fn decode_name(encoded: &str) -> Option<String> {
    if encoded == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(if byte == b'%' { (digit()? * 16 + digit()?) as u8 } else { byte });
    }
    String::from_utf8(bytes).ok().filter(|name| encode_name(name) == encoded)
}

/// The last part of a channel's name.
pub fn channel_name(channel: &Channel) -> Cow<'static, str> {
    match channel {
        Channel::Election => "election".into(),
        Channel::Registry => "registry".into(),
        Channel::All => "all".into(),
        Channel::Leader => "leader".into(),
        Channel::Followers => "followers".into(),
        Channel::Requests => "requests".into(),
        Channel::Instance(id) => format!("instance:{}", encode_name(id.as_str())).into(),
        // Where the other library is, it has names of its own for them.
        Channel::Legacy(channel) => format!("legacy:{channel:?}").into(),
    }
}

impl InstanceRecord {
    pub fn new(holder: &Holder, meta: Arc<RawValue>) -> Self {
        Self::of_candidate(holder, meta, Candidacy::default(), None)
    }

    pub fn of_candidate(
        holder: &Holder,
        meta: Arc<RawValue>,
        candidacy: Candidacy,
        since: Option<u64>,
    ) -> Self {
        let Candidacy { priority, is_eligible, .. } = candidacy;
        let (id, holder) = (holder.instance(), holder.as_str().into());
        Entry { v: VERSION, id, holder, meta, priority, is_eligible, since }.into()
    }

    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a record has only keys that are text")
    }

    /// `None` when it cannot be read, or is over a limit.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(bytes).ok()?;
        let is_within_limits = record.v == VERSION
            && record.id.as_str().len() <= MAX_NAME_BYTES
            && record.meta.get().len() <= MAX_META_BYTES
            && record.priority.unsigned_abs() <= MAX_PRIORITY
            && depth(record.meta.get().as_bytes()) <= MAX_DEPTH;
        is_within_limits.then_some(record)
    }
}

#[derive(Deserialize)]
struct AnnouncementBody<'a> {
    v: u32,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow, default)]
    holder: Cow<'a, str>,
    term: u64,
    #[serde(default)]
    beat: u64,
    #[serde(borrow)]
    stamp: Cow<'a, str>,
    #[serde(borrow, default)]
    heir: Cow<'a, str>,
}

/// `None` when it cannot be read, or names a term at or above the limit.
pub fn decode_announcement(bytes: &[u8]) -> Option<Announcement> {
    let body: AnnouncementBody = serde_json::from_slice(bytes).ok()?;
    let term = Term(body.term);
    let is_sound = body.v == VERSION
        && term < Term::LIMIT
        && body.stamp.len() <= MAX_NAME_BYTES
        && body.holder.len() <= 2 * MAX_NAME_BYTES
        && body.heir.len() <= MAX_NAME_BYTES;
    if !is_sound {
        return None;
    }
    let stamp = Stamp::parse(&body.stamp);
    match &*body.r#type {
        "heartbeat" => {
            let holder = Holder::parse(&body.holder)?;
            Some(Announcement::Heartbeat { holder, term, beat: body.beat, stamp })
        }
        "vacancy" => {
            let heir = (!body.heir.is_empty()).then(|| InstanceId::new(&*body.heir));
            Some(Announcement::Vacancy { term, stamp, heir })
        }
        _ => None,
    }
}

#[derive(Deserialize)]
struct RegistryBody<'a> {
    v: u32,
    revision: u64,
    #[serde(borrow, default)]
    enrolled: Option<&'a RawValue>,
    #[serde(borrow, default)]
    left: Option<Cow<'a, str>>,
}

/// `None` when it cannot be read.
pub fn decode_registry_change(bytes: &[u8]) -> Option<RegistryChange> {
    let body: RegistryBody = serde_json::from_slice(bytes).ok()?;
    if body.v != VERSION {
        return None;
    }
    let change = match (body.enrolled, body.left) {
        (Some(record), _) => Change::Enrolled(InstanceRecord::decode(record.get().as_bytes())?),
        (None, Some(id)) if id.len() <= MAX_NAME_BYTES => Change::Left(InstanceId::new(&*id)),
        _ => return None,
    };
    Some(RegistryChange { revision: body.revision, change })
}

/// The envelope and its body. `None` when it cannot be read, or is over a limit; a JSON body is well-formed UTF-8 JSON.
pub fn decode_message(bytes: &[u8]) -> Option<(Envelope<'_>, &[u8])> {
    let (envelope, body) = decode_envelope(bytes)?;
    count_sound(envelope.format, body).map(|_| (envelope, body))
}

/// What is asked of the leader. `None` for what cannot be read.
pub fn decode_petition(format: Format, body: &[u8]) -> Option<Petition> {
    let petition = serde_json::from_slice(body).ok().filter(|_| format == Format::Json)?;
    match &petition {
        Petition::Transfer { to } if to.as_str().len() > MAX_NAME_BYTES => None,
        _ => Some(petition),
    }
}

/// How many messages a body is. `None` when it is not what its envelope says.
pub fn count_sound(format: Format, body: &[u8]) -> Option<u64> {
    let text = || std::str::from_utf8(body).ok();
    match format {
        Format::Json => is_sound_json(text()?).then_some(1),
        Format::Bytes => Some(1),
        Format::Undefined => body.is_empty().then_some(1),
        Format::Lines => {
            let sound = |line| is_sound_json(line).then_some(1);
            lines(text()?).map(sound).sum()
        }
    }
}

/// The messages in a body of several.
pub fn lines(body: &str) -> impl Iterator<Item = &str> {
    body.split('\n')
}

/// A text as JSON, as JSON.stringify() writes it.
pub fn quote(text: &str) -> Vec<u8> {
    if !needs_no_escape(text) {
        return serde_json::to_vec(text).expect("text is JSON");
    }
    let mut json = Vec::with_capacity(text.len() + 2);
    json.push(b'"');
    json.extend_from_slice(text.as_bytes());
    json.push(b'"');
    json
}

/// The text that JSON stands for, if that can be seen without decoding it.
pub fn plain_text(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"').filter(|text| needs_no_escape(text))
}

fn needs_no_escape(text: &str) -> bool {
    let must_escape = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    // Without an early end within a chunk many bytes are looked at at a time.
    let must = |chunk: &[u8]| chunk.iter().fold(false, |any, byte| any | must_escape(byte));
    !text.as_bytes().chunks(128).any(must)
}

/// Whether `text` is one JSON value, nested at most [`MAX_DEPTH`] deep.
pub fn is_sound_json(text: &str) -> bool {
    plain_text(text).is_some()
        || !is_too_deep(text.as_bytes())
            && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Whether JSON is nested deeper than [`MAX_DEPTH`].
pub fn is_too_deep(json: &[u8]) -> bool {
    // To be deep it needs as many opening brackets, and those are counted many at a time.
    opening_brackets(json) > MAX_DEPTH && depth(json) > MAX_DEPTH
}

fn opening_brackets(json: &[u8]) -> usize {
    // `[` and `{` differ in one bit. A chunk's count fits in a byte.
    let is_bracket = |byte: &u8| u8::from(byte | (b'[' ^ b'{') == b'{');
    json.chunks(240).map(|chunk| usize::from(chunk.iter().map(is_bracket).sum::<u8>())).sum()
}

/// How deep the brackets of JSON are nested, strings aside.
pub fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut is_string, mut is_escaped) = (0usize, 0, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'[' | b'{' if !is_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Whether `text`, sound JSON, may hold a key `__proto__`, as it stands or by escapes.
pub fn may_name_proto(text: &str) -> bool {
    text.contains("__proto__") || text.contains("\\u00")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts of what JSON treats in a way of its own, and of all else; long enough for several chunks.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "[a-z]{0,60}".boxed(),
            1 => "[\\x00-\\x7f]{0,3}".boxed(),
            1 => any::<String>().boxed(),
            1 => prop::sample::select(vec!["\"", "\\", "\\\"", "\\u0041", "\n"]).prop_map(str::to_owned).boxed(),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_text_is_quoted_as_the_library_does(text in text()) {
            let json = quote(&text);
            prop_assert_eq!(&json, &serde_json::to_vec(&text).unwrap());
            let json = String::from_utf8(json).unwrap();
            prop_assert!(is_sound_json(&json));
            prop_assert!(plain_text(&json).is_none_or(|plain| plain == text));
        }

        #[test]
        fn what_passes_for_a_plain_text_is_read_as_the_library_does(
            text in text(), before in "\"?", after in "\"?",
        ) {
            let json = format!("{before}{text}{after}");
            let is_sound = serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok() && depth(json.as_bytes()) <= MAX_DEPTH;
            prop_assert_eq!(is_sound_json(&json), is_sound);
            if let Some(plain) = plain_text(&json) {
                prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), plain);
            }
        }
    }
}
