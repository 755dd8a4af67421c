//! Outputs as the JSON items that index.js reads: one array for a batch, parsed once.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::fencing;
use super::stats::milliseconds;
use crate::driver::{Answer, Failure, InstanceView, Message, Output};
use crate::election::{InstanceId, Role};
use crate::error::Error;
use crate::medium::Channel;
use crate::messaging::SenderRole;
use crate::wire::{self, Format};

/// Bodies up to this length become part of the items' JSON.
const MAX_SPLICED: usize = 4 << 10;

/// The items that wait to be delivered.
#[derive(Default)]
pub struct Batch {
    json: String,
    /// Bodies of messages, which the items name by index.
    attachments: Vec<Attachment>,
    count: usize,
    attached_bytes: usize,
    tells_sent: bool,
    /// The item at the end of `json`, if it is one of messages that takes in more.
    open: Option<Group>,
}

/// A body that is no part of the items' JSON: bytes, and what is long.
pub enum Attachment {
    Bytes(Vec<u8>),
    Text(String),
}

/// Messages in JSON that came one after another from one sender in one role: one item, which bears what they share once.
struct Group {
    from: InstanceId,
    role: Option<SenderRole>,
    /// Whether a key `__proto__` may be in one of them.
    names_proto: bool,
}

impl Group {
    fn takes(&self, message: &Message) -> bool {
        self.from == message.from && self.role == message.role
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Item<'a> {
    Started,
    Stopped,
    StateChange {
        state: &'static str,
    },
    Elected {
        term: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        checkpoint: Option<Spliced<'a>>,
    },
    Draining {
        term: u64,
        reason: &'static str,
    },
    Defeated {
        #[serde(skip_serializing_if = "Option::is_none")]
        leader: Option<&'a str>,
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        term: Option<u64>,
    },
    Overrun {
        term: u64,
        #[serde(rename = "afterMs")]
        after_ms: f64,
    },
    Stall {
        ms: f64,
    },
    Reconnected,
    LegacyGone,
    Leader {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        term: u64,
    },
    Joined {
        instance: Instance<'a>,
    },
    Left {
        instance: Instance<'a>,
    },
    Gap {
        from: &'a str,
        channel: &'static str,
        missed: u64,
    },
    Error {
        code: &'a str,
        message: String,
    },
    Warning {
        code: &'a str,
        message: String,
    },
    Debug {
        text: &'a str,
    },
    Reply {
        request: u64,
        value: Value<'a>,
    },
    Failure {
        request: u64,
        code: &'a str,
        message: String,
    },
    Sent {
        #[serde(rename = "upTo")]
        up_to: u64,
    },
    Unsent {
        from: u64,
        #[serde(rename = "upTo")]
        up_to: u64,
        code: &'a str,
        message: String,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Nothing(Option<()>),
    Instance(Option<Instance<'a>>),
    Instances(Vec<Instance<'a>>),
    Successor { leader: &'a str },
    Replies(Vec<fencing::Reply<'a>>),
    Checkpoint(Option<Left<'a>>),
}

/// JSON that goes into the items as it is.
struct Spliced<'a>(&'a str);

impl Serialize for Spliced<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json: &RawValue = serde_json::from_str(self.0).expect("checked when it was read");
        json.serialize(serializer)
    }
}

/// What a leader left.
#[derive(Serialize)]
struct Left<'a> {
    term: u64,
    value: Spliced<'a>,
}

#[derive(Serialize)]
struct Instance<'a> {
    id: &'a str,
    meta: &'a RawValue,
    state: &'static str,
}

impl Batch {
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn bytes(&self) -> usize {
        self.json.len() + self.attached_bytes
    }

    /// Whether it says of a message that it went out.
    pub fn tells_sent(&self) -> bool {
        self.tells_sent
    }

    /// The batch as one JSON array.
    pub fn into_parts(mut self) -> (String, Vec<Attachment>) {
        self.close_group();
        let Self { mut json, attachments, count, .. } = self;
        if count == 0 {
            json.push('[');
        }
        json.push(']');
        (json, attachments)
    }

    pub fn push(&mut self, output: Output) {
        let item = match &output {
            Output::Message(message) => return self.push_message(message),
            // The answer to whoever asked for it says so.
            Output::Released => return,
            Output::Started => Item::Started,
            Output::Stopped => Item::Stopped,
            Output::RoleChanged(role) => Item::StateChange { state: state(*role) },
            Output::Elected { term, checkpoint } => {
                let checkpoint = checkpoint.as_ref().map(|left| Spliced(&left.value));
                Item::Elected { term: term.0, checkpoint }
            }
            Output::Draining { term, reason } => {
                Item::Draining { term: term.0, reason: reason.as_str() }
            }
            Output::Defeated { leader, reason, term } => {
                let leader = leader.as_ref().map(|id| id.as_str());
                let term = term.map(|term| term.0);
                Item::Defeated { leader, reason: reason.as_str(), term }
            }
            Output::Overrun { term, after } => {
                Item::Overrun { term: term.0, after_ms: milliseconds(*after) }
            }
            Output::Reconnected => Item::Reconnected,
            Output::LegacyGone => Item::LegacyGone,
            Output::Stall(length) => Item::Stall { ms: milliseconds(*length) },
            Output::LeaderChanged { leader, term } => {
                Item::Leader { id: leader.as_ref().map(|id| id.as_str()), term: term.0 }
            }
            Output::Joined(view) => Item::Joined { instance: instance(view) },
            Output::Left(view) => Item::Left { instance: instance(view) },
            Output::Gap { from, channel, missed } => {
                Item::Gap { from: from.as_str(), channel: name(channel), missed: *missed }
            }
            Output::Error(failure) => {
                let (code, message) = told(failure);
                Item::Error { code, message }
            }
            Output::Warning(failure) => {
                let (code, message) = told(failure);
                Item::Warning { code, message }
            }
            Output::Debug(text) => Item::Debug { text },
            Output::Answer { question: request, answer: Ok(answer) } => {
                Item::Reply { request: *request, value: value(answer) }
            }
            Output::Answer { question: request, answer: Err(failure) } => {
                let (code, message) = told(failure);
                Item::Failure { request: *request, code, message }
            }
            Output::Sent { up_to } => {
                self.tells_sent = true;
                Item::Sent { up_to: *up_to }
            }
            Output::Unsent { from, up_to, failure } => {
                let (code, message) = told(failure);
                Item::Unsent { from: *from, up_to: *up_to, code, message }
            }
        };
        let text = serde_json::to_string(&item).expect("items have only keys that are text");
        self.begin_item();
        self.json.push_str(&text);
    }

    fn push_message(&mut self, message: &Message) {
        match message.format {
            Format::Json if message.body().len() > MAX_SPLICED => self.attach_json(message),
            Format::Json | Format::Lines => self.push_json(message),
            Format::Bytes => {
                self.attach(message, Attachment::Bytes(message.body().to_vec()));
                self.json.push('}');
            }
            Format::Undefined => {
                self.begin_message("message", &message.from, message.role);
                self.json.push('}');
            }
        }
    }

    fn attach(&mut self, message: &Message, attachment: Attachment) {
        self.begin_message("message", &message.from, message.role);
        let index = self.attachments.len().to_string();
        self.json.push_str(r#","attachment":"#);
        self.json.push_str(&index);
        self.attached_bytes += message.body().len();
        self.attachments.push(attachment);
    }

    /// What is long is parsed by itself, or not at all where it is a text without escapes.
    fn attach_json(&mut self, message: &Message) {
        let body = text_of(message);
        if let Some(text) = wire::plain_text(body) {
            self.attach(message, Attachment::Text(text.to_owned()));
            return self.json.push('}');
        }
        self.attach(message, Attachment::Text(body.to_owned()));
        self.json.push_str(r#","isJson":true"#);
        self.json.push_str(if wire::may_name_proto(body) { r#","namesProto":true}"# } else { "}" });
    }

    /// The hot path: the body is spliced in as it came, sound JSON that is encoded no second time.
    fn push_json(&mut self, message: &Message) {
        let body = text_of(message);
        if !self.open.as_ref().is_some_and(|group| group.takes(message)) {
            self.begin_message("messages", &message.from, message.role);
            // What each message adds itself.
            self.count -= 1;
            self.json.push_str(r#","bodies":["#);
            let (from, role) = (message.from.clone(), message.role);
            self.open = Some(Group { from, role, names_proto: false });
        } else {
            self.json.push(',');
        }
        match message.format {
            Format::Lines => self.push_lines(body),
            _ => self.push_body(body),
        }
        if let Some(group) = &mut self.open {
            group.names_proto |= wire::may_name_proto(body);
        }
    }

    fn push_lines(&mut self, body: &str) {
        for (index, line) in wire::lines(body).enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            self.push_body(line);
        }
    }

    fn push_body(&mut self, body: &str) {
        self.count += 1;
        self.json.push_str(body);
    }

    fn begin_message(&mut self, kind: &str, from: &InstanceId, role: Option<SenderRole>) {
        self.begin_item();
        self.json.push_str(r#"{"type":""#);
        self.json.push_str(kind);
        self.json.push_str(r#"","from":"#);
        self.push_text(from.as_str());
        self.json.push_str(match role {
            Some(SenderRole::Leader) => r#","role":"leader""#,
            Some(SenderRole::Follower) => r#","role":"follower""#,
            None => "",
        });
    }

    fn begin_item(&mut self) {
        self.close_group();
        self.json.push(if self.count == 0 { '[' } else { ',' });
        self.count += 1;
    }

    fn close_group(&mut self) {
        if let Some(group) = self.open.take() {
            self.json.push_str(if group.names_proto { r#"],"proto":true}"# } else { "]}" });
        }
    }

    fn push_text(&mut self, text: &str) {
        let quoted = serde_json::to_string(text).expect("text is JSON");
        self.json.push_str(&quoted);
    }
}

fn text_of(message: &Message) -> &str {
    std::str::from_utf8(message.body()).expect("checked when it came in")
}

fn told(failure: &Failure) -> (&'static str, String) {
    let error = Error::from(failure.clone());
    (error.code().as_str(), error.message().to_owned())
}

fn value(answer: &Answer) -> Value<'_> {
    match answer {
        Answer::Done => Value::Nothing(None),
        Answer::Leader(view) => Value::Instance(view.as_ref().map(instance)),
        Answer::Instances(views) => Value::Instances(views.iter().map(instance).collect()),
        Answer::Successor(leader) => Value::Successor { leader: leader.as_str() },
        Answer::Replies { replies, as_bytes } => {
            let reply = |data| fencing::Reply { data, as_bytes: *as_bytes };
            Value::Replies(replies.iter().map(reply).collect())
        }
        Answer::Checkpoint(left) => Value::Checkpoint(
            left.as_ref().map(|left| Left { term: left.term.0, value: Spliced(&left.value) }),
        ),
    }
}

fn instance(view: &InstanceView) -> Instance<'_> {
    Instance { id: view.record.id.as_str(), meta: &view.record.meta, state: state(view.role) }
}

/// A role by its name in JavaScript, where a draining leader is none.
pub fn state(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Candidate => "candidate",
        Role::Follower | Role::Draining => "follower",
    }
}

fn name(channel: &Channel) -> &'static str {
    match channel {
        Channel::All => "all",
        Channel::Leader => "leader",
        Channel::Followers => "followers",
        Channel::Instance(_) => "instance",
        Channel::Election | Channel::Registry | Channel::Requests | Channel::Legacy(_) => {
            "internal"
        }
    }
}
