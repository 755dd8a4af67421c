//! Messages as they pass by.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::authentication::Authenticator;
use crate::clock;
use crate::election::Holder;
use crate::medium::Channel;
use crate::messaging::{Envelope, Format};
use crate::wire;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    to: &'static str,
    /// The one that it is for, where it is for one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    from: String,
    leads: bool,
    seq: u64,
    /// Whether a secret shows it to be genuine; `None`: nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_genuine: Option<bool>,
    #[serde(flatten)]
    content: Content<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Content<'a> {
    /// JSON.
    Message(&'a RawValue),
    /// In hexadecimal digits.
    Bytes(String),
    Undefined(bool),
}

/// Tells each message of an envelope. One that no instance would read is left out.
pub fn read(
    authenticator: Option<&Authenticator>,
    channel: &Channel,
    channel_name: &str,
    payload: &[u8],
    mut tell: impl FnMut(Message<'_>),
) {
    let Some((envelope, body)) = wire::decode_message(payload) else { return };
    let Some(holder) = Holder::parse(&envelope.from) else { return };
    let is_genuine = authenticator.map(|authenticator| {
        let now = (clock::now(), clock::wall_us());
        authenticator.admit(now, (channel, channel_name), payload, &envelope).is_ok()
    });
    let (to, instance) = addressee(channel);
    let from = holder.instance().as_str().to_owned();
    let mut tell = |seq, content| {
        let (from, leads) = (from.clone(), envelope.leads);
        tell(Message { to, instance, from, leads, seq, is_genuine, content });
    };
    let Envelope { seq, format, .. } = envelope;
    let json = |text| serde_json::from_str(text).ok().map(Content::Message);
    let text = || std::str::from_utf8(body).unwrap_or_default();
    match format {
        Format::Json => json(text()).into_iter().for_each(|content| tell(seq, content)),
        Format::Lines => {
            for (line, number) in wire::lines(text()).zip(seq..) {
                json(line).into_iter().for_each(|content| tell(number, content));
            }
        }
        Format::Bytes => tell(seq, Content::Bytes(hexadecimal(body))),
        Format::Undefined => tell(seq, Content::Undefined(true)),
    }
}

fn addressee(channel: &Channel) -> (&'static str, Option<&str>) {
    match channel {
        Channel::All => ("all", None),
        Channel::Leader => ("leader", None),
        Channel::Followers => ("followers", None),
        Channel::Instance(id) => ("instance", Some(id.as_str())),
        Channel::Requests => ("requests", None),
        Channel::Election | Channel::Registry | Channel::Legacy(_) => ("internal", None),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
