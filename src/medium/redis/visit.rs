//! A connection for whoever looks at the server, and takes no part in an election.

use std::time::Duration;

use redis::{Cmd, PushInfo, PushKind, RedisError, Value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout};

use super::attempts::MOST_HOPS;
use super::connection::Line;
use super::errors;
use super::greeting::Greeting;
use super::guide::Guide;
use super::info::Info;
use super::target::Target;
use crate::medium::MediumError;

/// How long to wait for an answer; nobody's leadership hangs on it.
const LIMIT: Duration = Duration::from_secs(5);

pub struct Visit {
    line: Line,
    published: UnboundedReceiver<Published>,
}

/// What came on a channel, and when.
pub struct Published {
    pub payload: Vec<u8>,
    pub came: Instant,
}

/// A command did not get its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A sentence for the user.
    pub message: String,
    /// Where it is for a right that is missing: which kind of right.
    pub denied: Option<Denied>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    Command,
    Key,
    Channel,
}

impl Visit {
    /// Connects as a candidate would, also to a server that is of no use to one. `key` decides on the node of a cluster.
    ///
    /// # Errors
    /// When no connection comes about.
    pub async fn open(target: &Target, key: &str) -> Result<Self, MediumError> {
        let (sender, published) = unbounded_channel();
        let on_push = move |push: PushInfo| {
            if let Some(message) = read(push) {
                // An error means that the visit has ended.
                let _ = sender.send(message);
            }
        };
        let target = target.identified().await?;
        let guide = Guide::new(&target, key);
        let line = tokio::select! {
            line = follow(&guide, &target, on_push) => line?,
            never = guide.listen() => match never {},
        };
        Ok(Self { line, published })
    }

    pub fn greeting(&self) -> &Greeting {
        &self.line.greeting
    }

    /// The server that was reached.
    pub fn address(&self) -> &str {
        &self.line.address
    }

    pub async fn ask(&mut self, words: &[&str]) -> Result<Value, Refusal> {
        let command = command(words);
        let answer = timeout(LIMIT, self.line.connection.send_packed_command(&command)).await;
        match answer {
            Ok(answer) => {
                answer.and_then(Value::extract_error).map_err(|error| self.refusal(&error))
            }
            Err(_) => Err(self.no_answer()),
        }
    }

    /// The answers to several commands, sent at once.
    pub async fn ask_all(&mut self, commands: &[&[String]]) -> Vec<Result<Value, Refusal>> {
        let mut pipeline = redis::Pipeline::with_capacity(commands.len());
        for words in commands {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            pipeline.add_command(command(&words));
        }
        let asked = self.line.connection.send_packed_commands(&pipeline, 0, commands.len());
        let failure = match timeout(LIMIT, asked).await {
            Ok(Ok(answers)) => {
                let told = |answer: Value| answer.extract_error().map_err(|e| self.refusal(&e));
                return answers.into_iter().map(told).collect();
            }
            Ok(Err(error)) => self.refusal(&error),
            Err(_) => self.no_answer(),
        };
        vec![Err(failure); commands.len()]
    }

    pub async fn info(&mut self) -> Result<Info, Refusal> {
        self.ask(&["INFO"]).await.map(|answer| Info::new(text(&answer).unwrap_or_default()))
    }

    /// The value of a setting; `None` where the server has none of that name.
    pub async fn setting(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        let answer = self.ask(&["CONFIG", "GET", name]).await?;
        Ok(match answer {
            Value::Map(entries) => entries.first().and_then(|(_, value)| text(value)),
            Value::Array(parts) => parts.get(1).and_then(text),
            _ => None,
        })
    }

    pub async fn subscribe(&mut self, channel: &str) -> Result<(), Refusal> {
        let name = if self.line.is_sharded() { "SSUBSCRIBE" } else { "SUBSCRIBE" };
        self.ask(&[name, channel]).await.map(drop)
    }

    pub async fn publish(&mut self, channel: &str, word: &str) -> Result<(), Refusal> {
        let name = if self.line.is_sharded() { "SPUBLISH" } else { "PUBLISH" };
        self.ask(&[name, channel, word]).await.map(drop)
    }

    /// The next that comes on a channel; `None` when nothing does.
    pub async fn hear(&mut self) -> Option<Published> {
        timeout(LIMIT, self.published.recv()).await.ok().flatten()
    }

    fn refusal(&self, error: &RedisError) -> Refusal {
        let message = errors::of_command(self.address(), error).message;
        Refusal { message, denied: errors::words_of(error).and_then(|words| denied(&words)) }
    }

    fn no_answer(&self) -> Refusal {
        Refusal { message: errors::timed_out(self.address(), LIMIT).message, denied: None }
    }
}

/// Goes where it is sent, to a server that may be too old, or a replica.
async fn follow(
    guide: &Guide,
    target: &Target,
    on_push: impl Fn(PushInfo) + Clone + Send + Sync + 'static,
) -> Result<Line, MediumError> {
    for _ in 0..MOST_HOPS {
        let direction = guide.locate(target, LIMIT).await?;
        let (endpoint, label) = (&direction.endpoint, direction.label());
        let mut line = Line::open_to_any(target, endpoint, &label, LIMIT, on_push.clone()).await?;
        let serves = timeout(LIMIT, guide.serves(&mut line)).await;
        if serves.unwrap_or_else(|_| Err(errors::no_answer_to_attempt(&label, LIMIT)))? {
            return Ok(line);
        }
    }
    Err(errors::sent_round(&target.address()))
}

/// What is missing, by the server's words. Those of 6.2: "… to access one of the keys used as arguments".
fn denied(words: &str) -> Option<Denied> {
    let is_denial = words.starts_with("NOPERM");
    let what = match () {
        () if words.contains("command") => Denied::Command,
        () if words.contains("channel") => Denied::Channel,
        () if words.contains("key") => Denied::Key,
        () => Denied::Command,
    };
    is_denial.then_some(what)
}

pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    words.iter().for_each(|word| {
        command.arg(word);
    });
    command
}

fn read(push: PushInfo) -> Option<Published> {
    let came = Instant::now();
    let mut data = push.data.into_iter();
    match (push.kind, data.next(), data.next()) {
        (
            PushKind::Message | PushKind::SMessage,
            Some(Value::BulkString(_channel)),
            Some(Value::BulkString(payload)),
        ) => Some(Published { payload, came }),
        _ => None,
    }
}
