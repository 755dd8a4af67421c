//! The Lua scripts, and the commands that call them. A rule that several scripts need stands in one text before them.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

use super::keys::Names;
use crate::election::{Command, Holder, Identity, InstanceId, Presence, Stamp};
use crate::medium::Channel;

pub struct Script {
    text: &'static str,
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
pub static TAKE: LazyLock<Script> = script!("record", "take");
pub static RELEASE: LazyLock<Script> = script!("record", "release");
pub static ENROLL: LazyLock<Script> = script!("record", "registry", "enroll");
pub static REFRESH: LazyLock<Script> = script!("record", "registry", "refresh");
pub static WITHDRAW: LazyLock<Script> = script!("record", "registry", "withdraw");
pub static ROSTER: LazyLock<Script> = script!("record", "registry", "roster");
static RENEWALS: LazyLock<Script> = batch!("unchanged", "record", "renew");
static REFRESHES: LazyLock<Script> = batch!("record", "registry", "refresh");

/// Loads all scripts at once, so that their first calls need not carry the text.
pub fn load_all() -> redis::Pipeline {
    let mut pipeline = redis::pipe();
    let election = [&PEEK, &RENEW, &TAKE, &RELEASE, &RENEWALS];
    let registry = [&ENROLL, &REFRESH, &WITHDRAW, &ROSTER, &REFRESHES];
    for script in election.into_iter().chain(registry) {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(script.text);
    }
    pipeline
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// One call of a script: the short form by its hash, and the long one for a server that does not know it.
pub struct Call {
    script: &'static Script,
    keys: Vec<String>,
    arguments: Vec<String>,
}

impl Call {
    /// The script that makes several calls like this one at once, if there is one.
    pub fn batch_script(&self) -> Option<&'static Script> {
        [(&RENEW, &RENEWALS), (&REFRESH, &REFRESHES)]
            .into_iter()
            .find(|(one, _)| std::ptr::eq::<Script>(&***one, self.script))
            .map(|(_, many)| &**many)
    }

    /// One call of `script` in place of all these, each of which has as many keys and as many arguments as any other.
    pub fn batch(script: &'static Script, calls: impl IntoIterator<Item = Self>) -> Self {
        let (mut keys, mut arguments) = (Vec::new(), Vec::new());
        for call in calls {
            if arguments.is_empty() {
                arguments.extend([call.keys.len(), call.arguments.len()].map(|n| n.to_string()));
            }
            keys.extend(call.keys);
            arguments.extend(call.arguments);
        }
        Self { script, keys, arguments }
    }

    /// Those of one batch have as many each.
    pub fn arguments(&self) -> usize {
        self.arguments.len()
    }

    fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    fn by_text(&self) -> Cmd {
        self.command("EVAL", self.script.text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.arguments);
        command
    }
}

/// Calls a script by its hash. A server that does not know it has executed nothing, and gets the whole text on the same connection.
pub async fn evaluate(
    mut connection: MultiplexedConnection,
    call: Call,
) -> Result<Value, RedisError> {
    match send(&mut connection, &call.by_hash()).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            send(&mut connection, &call.by_text()).await
        }
        answer => answer,
    }
}

/// An error within the answer is that of one call of several, and stays where it is.
async fn send(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<Value, RedisError> {
    match connection.send_packed_command(command).await? {
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
    let presence = presence.map_or("", Presence::as_str).to_owned();
    let (script, arguments) = match command {
        Command::Peek { .. } => (&PEEK, vec![]),
        Command::Renew { holder, term, beat, lease, over, .. } => {
            let mut arguments = vec![
                holder.as_str().to_owned(),
                term.to_string(),
                beat.to_string(),
                milliseconds(*lease),
            ];
            match over {
                Some(shown) => arguments.extend([
                    "1".to_owned(),
                    identity_text(&shown.identity, connection),
                    shown.term.to_string(),
                    shown.stamp.as_str().to_owned(),
                    presence,
                ]),
                None if presence.is_empty() => {}
                None => {
                    arguments.extend(["0", "", "0", ""].map(str::to_owned));
                    arguments.push(presence);
                }
            }
            (&RENEW, arguments)
        }
        Command::Take { seen, holder, floor, lease, .. } => (
            &TAKE,
            vec![
                identity_text(&seen.identity, connection),
                seen.holder.as_ref().map_or("", Holder::as_str).to_owned(),
                seen.term.to_string(),
                seen.stamp.as_str().to_owned(),
                flag(seen.watched),
                holder.as_str().to_owned(),
                floor.to_string(),
                milliseconds(*lease),
                presence,
                flag(seen.gone),
            ],
        ),
        Command::Release { holder, term, heir, .. } => (
            &RELEASE,
            vec![
                holder.as_str().to_owned(),
                term.to_string(),
                // One that cannot be stored is no instance's id.
                heir.as_ref()
                    .filter(|heir| is_storable(heir.as_str()))
                    .map_or("", InstanceId::as_str)
                    .to_owned(),
            ],
        ),
    };
    let mut all = vec![command.stamp().as_str().to_owned(), names.channel(&Channel::Election)];
    all.extend(arguments);
    Call { script, keys: vec![names.register.clone()], arguments: all }
}

/// Whether the register takes `text`: visible ASCII of a bounded length. Anything else in it counts as malformed.
pub fn is_storable(text: &str) -> bool {
    text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The call of one of the registry's scripts.
pub fn for_registry(
    script: &'static Script,
    names: &Names,
    stamp: &Stamp,
    arguments: impl IntoIterator<Item = String>,
) -> Call {
    let keys = [&names.register, &names.instances, &names.seen, &names.revision];
    let mut all = vec![stamp.as_str().to_owned(), names.channel(&Channel::Registry)];
    all.extend(arguments);
    Call { script, keys: keys.map(Clone::clone).to_vec(), arguments: all }
}

/// What no server's identity is: a compare with it fails.
const FOREIGN: &str = "?";

/// A server that does not tell its identity is '' to the scripts on every connection; which connection is meant is known here alone.
fn identity_text(identity: &Identity, connection: u64) -> String {
    match identity {
        Identity::Server(id) if !id.is_empty() => id.to_string(),
        Identity::Connection(number) if *number == connection => String::new(),
        _ => FOREIGN.to_owned(),
    }
}

fn flag(is_set: bool) -> String {
    if is_set { "1" } else { "0" }.to_owned()
}

/// Rounded up, since a lease that others read must not be shorter than the holder's own.
fn milliseconds(duration: Duration) -> String {
    duration.as_nanos().div_ceil(1_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hosts' clocks differ, and one of them may be an hour off. What a script knows of the time it asks the server.
    #[test]
    fn the_registrys_scripts_are_given_no_time_of_the_host() {
        let names = Names::new("svc", 0);
        let stamp = Stamp::new(7);
        for script in [&ENROLL, &REFRESH, &WITHDRAW, &ROSTER] {
            let call = for_registry(script, &names, &stamp, ["a".to_owned()]);
            assert_eq!(call.arguments, [stamp.as_str(), &names.channel(&Channel::Registry), "a"]);
        }
    }
}
