//! Everything that decodes bytes of others: from Redis, and from JavaScript. Each target takes any bytes and panics when a promise
//! is broken: what decodes encodes again to something that decodes to the same, is within the limits, and does no harm to those
//! that it is handed to.
//!
//! `cargo test` runs them briefly (`main.rs`), `npm run fuzz` at length (`fuzz/`).

use std::sync::Arc;
use std::time::Duration;

use incumbent::candidate::{Options, Place};
use incumbent::election::{
    Announcement, Command, Election, Identity, InstanceId, Instant, Reply, Tenure, Term, Timing,
};
use incumbent::medium::fencing::{Fenced, MAX_CHECKPOINT_BYTES};
use incumbent::medium::redis::fenced::{Places, read_fence, read_replies};
use incumbent::medium::redis::greeting::{Greeting, is_too_old};
use incumbent::medium::redis::keys::{Names, kind_of_register};
use incumbent::medium::redis::reply::{Answer, Unreadable};
use incumbent::medium::redis::{Endpoint, Place as Located, Target as Server};
use incumbent::membership::{Change, InstanceRecord, Membership, RegistryChange, Roster};
use incumbent::messaging::{Channel, Envelope, Format, Petition, Reception};
use incumbent::migration::wire::{Ballot, Letter, Record, decode_message, encode_message};
use incumbent::migration::{Migration, Standing, Step};
use incumbent::observer::look;
use incumbent::wire;
use redis::Value;
use serde_json::json;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: &[Target] = &[
    Target { name: "message", run: message },
    Target { name: "announcement", run: announcement },
    Target { name: "instance", run: instance },
    Target { name: "registry-change", run: registry_change },
    Target { name: "petition", run: petition },
    Target { name: "register-key", run: register_key },
    Target { name: "look", run: look },
    Target { name: "legacy-ballot", run: legacy_ballot },
    Target { name: "legacy-record", run: legacy_record },
    Target { name: "legacy-message", run: legacy_message },
    Target { name: "answer", run: answer },
    Target { name: "resp", run: resp },
    Target { name: "greeting", run: greeting },
    Target { name: "options", run: options },
    Target { name: "url", run: url },
];

// ---- What is published ----------------------------------------------------------------------------------------------

fn message(bytes: &[u8]) {
    let Some((envelope, body)) = wire::decode_message(bytes) else { return };
    assert!(body.len() <= wire::MAX_MESSAGE_BYTES);
    let encoded = envelope.encode(body);
    let again = wire::decode_message(&encoded);
    // Escapes and long numbers are written in their shortest form, so a message that fitted still does.
    assert_eq!(again, Some((envelope.clone(), body)));

    let count = wire::count_sound(envelope.format, body).expect("it was found sound");
    assert!(count >= 1 && count <= 1 + body.len() as u64);
    for channel in [Channel::All, Channel::Leader, Channel::Instance(InstanceId::new("me"))] {
        let mut reception = Reception::new(InstanceId::new("me"));
        for seq in [envelope.seq / 2, envelope.seq, envelope.seq, u64::MAX, 0] {
            let next = Envelope { seq, ..envelope.clone() };
            reception.handle_messages(&channel, &next, count, envelope.leads);
        }
    }
}

fn announcement(bytes: &[u8]) {
    let Some(announcement) = wire::decode_announcement(bytes) else { return };
    let encoded = match &announcement {
        Announcement::Heartbeat { holder, term, beat, stamp } => json!({
            "v": 1, "type": "heartbeat", "holder": holder.as_str(), "term": term.0, "beat": beat, "stamp": stamp.as_str(),
        }),
        Announcement::Vacancy { term, stamp, heir } => json!({
            "v": 1, "type": "vacancy", "term": term.0, "stamp": stamp.as_str(),
            "heir": heir.as_ref().map_or("", InstanceId::as_str),
        }),
    };
    let again = wire::decode_announcement(encoded.to_string().as_bytes());
    assert_eq!(again.as_ref(), Some(&announcement));

    let mut election = follower();
    for seconds in 11..14 {
        let now = Instant::from_millis(seconds * 1000);
        election.handle_announcement(now, announcement.clone());
        go_on(&mut election, now);
    }
}

fn registry_change(bytes: &[u8]) {
    let Some(change) = wire::decode_registry_change(bytes) else { return };
    let encoded = match &change.change {
        Change::Enrolled(record) => {
            format!("{{\"v\":1,\"revision\":{},\"enrolled\":{}}}", change.revision, record.encode())
        }
        Change::Left(id) => {
            json!({ "v": 1, "revision": change.revision, "left": id.as_str() }).to_string()
        }
    };
    let again = wire::decode_registry_change(encoded.as_bytes()).expect("it decoded before");
    assert_eq!(again.revision, change.revision);
    match (&again.change, &change.change) {
        (Change::Enrolled(again), Change::Enrolled(record)) => assert_eq!(again, record),
        (Change::Left(again), Change::Left(id)) => assert_eq!(again, id),
        _ => panic!("an entry and a departure were mistaken for each other"),
    }
    join_and_leave(change);
}

fn petition(bytes: &[u8]) {
    let Some(petition) = wire::decode_petition(Format::Json, bytes) else { return };
    if let Petition::Transfer { to } = &petition {
        assert!(to.as_str().len() <= wire::MAX_NAME_BYTES);
    }
    assert_eq!(wire::decode_petition(Format::Bytes, bytes), None);
}

fn join_and_leave(change: RegistryChange) {
    let mut membership = Membership::new(InstanceId::new("me"));
    let now = Instant::from_millis(10_000);
    let roster = |revision| Roster { register: vacant(), revision, instances: vec![] };
    for revision in [change.revision.saturating_sub(1), change.revision, u64::MAX] {
        membership.handle_roster(now, &roster(revision));
        membership.handle_change(now, change.clone());
        membership.handle_revision(now, revision);
    }
    while membership.poll_event().is_some() {}
}

// ---- What whoever looks from outside reads ---------------------------------------------------------------------------

fn register_key(bytes: &[u8]) {
    let Ok(key) = std::str::from_utf8(bytes) else { return };
    for prefix in ["", "team:"] {
        let Some(kind) = kind_of_register(prefix, key) else { continue };
        assert_eq!(Names::new(prefix, &kind, 0).register, key);
    }
}

/// The four answers as JSON.
fn look(bytes: &[u8]) {
    let Ok(serde_json::Value::Array(answers)) = serde_json::from_slice(bytes) else { return };
    let now = tokio::time::Instant::now();
    let answers = answers.into_iter().map(|answer| Ok(redis_value(answer))).collect();
    let look = look::read(answers, now, now).expect("nothing was refused");
    let status = serde_json::to_value(look.status("kind", "address", |_| None)).expect("JSON");
    let leaders = |one: &&serde_json::Value| one["state"] == "leader";
    let instances = status["instances"].as_array().expect("a list");
    assert!(instances.iter().filter(leaders).count() <= 1);
    assert!(status["term"].as_u64().is_none_or(|term| term < Term::LIMIT.0));
}

// ---- What instances of node-raft-redis say --------------------------------------------------------------------------

fn legacy_ballot(bytes: &[u8]) {
    let Some(ballot) = Ballot::decode(bytes) else { return };
    let again = Ballot::decode(&ballot.encode()).expect("it decoded before");
    assert_eq!((again.from, again.term), (ballot.from.clone(), ballot.term));

    let start = Instant::from_millis(10_000);
    for reign in [None, Some(7)] {
        let mut migration =
            Migration::new(InstanceId::new("me"), Duration::from_millis(800), 0, start);
        migration.handle_listening(start);
        for tenth in 0..50 {
            let now = start + Duration::from_millis(100 * tenth);
            let leader = Some((InstanceId::new("x"), 6));
            let standing = Standing { reign, awaits_admission: true, seeks: tenth > 20, leader };
            migration.handle_standing(now, standing);
            migration.handle_ballot(now, ballot.clone());
            work_off(&mut migration, now, None);
        }
    }
}

fn legacy_record(bytes: &[u8]) {
    if let Some(record) = Record::decode(bytes) {
        assert!(record.meta.get().len() <= wire::MAX_META_BYTES);
        assert!(wire::is_sound_json(record.meta.get()));
    }
    let start = Instant::from_millis(10_000);
    let mut migration = Migration::new(InstanceId::new("me"), Duration::from_millis(800), 0, start);
    for second in 0..5 {
        work_off(&mut migration, start + Duration::from_secs(second), Some(bytes));
    }
    assert!(migration.count() <= 1);
}

/// Does what is due; whatever is read is `record`.
fn work_off(migration: &mut Migration, now: Instant, record: Option<&[u8]>) {
    let mut steps = 0;
    while let Some(step) = migration.poll_step(now) {
        match step {
            Step::Speak(ballot) => {
                assert!(Ballot::decode(&ballot.encode()).is_some());
                migration.handle_spoken(now, &ballot);
            }
            Step::Scan(_) => migration.handle_scanned(now, 0, vec![InstanceId::new("a")]),
            Step::Read(ids) => {
                let read = |id| (id, record.map(<[u8]>::to_vec));
                migration.handle_read(now, 0.0, ids.into_iter().map(read).collect());
            }
            Step::Enter => {}
        }
        steps += 1;
        assert!(steps < 100, "it never comes to rest");
    }
    migration.may_lead(now);
    while migration.poll_event().is_some() {}
}

fn legacy_message(bytes: &[u8]) {
    if let Some(Letter::Old(message)) = decode_message(bytes) {
        let body = message.body.unwrap_or("null");
        assert!(body.len() <= wire::MAX_MESSAGE_BYTES && wire::is_sound_json(body));
        let ours = encode_message(&message.from, Format::Json, body.as_bytes(), Some(true));
        assert!(matches!(decode_message(&ours), Some(Letter::New) | None));
    }
}

// ---- What scripts and the server answer -----------------------------------------------------------------------------

fn instance(bytes: &[u8]) {
    let Some(record) = InstanceRecord::decode(bytes) else { return };
    assert!(record.meta.get().len() <= wire::MAX_META_BYTES);
    assert!(record.priority.unsigned_abs() <= wire::MAX_PRIORITY);
    assert!(wire::is_sound_json(record.meta.get()));
    assert_eq!(InstanceRecord::decode(record.encode().as_bytes()).as_ref(), Some(&record));
}

/// A script's answer as JSON, in the place of RESP, so that its parts can be changed one by one.
fn answer(bytes: &[u8]) {
    if let Ok(json) = serde_json::from_slice(bytes) {
        read_answer(redis_value(json));
    }
}

/// The bytes themselves, as redis-rs reads them.
fn resp(bytes: &[u8]) {
    if let Ok(value) = redis::parse_redis_value(bytes) {
        read_greeting(&value);
        if let Ok(value) = value.extract_error() {
            read_answer(value);
        }
    }
}

fn read_answer(value: Value) {
    let read = |value: Value| -> Result<Reply, Unreadable> {
        let mut answer = Answer::new(value)?;
        let reply = answer.register(7)?;
        let _ = answer.number().and_then(|_| answer.flag());
        for (_, record) in answer.pairs().unwrap_or_default() {
            instance(&record);
        }
        Ok(reply)
    };
    read_of_leaders(&value);
    let Ok(reply) = read(value.clone()) else { return };
    assert_eq!(read(value).expect("it was read before"), reply);

    let mut election = follower();
    let now = Instant::from_millis(12_000);
    election.handle_observation(now, reply.clone());
    go_on(&mut election, now);
    let later = now + Duration::from_secs(601);
    if let Some(request) = election.poll_command(later) {
        // A script never answers with a term at or over the limit; the election must bear it all the same.
        election.handle_reply(later, request.id, reply);
    }
    go_on(&mut election, later);
}

/// What a leader left, and what came of commands that only a leader may give.
fn read_of_leaders(value: &Value) {
    let recall = |value: Value| {
        let mut answer = Answer::new(value)?;
        answer.register(7)?;
        answer.checkpoint()
    };
    if let Ok(Some(left)) = recall(value.clone()) {
        assert!(left.value.len() <= MAX_CHECKPOINT_BYTES && wire::is_sound_json(&left.value));
    }
    if let Some(Fenced::Done(Err(failed))) = read_replies(value.clone()) {
        assert!(!failed.message.contains(" script: "));
    }
    read_fence(value.clone());
    Places::described(value);
}

fn greeting(bytes: &[u8]) {
    if let Ok(json) = serde_json::from_slice(bytes) {
        read_greeting(&redis_value(json));
    }
}

fn read_greeting(value: &Value) {
    let greeting = Greeting::read(value);
    if let Some(version) = greeting.version {
        let is_numbered = version.starts_with(|c: char| c.is_ascii_digit() || c == '+');
        assert!(is_numbered || !is_too_old(&version), "{version} was judged by no number");
    }
}

fn redis_value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(flag) => Value::Boolean(flag),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or(Value::Double(number.as_f64().unwrap_or(0.0)), Value::Int)
        }
        serde_json::Value::String(text) => Value::BulkString(text.into_bytes()),
        serde_json::Value::Array(parts) => {
            Value::Array(parts.into_iter().map(redis_value).collect())
        }
        serde_json::Value::Object(fields) => {
            let text = |text: String| Value::SimpleString(text);
            Value::Map(fields.into_iter().map(|(k, v)| (text(k), redis_value(v))).collect())
        }
    }
}

// ---- What JavaScript hands over -------------------------------------------------------------------------------------

fn options(bytes: &[u8]) {
    // Strings of JavaScript arrive as UTF-8.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(options) = Options::parse(text) else { return };
    if let Ok(timing) = options.timing() {
        assert!(timing.command_timeout() < timing.renewal_interval());
        assert!(timing.renewal_interval() <= timing.lease() / 4);
    }
    if let Ok(candidacy) = options.candidacy() {
        assert!(candidacy.priority.unsigned_abs() <= wire::MAX_PRIORITY);
        assert!(candidacy.min_instances >= 1);
    }
    let _ = options.drain_limit();
    assert!(options.max_stall().is_none_or(|limit| limit >= Duration::from_millis(1)));
    if let Ok(Place::Redis(server)) = options.place(None) {
        let _ = server.address();
    }
    wire::encode_name(&options.kind);
}

fn url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(server) = Server::parse(text) {
        let Located::Server(endpoint) = &server.place else { panic!("a URL names one server") };
        match endpoint {
            Endpoint::Tcp { host, .. } => assert!(!host.is_empty()),
            Endpoint::Unix(path) => assert!(path.is_absolute()),
        }
        assert!(server.db >= 0);
        assert!(!server.address().is_empty());
    }
    // Whatever stands in a URL may be a secret.
    for url in [format!("{text}{SECRET}"), format!("redis://user:{SECRET}{text}")] {
        let reason = Server::parse(&url).err().unwrap_or_default();
        assert!(!reason.contains(SECRET), "{reason}");
    }
}

const SECRET: &str = "canary-4e1d";

// ---- Those that it is handed to -------------------------------------------------------------------------------------

fn vacant() -> Reply {
    let mut answer = Answer::new(redis_value(json!([
        "0",
        "0",
        "aaaa",
        "",
        "0",
        "0",
        "c0ffee0123456789-1790000000000000",
        "",
        "0",
        "",
        "",
        ""
    ])))
    .expect("an array is an answer");
    answer.register(7).expect("all twelve parts are there")
}

/// An election that has heard of a leader.
fn follower() -> Election {
    let timing = Timing::new(Duration::from_millis(800), None).expect("within the bounds");
    let mut draws = 0;
    let draw = move || {
        draws += 1;
        draws
    };
    let mut election =
        Election::new(InstanceId::new("me"), timing, Arc::new(Tenure::default()), Box::new(draw));
    let now = Instant::from_millis(10_000);
    election.handle_start(now);
    election.handle_connected(now);
    election.handle_subscribed(now);
    let mut reply = vacant();
    reply.shown.identity = Identity::server("aaaa");
    reply.shown.record.term = Term(1_790_000_000_000_000);
    if let Some(request) = election.poll_command(now) {
        election.handle_reply(now, request.id, reply);
    }
    election
}

/// What the driver does after every step. Terms that it asks for stay below the limit.
fn go_on(election: &mut Election, now: Instant) {
    if let Some(request) = election.poll_command(now) {
        if let Command::Take { floor, .. } = &request.command {
            assert!(*floor < Term::LIMIT, "a take names {floor} as the floor");
        }
        election.handle_failure(now, request.id);
    }
    while election.poll_event().is_some() {}
    election.poll_timeout();
}
