//! The Lua scripts, and the commands that call them. A rule that several scripts need stands in one text before them.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

use super::keys::Names;
use super::words::Words;
use crate::election::{Checkpoint, Command, Holder, Identity, InstanceId, Presence, Stamp, Term};
use crate::medium::fencing::UserCommand;

pub struct Script {
    plain: Version,
    /// The same, with announcements on channels of slots.
    sharded: Version,
}

struct Version {
    text: Cow<'static, str>,
    hash: String,
}

macro_rules! text {
    ($($file:literal),+) => { concat!($(include_str!(concat!("lua/", $file, ".lua")), "\n"),+) };
}

macro_rules! script {
    ($($file:literal),+) => {
        LazyLock::new(|| Script::new(text!("server", "prologue", "register", $($file),+)))
    };
}

/// Several calls of a script at once. Its keys and arguments are named as in the script itself, so that its text stands as it is.
macro_rules! batch {
    ($($file:literal),+) => {
        LazyLock::new(|| {
            Script::new(concat!(
                text!("server", "prologue"),
                "local function call_one(KEYS, ARGV)\n",
                text!("register", $($file),+),
                "end\n",
                text!("batch"),
            ))
        })
    };
}

pub static PEEK: LazyLock<Script> = script!("record", "peek");
pub static RENEW: LazyLock<Script> = script!("unchanged", "record", "renew");
pub static TAKE: LazyLock<Script> = script!("record", "checkpoint", "take");
pub static RELEASE: LazyLock<Script> = script!("record", "release");
pub static FENCED: LazyLock<Script> = script!("record", "checkpoint", "fence", "fenced");
pub static LEAVE: LazyLock<Script> = script!("record", "checkpoint", "fence", "leave");
pub static RECALL: LazyLock<Script> = script!("record", "checkpoint", "recall");
pub static ENROLL: LazyLock<Script> = script!("record", "registry", "enroll");
pub static REFRESH: LazyLock<Script> = script!("record", "registry", "refresh");
pub static WITHDRAW: LazyLock<Script> = script!("record", "registry", "withdraw");
pub static ROSTER: LazyLock<Script> = script!("record", "registry", "roster");
static RENEWALS: LazyLock<Script> = batch!("unchanged", "record", "renew");
static REFRESHES: LazyLock<Script> = batch!("record", "registry", "refresh");

/// Loads all scripts at once, so that their first calls need not carry the text.
pub fn load_all(is_sharded: bool) -> redis::Pipeline {
    let mut pipeline = redis::pipe();
    let election = [&PEEK, &RENEW, &TAKE, &RELEASE, &RENEWALS, &FENCED, &LEAVE, &RECALL];
    let registry = [&ENROLL, &REFRESH, &WITHDRAW, &ROSTER, &REFRESHES];
    for script in election.into_iter().chain(registry) {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(&*script.version(is_sharded).text);
    }
    pipeline
}

impl Script {
    fn new(text: &'static str) -> Self {
        const WORD: &str = "local PUBLISH = 'PUBLISH'";
        let sharded = text.replacen(WORD, "local PUBLISH = 'SPUBLISH'", 1);
        Self { plain: Version::new(text.into()), sharded: Version::new(sharded.into()) }
    }

    /// Names the script.
    pub fn hash(&self) -> &str {
        &self.plain.hash
    }

    fn version(&self, is_sharded: bool) -> &Version {
        if is_sharded { &self.sharded } else { &self.plain }
    }
}

impl Version {
    fn new(text: Cow<'static, str>) -> Self {
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash }
    }
}

/// One call of a script: the short form by its hash, and the long one for a server that does not know it.
pub struct Call {
    script: &'static Script,
    keys: Words,
    arguments: Words,
    own: Option<Box<Own>>,
    /// Whether it announces on channels of slots.
    pub is_sharded: bool,
    /// Whether, and for how long, replicas are waited for that have what it has written.
    pub wait: Option<Wait>,
}

/// The user's own keys and arguments, which may be any bytes. They stand behind the others.
#[derive(Default)]
struct Own {
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Wait {
    pub replicas: u32,
    pub limit: Duration,
}

impl Wait {
    /// For so many replicas, if any; with a part of `left` to spare: a server with nothing else to do looks ten times a second for who has waited
    /// long enough, and what comes behind waits as well.
    pub fn within(replicas: u32, left: Duration) -> Option<Self> {
        (replicas > 0).then(|| Self { replicas, limit: left.mul_f64(0.6) })
    }
}

/// What a script has answered.
pub struct Outcome {
    pub value: Value,
    /// How many replicas had what it has written, where they were [waited for](Call::wait).
    pub replicas: u64,
}

/// Several calls of one script as one, each of which has as many keys and as many arguments as any other.
#[derive(Default)]
pub struct Joined {
    keys: Words,
    arguments: Words,
    count: usize,
}

impl Joined {
    pub fn push(&mut self, call: &Call) {
        if self.count == 0 {
            self.arguments.push_number(call.keys.len());
            self.arguments.push_number(call.arguments.len());
        }
        self.keys.append(&call.keys);
        self.arguments.append(&call.arguments);
        self.count += 1;
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// The one call, of the [script](Call::batch_script) for several.
    pub fn call(self, script: &'static Script) -> Call {
        Call::new(script, self.keys, self.arguments)
    }
}

impl Call {
    fn new(script: &'static Script, keys: Words, arguments: Words) -> Self {
        Self { script, keys, arguments, own: None, is_sharded: false, wait: None }
    }

    /// The script that makes several calls like this one at once, if there is one.
    pub fn batch_script(&self) -> Option<&'static Script> {
        [(&RENEW, &RENEWALS), (&REFRESH, &REFRESHES)]
            .into_iter()
            .find(|(one, _)| std::ptr::eq::<Script>(&***one, self.script))
            .map(|(_, many)| &**many)
    }

    /// Those of one batch have as many each.
    pub fn arguments(&self) -> usize {
        self.arguments.len()
    }

    fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.version(self.is_sharded).hash)
    }

    fn by_text(&self) -> Cmd {
        self.command("EVAL", &self.script.version(self.is_sharded).text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        const MORE: usize = 32;
        let own = Own::default();
        let own = self.own.as_deref().unwrap_or(&own);
        let keys = self.keys.len() + own.keys.len();
        let count = keys + self.arguments.len() + own.arguments.len();
        let bytes = self.keys.bytes() + self.arguments.bytes() + script.len();
        let mut command = Cmd::with_capacity(count + 3, bytes + MORE);
        command.arg(name).arg(script).arg(keys);
        self.keys.iter().for_each(|key| _ = command.arg(key));
        own.keys.iter().for_each(|key| _ = command.arg(key));
        self.arguments.iter().for_each(|word| _ = command.arg(word));
        own.arguments.iter().for_each(|word| _ = command.arg(word));
        command
    }
}

/// Calls a script by its hash. A server that does not know it has executed nothing, and gets the whole text on the same connection.
pub async fn evaluate(
    connection: MultiplexedConnection,
    call: &Call,
) -> Result<Outcome, RedisError> {
    evaluate_after(None, connection, call).await
}

/// The same at a node of a cluster that is just being given the slot: it answers those who say that they were sent there.
pub async fn evaluate_asking(
    connection: MultiplexedConnection,
    call: &Call,
) -> Result<Outcome, RedisError> {
    evaluate_after(Some("ASKING"), connection, call).await
}

async fn evaluate_after(
    first: Option<&str>,
    mut connection: MultiplexedConnection,
    call: &Call,
) -> Result<Outcome, RedisError> {
    match send(&mut connection, first, call.by_hash(), call.wait).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            send(&mut connection, first, call.by_text(), call.wait).await
        }
        answer => answer,
    }
}

/// Sends it with what belongs before and behind it, all at once. An error within the answer is that of one call of several, and stays where it is.
async fn send(
    connection: &mut MultiplexedConnection,
    first: Option<&str>,
    command: Cmd,
    wait: Option<Wait>,
) -> Result<Outcome, RedisError> {
    if first.is_none() && wait.is_none() {
        let value = refused(connection.send_packed_command(&command).await?)?;
        return Ok(Outcome { value, replicas: 0 });
    }
    let mut pipeline = redis::Pipeline::with_capacity(3);
    if let Some(first) = first {
        pipeline.cmd(first);
    }
    pipeline.add_command(command);
    if let Some(Wait { replicas, limit }) = wait {
        // 0 would mean without end.
        let limit = limit.as_millis().max(1);
        pipeline.cmd("WAIT").arg(replicas).arg(limit as u64);
    }
    let answers = connection.send_packed_commands(&pipeline, 0, pipeline.len()).await?;
    let mut answers = answers.into_iter().skip(usize::from(first.is_some()));
    let value = refused(answers.next().unwrap_or(Value::Nil))?;
    let replicas = match answers.next() {
        Some(Value::Int(replicas)) => replicas.try_into().unwrap_or(0),
        Some(answer) => refused(answer).map(|_| 0)?,
        None => 0,
    };
    Ok(Outcome { value, replicas })
}

fn refused(answer: Value) -> Result<Value, RedisError> {
    match answer {
        Value::ServerError(error) => Err(error.into()),
        answer => Ok(answer),
    }
}

/// The call for a command of the election, on the connection of that number.
/// `presence` is the name of that connection, if the reign is to end with it.
pub fn for_command(
    command: &Command,
    names: &Names,
    connection: u64,
    presence: Option<&Presence>,
) -> Call {
    let presence = presence.map_or("", Presence::as_str);
    let mut arguments = arguments(command.stamp(), names.election());
    let words = &mut arguments;
    let script = match command {
        Command::Peek { .. } => &PEEK,
        Command::Renew { holder, term, beat, lease, over, .. } => {
            words.push(holder.as_str());
            words.push_number(term);
            words.push_number(beat);
            words.push_number(milliseconds(*lease));
            if let Some(shown) = over {
                words.push(flag(true));
                words.push(identity_text(&shown.identity, connection));
                words.push_number(shown.term);
                words.push(shown.stamp.as_str());
                words.push(presence);
            } else if !presence.is_empty() {
                [flag(false), "", "0", "", presence].into_iter().for_each(|word| words.push(word));
            }
            &RENEW
        }
        Command::Take { seen, holder, floor, lease, .. } => {
            words.push(identity_text(&seen.identity, connection));
            words.push(seen.holder.as_ref().map_or("", Holder::as_str));
            words.push_number(seen.term);
            words.push(seen.stamp.as_str());
            words.push(flag(seen.watched));
            words.push(holder.as_str());
            words.push_number(floor);
            words.push_number(milliseconds(*lease));
            words.push(presence);
            words.push(flag(seen.gone));
            &TAKE
        }
        Command::Release { holder, term, heir, .. } => {
            // One that cannot be stored is no instance's id.
            let heir = heir.as_ref().filter(|heir| is_storable(heir.as_str()));
            words.push(holder.as_str());
            words.push_number(term);
            words.push(heir.map_or("", InstanceId::as_str));
            &RELEASE
        }
    };
    Call::new(script, register_alone(names), arguments)
}

/// The one key of what is about the leadership: so a cluster that is moving the slot has no second one elsewhere.
fn register_alone(names: &Names) -> Words {
    let mut keys = Words::with_capacity(1, names.register.len());
    keys.push(&names.register);
    keys
}

/// What all scripts are given, with room for what more most of them are.
fn arguments(stamp: &Stamp, channel: [&str; 2]) -> Words {
    let mut words = Words::with_capacity(12, 256);
    words.push(stamp.as_str());
    words.push_joined(&channel);
    words
}

/// A call of a script that only the holder of `term` may run.
fn for_leader(
    script: &'static Script,
    names: &Names,
    stamp: &Stamp,
    (holder, term): (&Holder, Term),
) -> Call {
    let mut arguments = arguments(stamp, names.election());
    arguments.push(holder.as_str());
    arguments.push_number(term);
    Call::new(script, register_alone(names), arguments)
}

/// The call that runs the user's `commands`, which name `keys`, and then leaves `checkpoint`.
pub fn for_commands(
    names: &Names,
    stamp: &Stamp,
    leader: (&Holder, Term),
    keys: Vec<Vec<u8>>,
    commands: &[UserCommand],
    checkpoint: Option<&str>,
) -> Call {
    let mut own = Own { keys, arguments: Vec::new() };
    for command in commands {
        own.arguments.push(command.len().to_string().into_bytes());
        own.arguments.extend_from_slice(command);
    }
    let mut call = for_leader(&FENCED, names, stamp, leader);
    call.arguments.push(checkpoint.unwrap_or_default());
    call.arguments.push_number(commands.len());
    Call { own: Some(own.into()), ..call }
}

/// The call by which the leader leaves a checkpoint.
pub fn for_leaving(names: &Names, stamp: &Stamp, holder: &Holder, checkpoint: &Checkpoint) -> Call {
    let mut call = for_leader(&LEAVE, names, stamp, (holder, checkpoint.term));
    call.arguments.push(&checkpoint.value);
    call
}

pub fn for_recalling(names: &Names, stamp: &Stamp) -> Call {
    Call::new(&RECALL, register_alone(names), arguments(stamp, names.election()))
}

/// Whether the register takes `text`: visible ASCII of a bounded length. Anything else in it counts as malformed.
pub fn is_storable(text: &str) -> bool {
    text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The call of one of the registry's scripts.
pub fn for_registry(script: &'static Script, names: &Names, stamp: &Stamp, more: &[&str]) -> Call {
    let mut keys = Words::with_capacity(4, 256);
    for key in [&names.register, &names.instances, &names.seen, &names.revision] {
        keys.push(key);
    }
    let mut arguments = arguments(stamp, names.registry());
    more.iter().for_each(|word| arguments.push(word));
    Call::new(script, keys, arguments)
}

/// What no server's identity is: a compare with it fails.
const FOREIGN: &str = "?";

/// A server that does not tell its identity is '' to the scripts on every connection; which connection is meant is known here alone.
fn identity_text(identity: &Identity, connection: u64) -> &str {
    match identity {
        Identity::Server(id) if !id.is_empty() => id,
        Identity::Connection(number) if *number == connection => "",
        _ => FOREIGN,
    }
}

fn flag(is_set: bool) -> &'static str {
    if is_set { "1" } else { "0" }
}

/// Rounded up, since a lease that others read must not be shorter than the holder's own.
fn milliseconds(duration: Duration) -> u128 {
    duration.as_nanos().div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::Seen;
    use crate::medium::Channel;

    /// Of two keys a cluster that moves their slot may have each on another node, and answers TRYAGAIN for as long as it does.
    #[test]
    fn nothing_that_is_about_the_leadership_names_a_second_key() {
        let (names, stamp) = (Names::new("", "svc", 0), Stamp::new(7));
        let holder = Holder::parse("a:1").unwrap();
        let checkpoint = Checkpoint { term: Term(1), value: "1".into() };
        let seen = Seen {
            identity: Identity::server("id"),
            holder: None,
            term: Term(1),
            stamp: stamp.clone(),
            watched: true,
            gone: false,
        };
        let take = Command::Take {
            seen,
            holder: holder.clone(),
            floor: Term(1),
            stamp: stamp.clone(),
            lease: Duration::from_secs(1),
        };
        for call in [
            for_command(&take, &names, 1, None),
            for_leaving(&names, &stamp, &holder, &checkpoint),
            for_commands(&names, &stamp, (&holder, Term(1)), Vec::new(), &[], Some("1")),
            for_recalling(&names, &stamp),
        ] {
            assert_eq!(call.keys.iter().collect::<Vec<_>>(), [&names.register]);
        }
    }

    /// Hosts' clocks differ, and one of them may be an hour off. What a script knows of the time it asks the server.
    #[test]
    fn the_registrys_scripts_are_given_no_time_of_the_host() {
        let names = Names::new("", "svc", 0);
        let stamp = Stamp::new(7);
        for script in [&ENROLL, &REFRESH, &WITHDRAW, &ROSTER] {
            let call = for_registry(script, &names, &stamp, &["a"]);
            let channel = names.channel(&Channel::Registry);
            let given: Vec<&str> = call.arguments.iter().collect();
            assert_eq!(given, [stamp.as_str(), &channel, "a"]);
        }
    }
}
