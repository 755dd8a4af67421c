//! Changes to bytes that know what the bytes are: JSON keeps its form under most of them, so that they get past the parser to what
//! stands behind it. The rest strike the bytes themselves.

use serde_json::Value;

/// One change. What the numbers mean hangs on the bytes: each is taken modulo what there is to choose from.
#[derive(Clone, Copy, Debug)]
pub struct Edit {
    pub what: u8,
    pub place: u32,
    pub with: u32,
}

/// Where limits and conversions lie.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1",
    "1.5",
    "1e400",
    "-1e-400",
    "255",
    "256",
    "65535",
    "65536",
    "4294967295",
    "4294967296",
    "4503599627370495",
    "4503599627370496",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "0.1e1",
    "1E2",
    "00",
    "+1",
    "0x10",
    "NaN",
    "Infinity",
];

const TEXTS: &[&str] = &[
    "",
    ":",
    "a",
    "me",
    "me:0000000000000001",
    "heartbeat",
    "vacancy",
    "json",
    "bytes",
    "undefined",
    "leader",
    "__proto__",
    "constructor",
    "\\u0000",
    "\\ud800",
    "\\ud83d\\ude00",
    "\\u00e9",
    "é",
    "\u{10ffff}",
    "*",
    "{}",
    "%",
    "%2525",
    "\\n",
    "redis://",
    "rediss://u:p@h:1/2",
    "[::1]",
    "6.1.9",
    "replica",
    "-0",
    "1e3",
];

const VALUES: &[&str] = &["null", "true", "false", "[]", "{}", "\"\"", "[[]]", "{\"\":{}}"];

/// Applies the edit. `other` is another input, to take parts from.
pub fn apply(edit: Edit, bytes: &mut Vec<u8>, other: &[u8]) {
    let split = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    match edit.what % 8 {
        // A message's envelope is the line before its body; all the others are one line.
        0..=4 => {
            if let Ok(mut json) = serde_json::from_slice::<Value>(&bytes[..split]) {
                let raw = change(edit, &mut json, other);
                bytes.splice(..split, raw.into_bytes());
            } else {
                strike(edit, bytes, other);
            }
        }
        5 => {
            let body = at_most(other, 4096).to_vec();
            bytes.truncate(split);
            bytes.push(b'\n');
            bytes.extend(body);
        }
        _ => strike(edit, bytes, other),
    }
}

/// A mark that no parser takes, for what is put in as text: not every number has a form in `Value`.
const MARK: &str = "\"\u{1}mark\u{1}\"";

fn change(edit: Edit, json: &mut Value, other: &[u8]) -> String {
    let with = edit.with as usize;
    let put = match edit.what % 8 {
        0 => NUMBERS[with % NUMBERS.len()].to_owned(),
        1 => format!("\"{}\"", TEXTS[with % TEXTS.len()]),
        2 => VALUES[with % VALUES.len()].to_owned(),
        3 => return reshape(edit, json, other),
        _ => large(with),
    };
    let mark: Value = serde_json::from_str(MARK).unwrap_or(Value::Null);
    *nth(json, edit.place as usize) = mark.clone();
    json.to_string().replace(&mark.to_string(), &put)
}

/// Long texts, long arrays, deep nesting: around the limits of a name, of a meta, of the depth.
fn large(with: usize) -> String {
    let sizes = [127, 128, 129, 255, 256, 257, 1000, 16_383, 16_384, 16_385];
    let size = sizes[with / 4 % sizes.len()];
    match with % 4 {
        0 => format!("\"{}\"", "a".repeat(size)),
        1 => format!("\"{}\"", "\\u0001".repeat(size)),
        2 => "[".repeat(size) + &"]".repeat(size),
        _ => format!("[{}0]", "0,".repeat(size)),
    }
}

/// Adds, removes or doubles a field or a part.
fn reshape(edit: Edit, json: &mut Value, other: &[u8]) -> String {
    let with = edit.with as usize;
    match nth(json, edit.place as usize) {
        Value::Object(fields) if !fields.is_empty() => {
            let name = fields.keys().nth(with % fields.len()).cloned().unwrap_or_default();
            match edit.with >> 16 & 3 {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(name, serde_json::from_slice(other).unwrap_or_default())),
                2 => drop(fields.insert(TEXTS[with % TEXTS.len()].into(), Value::Null)),
                _ => {
                    // Twice the same name: no `Value` can hold that.
                    let doubled = format!("{{{}:0,", Value::from(name));
                    return json.to_string().replacen('{', &doubled, 1);
                }
            }
        }
        Value::Array(parts) if !parts.is_empty() => {
            let index = with % parts.len();
            match edit.with >> 16 & 1 {
                0 => drop(parts.remove(index)),
                _ => parts.insert(index, parts[index].clone()),
            }
        }
        scalar => *scalar = serde_json::from_slice(other).unwrap_or_default(),
    }
    json.to_string()
}

/// One value within a JSON value: as a rule one that has no parts, now and then a whole array or object.
fn nth(json: &mut Value, place: usize) -> &mut Value {
    let count = match json {
        Value::Array(parts) => parts.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if count == 0 || place % 8 == 7 {
        return json;
    }
    let (index, rest) = (place / 8 % count, place / 8 / count);
    match json {
        Value::Array(parts) => nth(&mut parts[index], rest),
        Value::Object(fields) => {
            fields.values_mut().nth(index).map(|part| nth(part, rest)).expect("one of them")
        }
        _ => unreachable!("it has parts"),
    }
}

fn strike(edit: Edit, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        bytes.extend(at_most(other, 256));
        return;
    }
    let place = edit.place as usize % bytes.len();
    match edit.with % 5 {
        0 => bytes[place] ^= 1 << (edit.with >> 8 & 7),
        1 => bytes[place] = (edit.with >> 8) as u8,
        2 => bytes.truncate(place),
        3 => drop(bytes.splice(place..place, at_most(other, 64).iter().copied())),
        _ => drop(bytes.remove(place)),
    }
}

fn at_most(bytes: &[u8], limit: usize) -> &[u8] {
    &bytes[..bytes.len().min(limit)]
}
