//! The envelope of a message: the line of JSON before its body.

use std::io::Write as _;
use std::ops::Range;

use super::{Envelope, Format, MAX_ENVELOPE_BYTES, MAX_MESSAGE_BYTES, MAX_NAME_BYTES, VERSION};

impl Envelope<'_> {
    pub fn encode(&self, body: &[u8]) -> Vec<u8> {
        Letterhead::new(&self.from, self.term, self.leads).encode(
            self.seq,
            self.format,
            self.at,
            body,
        )
    }
}

/// The part that the envelopes of one sender have in common.
///
/// Where an envelope is dated (`at`), room is left for the MAC (message authentication code) that shows it to be genuine.
pub struct Letterhead(Vec<u8>);

impl Letterhead {
    pub fn new(from: &str, term: u64, leads: bool) -> Self {
        let from = serde_json::to_string(from).expect("text is JSON");
        let head = format!(r#"{{"v":{VERSION},"from":{from},"term":{term},"leads":{leads},"seq":"#);
        Self(head.into_bytes())
    }

    /// The envelope around `body`.
    pub fn encode(&self, seq: u64, format: Format, at: Option<u64>, body: &[u8]) -> Vec<u8> {
        let mut bytes = self.begin(seq, format, at, body.len());
        bytes.extend_from_slice(body);
        bytes
    }

    /// One envelope around several messages in JSON without a line feed.
    pub fn encode_lines<'a>(
        &self,
        seq: u64,
        at: Option<u64>,
        bodies: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Vec<u8> {
        let length = bodies.clone().map(|body| body.len() + 1).sum();
        let mut bytes = self.begin(seq, Format::Lines, at, length);
        for body in bodies {
            bytes.extend_from_slice(body);
            bytes.push(b'\n');
        }
        bytes.pop();
        bytes
    }

    fn begin(&self, seq: u64, format: Format, at: Option<u64>, room: usize) -> Vec<u8> {
        const LONGEST_NUMBER: usize = 20;
        let ending = ending(format);
        let longest =
            self.0.len() + 2 * LONGEST_NUMBER + ending.len() + MAC_FIELD.len() + MAC_DIGITS;
        let mut bytes = Vec::with_capacity(longest + 16 + room);
        bytes.extend_from_slice(&self.0);
        write!(bytes, "{seq}").expect("writing to a vector cannot fail");
        bytes.extend_from_slice(ending);
        if let Some(at) = at {
            write!(bytes, r#","at":{at}"#).expect("writing to a vector cannot fail");
            bytes.extend_from_slice(MAC_FIELD);
            bytes.extend_from_slice(&[b'0'; MAC_DIGITS]);
            bytes.push(b'"');
        }
        bytes.extend_from_slice(END);
        bytes
    }
}

const MAC_FIELD: &[u8] = br#","mac":""#;
/// 32 bytes in hexadecimal digits.
const MAC_DIGITS: usize = 64;
const END: &[u8] = b"}\n";

/// A message that bears a MAC, which must be the last field of its envelope.
pub struct MacParts<'a> {
    /// The envelope's line before the MAC.
    pub head: &'a [u8],
    /// Where the digits of the MAC are.
    pub place: Range<usize>,
    pub body: &'a [u8],
}

/// `None` when there is no MAC where it must be.
pub fn mac_parts(payload: &[u8]) -> Option<MacParts<'_>> {
    let line = payload.iter().position(|byte| *byte == b'\n')?;
    let end = line.checked_sub(r#""}"#.len())?;
    let start = end.checked_sub(MAC_DIGITS)?;
    let head = start.checked_sub(MAC_FIELD.len())?;
    let is_in_place = &payload[head..start] == MAC_FIELD && &payload[end..line] == br#""}"#;
    let parts = MacParts { head: &payload[..head], place: start..end, body: &payload[line + 1..] };
    is_in_place.then_some(parts)
}

/// Writes a MAC into the room that was left for it.
pub fn write_mac(mac: &[u8], room: &mut [u8]) {
    for (digits, byte) in room.chunks_exact_mut(2).zip(mac) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        digits.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// `None` when it is not of 64 lower-case hexadecimal digits: each MAC has one form.
pub fn read_mac(digits: &[u8]) -> Option<[u8; MAC_DIGITS / 2]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut mac = [0; MAC_DIGITS / 2];
    if digits.len() != MAC_DIGITS {
        return None;
    }
    for (byte, pair) in mac.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(mac)
}

fn ending(format: Format) -> &'static [u8] {
    match format {
        Format::Json => br#","format":"json""#,
        Format::Bytes => br#","format":"bytes""#,
        Format::Undefined => br#","format":"undefined""#,
        Format::Lines => br#","format":"lines""#,
    }
}

/// The envelope, and its body, which is not looked into. `None` when it cannot be read, or is over a limit.
pub fn decode_envelope(bytes: &[u8]) -> Option<(Envelope<'_>, &[u8])> {
    if bytes.len() > MAX_ENVELOPE_BYTES {
        return None;
    }
    let (envelope, body) = read_plain(bytes).or_else(|| read_any(bytes))?;
    let is_sound = envelope.v == VERSION
        && envelope.from.len() <= 2 * MAX_NAME_BYTES
        && body.len() <= MAX_MESSAGE_BYTES;
    is_sound.then_some((envelope, body))
}

/// Any form that JSON may have.
fn read_any(bytes: &[u8]) -> Option<(Envelope<'_>, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((serde_json::from_slice(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

/// The form in which [`Letterhead`] writes it, letter by letter: several times as fast. `None` for every other.
fn read_plain(bytes: &[u8]) -> Option<(Envelope<'_>, &[u8])> {
    let rest = bytes.strip_prefix(br#"{"v":1,"from":""#)?;
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    let end = rest.iter().position(|byte| !is_plain(*byte))?;
    let (from, rest) = rest.split_at(end);
    let from = std::str::from_utf8(from).ok()?.into();
    let (term, rest) = read_number(rest.strip_prefix(br#"","term":"#)?)?;
    let rest = rest.strip_prefix(br#","leads":"#)?;
    let (leads, rest) = match rest.strip_prefix(b"true") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix(b"false")?),
    };
    let (seq, rest) = read_number(rest.strip_prefix(br#","seq":"#)?)?;
    let formats = [Format::Json, Format::Lines, Format::Bytes, Format::Undefined];
    let (format, rest) = formats
        .into_iter()
        .find_map(|format| Some((format, rest.strip_prefix(ending(format))?)))?;
    let (at, body) = match rest.strip_prefix(END) {
        Some(body) => (None, body),
        None => read_dated(rest).map(|(at, body)| (Some(at), body))?,
    };
    Some((Envelope { v: VERSION, from, term, leads, seq, format, at }, body))
}

/// A date and a MAC, and then the body. Whether the MAC is good is not looked at.
fn read_dated(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (at, rest) = read_number(bytes.strip_prefix(br#","at":"#)?)?;
    let rest = rest.strip_prefix(MAC_FIELD)?;
    let (digits, rest) = rest.split_at_checked(MAC_DIGITS)?;
    let body = rest.strip_prefix(b"\"")?.strip_prefix(END)?;
    read_mac(digits).map(|_| (at, body))
}

fn read_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    // One digit less than the largest number has, so that none is too large.
    const MOST_DIGITS: usize = 19;
    let digits = bytes.iter().position(|byte| !byte.is_ascii_digit())?;
    let is_plain = match bytes[..digits] {
        [] => false,
        [b'0', _, ..] => false,
        _ => digits <= MOST_DIGITS,
    };
    let value =
        || bytes[..digits].iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    is_plain.then(|| (value(), &bytes[digits..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(from: &str, term: u64, leads: bool, seq: u64, format: Format) -> Vec<u8> {
        Letterhead::new(from, term, leads).encode(seq, format, None, b"body")
    }

    #[test]
    fn what_this_version_writes_is_read_the_fast_way() {
        let formats = [Format::Json, Format::Bytes, Format::Undefined, Format::Lines];
        for (format, at) in
            formats.into_iter().zip([None, Some(0), None, Some(1_790_000_000_000_000)])
        {
            let letterhead = Letterhead::new("0123:00ff", 1_790_000_000_000_000, true);
            let bytes = letterhead.encode(10, format, at, b"body");
            let (envelope, body) = read_plain(&bytes).expect("it is in the plain form");
            assert_eq!(read_any(&bytes), Some((envelope, body)));
            assert_eq!(body, b"body");
        }
    }

    #[test]
    fn every_other_form_is_left_to_the_parser() {
        let strange = [
            written("\u{e4}:1", 1, true, 1, Format::Json),
            written("a\"b:1", 1, true, 1, Format::Json),
            written("a:1", 1, true, u64::MAX, Format::Json),
        ];
        for bytes in strange {
            assert_eq!(read_plain(&bytes), None);
            assert!(decode_envelope(&bytes).is_some());
        }
    }

    /// What `decode_envelope` must read: the line as serde_json reads it, and the limits.
    fn by_the_parser(bytes: &[u8]) -> Option<(Envelope<'_>, &[u8])> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let envelope: Envelope = serde_json::from_slice(&bytes[..end]).ok()?;
        let is_sound = envelope.v == VERSION && envelope.from.len() <= 2 * MAX_NAME_BYTES;
        is_sound.then_some((envelope, &bytes[end + 1..]))
    }

    /// Mostly the first of them.
    fn mostly<T: std::fmt::Debug + 'static>(
        usual: impl Strategy<Value = T> + 'static,
        strange: impl Strategy<Value = T> + 'static,
    ) -> BoxedStrategy<T> {
        prop_oneof![9 => usual, 1 => strange].boxed()
    }

    fn text_of(usual: &'static str, strange: &'static [&'static str]) -> BoxedStrategy<String> {
        mostly(usual, prop::sample::select(strange).prop_map(str::to_owned))
    }

    fn number() -> BoxedStrategy<String> {
        let strange: &[&str] = &[
            "",
            "00",
            "01",
            "-0",
            "-1",
            "1.0",
            "1e3",
            "+1",
            "0x1",
            "null",
            "\"1\"",
            "9999999999999999999",
            "18446744073709551615",
            "18446744073709551616",
        ];
        prop_oneof![
            8 => any::<u64>().prop_map(|number| number.to_string()),
            8 => (0..12u64).prop_map(|number| number.to_string()),
            4 => prop::sample::select(strange).prop_map(str::to_owned),
        ]
        .boxed()
    }

    /// The members of an envelope in their order, each as this version writes it or as others may.
    fn members() -> BoxedStrategy<Vec<(String, String)>> {
        let from: &[&str] = &[
            r#""""#,
            r#""\u0061:1""#,
            r#""a\"b:1""#,
            r#""\n:1""#,
            "\"\u{e4}:1\"",
            "\"\t\"",
            "\"\u{7f}\"",
            "null",
            "1",
        ];
        let quoted = "\"[ !#-\\[\\]-~]{0,12}\"";
        let format: &[&str] =
            &[r#""Json""#, r#""js\u006fn""#, r#""none""#, r#"{"json":null}"#, "null"];
        let mac: &[&str] = &[r#""""#, r#""0""#, "null", "1", r#""\u0030""#];
        (
            text_of("1", &["0", "2", "01", "1.0", "1e0"]),
            text_of(quoted, from),
            number(),
            text_of("true|false", &["True", "1", "null", "tru"]),
            number(),
            text_of(r#""(json|bytes|undefined|lines)""#, format),
            prop::option::of((number(), text_of("\"[0-9a-f]{64}\"", mac))),
        )
            .prop_map(|(v, from, term, leads, seq, format, dated)| {
                let mut members = vec![
                    ("v", v),
                    ("from", from),
                    ("term", term),
                    ("leads", leads),
                    ("seq", seq),
                    ("format", format),
                ];
                if let Some((at, mac)) = dated {
                    members.extend([("at", at), ("mac", mac)]);
                }
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            })
            .boxed()
    }

    /// Whether and how the members are not those that are expected: more of them, fewer, in another order, under escaped names.
    fn strangeness() -> BoxedStrategy<Option<(u8, prop::sample::Index, prop::sample::Index)>> {
        prop::option::of((0..5u8, any::<prop::sample::Index>(), any::<prop::sample::Index>()))
            .boxed()
    }

    fn line() -> BoxedStrategy<Vec<u8>> {
        let space = || text_of("", &[" ", "\t", "\r", "  ", "\u{b}", "\u{a0}", ","]);
        (
            members(),
            strangeness(),
            space(),
            space(),
            space(),
            text_of("\n", &["", "\r\n", " \n", "x\n", "\n\n"]),
        )
            .prop_map(|(mut members, strangeness, before, within, after, end)| {
                if let Some((kind, one, other)) = strangeness {
                    let (one, other) = (one.index(members.len()), other.index(members.len()));
                    match kind {
                        0 => members.swap(one, other),
                        1 => drop(members.remove(one)),
                        2 => members.insert(other, members[one].clone()),
                        3 => members.insert(one, ("__proto__".into(), r#"{"v":2}"#.into())),
                        _ => members[one].0 = members[one].0.replacen('f', "\\u0066", 1),
                    }
                }
                let members: Vec<String> = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}{within}"))
                    .collect();
                format!("{before}{{{}}}{after}{end}[1]", members.join(",")).into_bytes()
            })
            .boxed()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        #[test]
        fn what_may_be_an_envelope_is_read_as_the_parser_reads_it(line in line()) {
            prop_assert_eq!(decode_envelope(&line), by_the_parser(&line));
        }

        #[test]
        fn an_envelope_with_random_changes_is_read_as_the_parser_reads_it(
            (from, term, leads, seq) in (".{0,12}", any::<u64>(), any::<bool>(), any::<u64>()),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut bytes = written(&from, term, leads, seq, Format::Json);
            for (index, byte) in changes {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
            prop_assert_eq!(decode_envelope(&bytes), by_the_parser(&bytes));
        }
    }
}
