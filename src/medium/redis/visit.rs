//! A connection for whoever looks at the server, and takes no part in an election.

use std::time::Duration;

use redis::{Cmd, PushInfo, PushKind, RedisError, Value};
use tokio::time::{Instant, timeout};

use super::attempts::MOST_HOPS;
use super::connection::Line;
use super::errors;
use super::greeting::Greeting;
use super::guide::Guide;
use super::info::Info;
use super::place::Endpoint;
use super::target::Target;
use crate::medium::{MediumError, MediumErrorKind};

/// How long to wait for an answer; nobody's leadership hangs on it.
pub const LIMIT: Duration = Duration::from_secs(5);

pub struct Visit {
    line: Line,
}

/// What came unasked, and when.
pub struct Heard {
    pub channel: String,
    /// `None`: the server has left the channel, by itself or because it was asked to.
    pub payload: Option<Vec<u8>>,
    pub came: Instant,
}

/// A command did not get its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A sentence for the user.
    pub message: String,
    pub kind: MediumErrorKind,
    /// Where it is for a right that is missing: which kind of right.
    pub denied: Option<Denied>,
    /// The connection is of no more use: it is lost, or silent, or leads to a server that is not the right one any more.
    pub ends_visit: bool,
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
        Self::open_hearing(target, key, |_| {}).await
    }

    /// The same. `hear` is given what comes on the channels that are subscribed to; it must not wait.
    ///
    /// # Errors
    /// When no connection comes about.
    pub async fn open_hearing(
        target: &Target,
        key: &str,
        hear: impl Fn(Heard) + Clone + Send + Sync + 'static,
    ) -> Result<Self, MediumError> {
        let on_push = move |push: PushInfo| {
            if let Some(heard) = read(push) {
                hear(heard);
            }
        };
        let target = target.identified().await?;
        let guide = Guide::new(&target, key);
        let line = tokio::select! {
            line = follow(&guide, &target, on_push) => line?,
            never = guide.listen() => match never {},
        };
        Ok(Self { line })
    }

    /// Connects to this very server, whatever it is there for.
    ///
    /// # Errors
    /// When no connection comes about.
    pub async fn open_at(target: &Target, endpoint: &Endpoint) -> Result<Self, MediumError> {
        let target = target.identified().await?;
        let label = endpoint.to_string();
        let line = Line::open_to_any(&target, endpoint, &label, LIMIT, |_| {}).await?;
        Ok(Self { line })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.line.endpoint
    }

    /// Waits for the end of the connection.
    pub async fn until_gone(&mut self) {
        self.line.gone.recv().await;
    }

    pub fn greeting(&self) -> &Greeting {
        &self.line.greeting
    }

    /// The server that was reached.
    pub fn address(&self) -> &str {
        &self.line.address
    }

    pub async fn ask(&mut self, words: &[&str]) -> Result<Value, Refusal> {
        self.answer_to(&command(words)).await
    }

    async fn answer_to(&mut self, command: &Cmd) -> Result<Value, Refusal> {
        let answer = timeout(LIMIT, self.line.connection.send_packed_command(command)).await;
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

    /// The answers, one for each channel.
    pub async fn subscribe_all(&mut self, channels: &[String]) -> Vec<Result<Value, Refusal>> {
        let name = if self.line.is_sharded() { "SSUBSCRIBE" } else { "SUBSCRIBE" };
        self.ask_for_each(name, channels).await
    }

    pub async fn unsubscribe_all(&mut self, channels: &[String]) -> Vec<Result<Value, Refusal>> {
        let name = if self.line.is_sharded() { "SUNSUBSCRIBE" } else { "UNSUBSCRIBE" };
        self.ask_for_each(name, channels).await
    }

    async fn ask_for_each(
        &mut self,
        name: &str,
        channels: &[String],
    ) -> Vec<Result<Value, Refusal>> {
        let commands: Vec<[String; 2]> =
            channels.iter().map(|channel| [name.to_owned(), channel.clone()]).collect();
        let commands: Vec<&[String]> = commands.iter().map(<[String; 2]>::as_slice).collect();
        self.ask_all(&commands).await
    }

    /// The answer is how many listen.
    pub async fn publish(&mut self, channel: &str, payload: &[u8]) -> Result<Value, Refusal> {
        let name = if self.line.is_sharded() { "SPUBLISH" } else { "PUBLISH" };
        let mut command = redis::cmd(name);
        command.arg(channel).arg(payload);
        self.answer_to(&command).await
    }

    fn refusal(&self, error: &RedisError) -> Refusal {
        let MediumError { kind, message } = errors::of_command(self.address(), error);
        let denied = errors::words_of(error).and_then(|words| denied(&words));
        let ends_visit =
            kind == MediumErrorKind::Unreachable || errors::asks_for_another_server(error);
        Refusal { message, kind, denied, ends_visit }
    }

    fn no_answer(&self) -> Refusal {
        let MediumError { kind, message } = errors::timed_out(self.address(), LIMIT);
        Refusal { message, kind, denied: None, ends_visit: true }
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

fn read(push: PushInfo) -> Option<Heard> {
    let came = Instant::now();
    let mut data = push.data.into_iter();
    let Some(Value::BulkString(channel)) = data.next() else { return None };
    let payload = match (push.kind, data.next()) {
        (PushKind::Message | PushKind::SMessage, Some(Value::BulkString(payload))) => Some(payload),
        (PushKind::Unsubscribe | PushKind::SUnsubscribe, _) => None,
        _ => return None,
    };
    Some(Heard { channel: String::from_utf8(channel).ok()?, payload, came })
}
