//! The Lua scripts, and the commands that call them. A rule that several scripts need stands in one text before them.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Cmd;

use super::keys::Names;
use crate::election::{Command, Holder, Identity, InstanceId, Presence, Stamp};
use crate::medium::Channel;

pub struct Script {
    text: &'static str,
    hash: String,
}

macro_rules! script {
    ($($file:literal),+) => {
        LazyLock::new(|| Script::new(concat!($(include_str!(concat!("lua/", $file, ".lua")), "\n"),+)))
    };
}

pub static PEEK: LazyLock<Script> = script!("prologue", "peek");
pub static RENEW: LazyLock<Script> = script!("prologue", "renew");
pub static TAKE: LazyLock<Script> = script!("prologue", "take");
pub static RELEASE: LazyLock<Script> = script!("prologue", "release");
pub static ENROLL: LazyLock<Script> = script!("prologue", "registry", "enroll");
pub static REFRESH: LazyLock<Script> = script!("prologue", "registry", "refresh");
pub static WITHDRAW: LazyLock<Script> = script!("prologue", "registry", "withdraw");
pub static ROSTER: LazyLock<Script> = script!("prologue", "registry", "roster");

/// Loads all scripts at once, so that their first calls need not carry the text.
pub fn load_all() -> redis::Pipeline {
    let mut pipeline = redis::pipe();
    for script in [&PEEK, &RENEW, &TAKE, &RELEASE, &ENROLL, &REFRESH, &WITHDRAW, &ROSTER] {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(script.text);
    }
    pipeline
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }
}

/// One call of a script: the short form by its hash, and the long one for a server that does not know it.
pub struct Call {
    script: &'static Script,
    keys: Vec<String>,
    arguments: Vec<String>,
}

impl Call {
    pub fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    pub fn by_text(&self) -> Cmd {
        self.command("EVAL", self.script.text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.arguments);
        command
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
                ]),
                None => arguments.extend(["0", "", "0", ""].map(str::to_owned)),
            }
            arguments.push(presence);
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
