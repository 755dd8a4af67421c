//! The bytes of PROTOCOL.md, as examples in `fixtures/wire`, which the JavaScript tests read as well; and the part of PROTOCOL.md
//! that repeats the headers of the Lua scripts. After a change of a header, write that part anew:
//!
//! ```text
//! INCUMBENT_WRITE_PROTOCOL=1 cargo test --test wire_fixtures
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use incumbent::authentication::{Authenticator, Fault};
use incumbent::election::{Announcement, Candidacy, Holder, InstanceId, Instant};
use incumbent::membership::Change;
use incumbent::messaging::{Channel, Reception};
use incumbent::wire::{
    self, Envelope, Format, InstanceRecord, Letterhead, decode_announcement, decode_message,
    decode_registry_change, encode_name,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

// ---- Names ----------------------------------------------------------------------------------------------------------

#[test]
fn names_are_encoded_so_that_no_two_become_the_same() {
    let cases = list(&fixture("names"), "encoded");
    let encoded: BTreeSet<&str> = cases.iter().map(|case| str_of(case, "encoded")).collect();
    assert_eq!(encoded.len(), cases.len());
    for case in &cases {
        assert_eq!(
            encode_name(str_of(case, "name")),
            str_of(case, "encoded"),
            "{}",
            situation(case)
        );
    }
}

// ---- Announcements --------------------------------------------------------------------------------------------------

#[test]
fn announcements_are_read_as_documented() {
    for case in accepted("announcements") {
        let announcement = decode_announcement(&bytes(&case["body"]))
            .unwrap_or_else(|| panic!("{}", situation(&case)));
        assert_eq!(shown(&announcement), spelt_out(&case["means"]), "{}", situation(&case));
    }
}

#[test]
fn malformed_announcements_are_refused() {
    for case in refused("announcements") {
        assert_eq!(decode_announcement(&bytes(&case["body"])), None, "{}", situation(&case));
    }
}

fn shown(announcement: &Announcement) -> Value {
    match announcement {
        Announcement::Heartbeat { holder, term, beat, stamp } => json!({
            "type": "heartbeat", "holder": holder.as_str(), "term": term.0, "beat": beat, "stamp": stamp.as_str(),
        }),
        Announcement::Vacancy { term, stamp, heir } => json!({
            "type": "vacancy", "term": term.0, "stamp": stamp.as_str(),
            "heir": heir.as_ref().map(InstanceId::as_str),
        }),
    }
}

// ---- The registry ---------------------------------------------------------------------------------------------------

#[test]
fn instance_records_are_read_and_written_as_documented() {
    for case in accepted("instances") {
        let body = bytes(&case["body"]);
        let record =
            InstanceRecord::decode(&body).unwrap_or_else(|| panic!("{}", situation(&case)));
        assert_eq!(shown_record(&record), spelt_out(&case["means"]), "{}", situation(&case));
        if is_written(&case) {
            let holder = Holder::parse(&record.holder).unwrap();
            let meta = RawValue::from_string(record.meta.get().to_owned()).unwrap();
            let candidacy = Candidacy {
                priority: record.priority,
                is_eligible: record.is_eligible,
                ..Candidacy::default()
            };
            let written =
                InstanceRecord::of_candidate(&holder, meta.into(), candidacy, record.since)
                    .encode();
            assert_eq!(written.as_bytes(), body, "{}", situation(&case));
        }
    }
}

#[test]
fn malformed_instance_records_are_refused() {
    for case in refused("instances") {
        assert_eq!(InstanceRecord::decode(&bytes(&case["body"])), None, "{}", situation(&case));
    }
}

#[test]
fn registry_changes_are_read_as_documented() {
    for case in accepted("registry-changes") {
        let change = decode_registry_change(&bytes(&case["body"]))
            .unwrap_or_else(|| panic!("{}", situation(&case)));
        let shown = match &change.change {
            Change::Enrolled(record) => {
                json!({ "revision": change.revision, "enrolled": shown_record(record) })
            }
            Change::Left(id) => json!({ "revision": change.revision, "left": id.as_str() }),
        };
        assert_eq!(shown, spelt_out(&case["means"]), "{}", situation(&case));
    }
}

#[test]
fn malformed_registry_changes_are_refused() {
    for case in refused("registry-changes") {
        assert!(decode_registry_change(&bytes(&case["body"])).is_none(), "{}", situation(&case));
    }
}

fn shown_record(record: &InstanceRecord) -> Value {
    let mut shown =
        json!({ "id": record.id.as_str(), "holder": *record.holder, "meta": record.meta.get() });
    // Left out where they are what they are without being named.
    if record.priority != 0 {
        shown["priority"] = json!(record.priority);
    }
    if !record.is_eligible {
        shown["eligible"] = json!(false);
    }
    if let Some(since) = record.since {
        shown["since"] = json!(since);
    }
    shown
}

// ---- Messages -------------------------------------------------------------------------------------------------------

#[test]
fn messages_are_read_and_written_as_documented() {
    for case in accepted("messages") {
        let (body, means) = (bytes(&case["body"]), &case["means"]);
        let (envelope, message) =
            decode_message(&body).unwrap_or_else(|| panic!("{}", situation(&case)));
        assert_eq!(message, bytes(&means["message"]), "{}", situation(&case));
        let shown = json!({
            "from": envelope.from, "term": envelope.term, "leads": envelope.leads, "seq": envelope.seq,
            "format": format_name(envelope.format), "message": means["message"],
        });
        assert_eq!(shown, *means, "{}", situation(&case));
        if is_written(&case) {
            assert_eq!(envelope.encode(message), body, "{}", situation(&case));
        }
        assert!(is_delivered(&envelope), "{}", situation(&case));
    }
}

#[test]
fn several_messages_in_an_envelope_are_read_and_written_as_documented() {
    for case in list(&fixture("messages"), "several") {
        let (body, means) = (bytes(&case["body"]), &case["means"]);
        let (envelope, text) =
            decode_message(&body).unwrap_or_else(|| panic!("{}", situation(&case)));
        let messages: Vec<&str> = wire::lines(std::str::from_utf8(text).unwrap()).collect();
        let shown = json!({
            "from": envelope.from, "term": envelope.term, "leads": envelope.leads, "seq": envelope.seq,
            "format": format_name(envelope.format), "messages": messages,
        });
        assert_eq!(shown, *means, "{}", situation(&case));
        let count = messages.len() as u64;
        assert_eq!(wire::count_sound(envelope.format, text), Some(count), "{}", situation(&case));
        if is_written(&case) {
            let head = Letterhead::new(&envelope.from, envelope.term, envelope.leads);
            let bodies = messages.iter().map(|message| message.as_bytes());
            assert_eq!(
                head.encode_lines(envelope.seq, envelope.at, bodies),
                body,
                "{}",
                situation(&case)
            );
        }
    }
}

#[test]
fn authenticated_messages_are_written_and_taken_as_documented() {
    let fixture = fixture("authenticated");
    let secret = str_of(&fixture, "secret").as_bytes();
    for case in list(&fixture, "cases") {
        let receiver = Authenticator::new([secret]).expect("there is a secret");
        let (channel, at) = (str_of(&case, "channel"), case["at"].as_u64().unwrap());
        let payload = bytes(&case["body"]);
        let (envelope, body) = decode_message(&payload).expect("it is sound");
        let mut written = envelope.encode(body);
        receiver.sign(channel, &mut written);
        assert_eq!(written, payload, "{}", situation(&case));
        let now = Instant::from_nanos(1);
        let admit = |name| receiver.admit((now, at), (&Channel::All, name), &payload, &envelope);
        assert_eq!(admit("incumbent:{another}:0:all"), Err(Fault::Forged), "{}", situation(&case));
        assert_eq!(admit(channel), Ok(()), "{}", situation(&case));
        assert_eq!(admit(channel), Err(Fault::Repeated), "{}", situation(&case));
    }
}

#[test]
fn malformed_messages_are_refused() {
    for case in refused("messages") {
        let body = bytes(&case["body"]);
        let is_refused = decode_message(&body).is_none_or(|(envelope, _)| !is_delivered(&envelope));
        assert!(is_refused, "{}", situation(&case));
    }
}

fn is_delivered(envelope: &Envelope) -> bool {
    let mut reception = Reception::new(InstanceId::new("receiver"));
    reception.handle_messages(&Channel::All, envelope, 1, false).is_some()
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Json => "json",
        Format::Bytes => "bytes",
        Format::Undefined => "undefined",
        Format::Lines => "lines",
    }
}

// ---- PROTOCOL.md ----------------------------------------------------------------------------------------------------

#[test]
fn the_limits_in_the_document_are_those_of_the_code() {
    let document = protocol();
    for row in [
        format!("| message, or several in an envelope | {} bytes |", wire::MAX_MESSAGE_BYTES),
        format!("| message with its envelope | {} bytes |", wire::MAX_ENVELOPE_BYTES),
        format!("| meta | {} bytes |", wire::MAX_META_BYTES),
        format!("| kind, id | {} bytes |", wire::MAX_NAME_BYTES),
        format!("| nesting of a message or a meta | {} levels |", wire::MAX_DEPTH),
    ] {
        assert!(without_padding(&document).contains(&row), "PROTOCOL.md lacks the row {row}");
    }
}

#[test]
fn the_scripts_in_the_document_are_the_headers_of_the_scripts() {
    let document = protocol();
    let (before, rest) = document.split_once(BEGIN).expect("the mark of the beginning stands");
    let (found, after) = rest.split_once(END).expect("the mark of the end stands");
    let generated = generated_scripts();
    if std::env::var_os("INCUMBENT_WRITE_PROTOCOL").is_some() {
        let whole = format!("{before}{BEGIN}{generated}{END}{after}");
        fs::write(root().join("PROTOCOL.md"), whole).unwrap();
    } else {
        assert!(
            found == generated,
            "the scripts' headers have changed; write PROTOCOL.md anew with\n  \
             INCUMBENT_WRITE_PROTOCOL=1 cargo test --test wire_fixtures"
        );
    }
}

const BEGIN: &str = "<!-- scripts: begin -->\n";
const END: &str = "<!-- scripts: end -->";

/// What stands before others, in the order in which it does, then the scripts in the order of their use.
const SCRIPTS: &[&str] = &[
    "server",
    "prologue",
    "register",
    "record",
    "checkpoint",
    "fence",
    "registry",
    "peek",
    "take",
    "unchanged",
    "renew",
    "release",
    "fenced",
    "leave",
    "recall",
    "enroll",
    "refresh",
    "withdraw",
    "roster",
    "batch",
];

fn generated_scripts() -> String {
    let folder = root().join("src/medium/redis/lua");
    let files: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let known: BTreeSet<String> = SCRIPTS.iter().map(|name| format!("{name}.lua")).collect();
    assert_eq!(files, known, "each script has its place in PROTOCOL.md");
    let sections = SCRIPTS.iter().map(|name| {
        let header = header(&folder.join(format!("{name}.lua")));
        format!("\n### `{name}.lua`\n\n```text\n{header}```\n")
    });
    sections.chain(["\n".to_owned()]).collect()
}

/// The comment that a script begins with.
fn header(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map_while(|line| line.strip_prefix("--"));
    let header: String =
        lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect();
    assert!(!header.is_empty(), "{} has no header", file.display());
    header
}

fn protocol() -> String {
    fs::read_to_string(root().join("PROTOCOL.md")).unwrap()
}

/// Tables are padded to columns; here they are not.
fn without_padding(text: &str) -> String {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

// ---- Fixtures -------------------------------------------------------------------------------------------------------

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(name: &str) -> Value {
    let file = root().join(format!("fixtures/wire/{name}.json"));
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn accepted(name: &str) -> Vec<Value> {
    list(&fixture(name), "accepted")
}

fn refused(name: &str) -> Vec<Value> {
    list(&fixture(name), "refused")
}

fn list(fixture: &Value, name: &str) -> Vec<Value> {
    let cases = fixture[name].as_array().expect(name).clone();
    assert!(!cases.is_empty());
    cases
}

fn situation(case: &Value) -> &str {
    str_of(case, "situation")
}

fn str_of<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().expect(name)
}

/// Whether the body stands exactly as this revision writes it.
fn is_written(case: &Value) -> bool {
    case["written"] == true
}

/// A body is a text, or a list of texts, of bytes `{ hex }` and of repetitions `{ repeat, times }`.
fn bytes(body: &Value) -> Vec<u8> {
    match body {
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(parts) => parts.iter().flat_map(bytes).collect(),
        _ if body["hex"].is_string() => {
            let digits = str_of(body, "hex").as_bytes().chunks(2);
            let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
            digits.map(byte).collect()
        }
        _ => {
            let times = body["times"].as_u64().expect("times") as usize;
            str_of(body, "repeat").repeat(times).into_bytes()
        }
    }
}

/// A meaning whose long texts are written as bodies are.
fn spelt_out(means: &Value) -> Value {
    match means {
        Value::Array(_) => String::from_utf8(bytes(means)).unwrap().into(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), spelt_out(value))).collect()
        }
        _ => means.clone(),
    }
}
