//! The rights in Redis that Incumbent needs. docs/redis.md and PROTOCOL.md repeat this list, and a test holds them to it.

use super::greeting::Greeting;
use super::keys::{Names, escaped};
use super::place::Place;
use super::target::Target;
use crate::messaging::LegacyChannel;
use crate::migration::wire::{channel_name, record_prefix};

/// One rule of an ACL, and what it is needed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    pub rule: String,
    pub need: Need,
    pub trial: Trial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing works without it.
    Always,
    /// Something works the worse without it. The sentence says what.
    Wanted(&'static str),
    /// `fenced()` alone needs it.
    Fenced,
}

/// How to find out whether it is granted, without doing any harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// A command, which changes nothing.
    Command(Vec<String>),
    /// A command that leaves a key, to be deleted afterwards.
    Writing(Vec<String>),
    /// Whatever names a key, or a channel, of the kind.
    Keys,
    Channels,
    /// A command, which changes nothing, that names a key or a channel of another library.
    Reaching(Vec<String>),
    /// The connection stands, so it is.
    Connecting,
}

/// What a candidate is to do.
#[derive(Clone, Debug)]
pub struct Purpose {
    pub kind: String,
    /// Whether it detects crashes by the connection.
    pub watches_connections: bool,
    /// Whether it calls `fenced()`.
    pub fences: bool,
    /// Whether its grants wait for replicas.
    pub waits: bool,
    /// Whether it moves the kind away from node-raft-redis.
    pub migrates: bool,
}

impl Purpose {
    /// The key that decides on the node of a cluster.
    pub fn key(&self, target: &Target) -> String {
        Names::new(&target.key_prefix, &self.kind, target.db).register
    }

    /// A channel of the kind that nobody uses.
    pub fn trial_channel(&self, target: &Target) -> String {
        Names::new(&target.key_prefix, &self.kind, target.db).trial_channel()
    }
}

/// What a user needs for a purpose at a target, in the order of the documents. `greeting`: that of the server, where one was reached.
pub fn needed(target: &Target, purpose: &Purpose, greeting: &Greeting) -> Vec<Right> {
    let names = Names::new(&target.key_prefix, &purpose.kind, target.db);
    let (key, channel) = (names.trial(), names.trial_channel());
    let pattern = format!("{}*", escaped(names.prefix()));
    let right = |rule: &str, need, trial| Right { rule: rule.to_owned(), need, trial };
    let command =
        |rule: &str, words: &[&str]| right(rule, Need::Always, Trial::Command(owned(words)));
    let wanted = |rule: &str, what, words: &[&str]| {
        right(rule, Need::Wanted(what), Trial::Command(owned(words)))
    };
    let key = key.as_str();
    let mut rights = vec![
        right(&format!("~{pattern}"), Need::Always, Trial::Keys),
        right(&format!("&{pattern}"), Need::Always, Trial::Channels),
        right("+hello", Need::Always, Trial::Connecting),
        command("+ping", &["PING"]),
        wanted("+info", HIDES_IDENTITY, &["INFO", "replication"]),
        wanted("+client|setname", UNNAMED, &["CLIENT", "SETNAME", &target.client_name]),
        command("+subscribe", &["SUBSCRIBE", &channel]),
        command("+unsubscribe", &["UNSUBSCRIBE", &channel]),
        command("+publish", &["PUBLISH", &channel, ""]),
        command("+eval", &["EVAL", "return 1", "0"]),
        command("+evalsha", &["EVALSHA", NO_SCRIPT, "0"]),
        command("+script|load", &["SCRIPT", "LOAD", "return 1"]),
        command("+time", &["TIME"]),
        command("+persist", &["PERSIST", key]),
        right("+hset", Need::Always, Trial::Writing(owned(&["HSET", key, "trial", "1"]))),
        command("+hmget", &["HMGET", key, "trial"]),
        command("+hgetall", &["HGETALL", key]),
        command("+hdel", &["HDEL", key, "trial"]),
        command("+hexists", &["HEXISTS", key, "trial"]),
        command("+hlen", &["HLEN", key]),
        command("+del", &["DEL", key]),
        command("+get", &["GET", key]),
        command("+set", &["SET", key, "1", "XX"]),
        command("+zadd", &["ZADD", key, "XX", "1", "trial"]),
        command("+zrem", &["ZREM", key, "trial"]),
        command("+zrange", &["ZRANGE", key, "0", "0"]),
        command("+zrangebyscore", &["ZRANGEBYSCORE", key, "0", "0"]),
    ];
    if target.db != 0 {
        rights.push(right("+select", Need::Always, Trial::Connecting));
    }
    if purpose.waits {
        rights.push(command("+wait", &["WAIT", "0", "1"]));
    }
    if greeting.has_sharded_channels() {
        rights.push(command("+ssubscribe", &["SSUBSCRIBE", &channel]));
        rights.push(command("+sunsubscribe", &["SUNSUBSCRIBE", &channel]));
        rights.push(command("+spublish", &["SPUBLISH", &channel, ""]));
    }
    if greeting.keeps_kinds_apart() {
        rights.push(command("+asking", &["ASKING"]));
        rights.push(wanted("+cluster|slots", FEW_NODES, &["CLUSTER", "SLOTS"]));
    }
    if purpose.watches_connections {
        rights.push(wanted("+client|info", BLIND, &["CLIENT", "INFO"]));
        rights.push(wanted("+pubsub|numsub", BLIND, &["PUBSUB", "NUMSUB", &channel]));
    }
    if purpose.migrates {
        rights.extend(beside_the_old(&purpose.kind));
        rights.push(command("+scan", &["SCAN", "0", "COUNT", "1"]));
        rights.push(command("+getrange", &["GETRANGE", key, "0", "0"]));
    }
    if purpose.fences {
        let fenced = |rule, words: &[&str]| right(rule, Need::Fenced, Trial::Command(owned(words)));
        rights.push(fenced("+command|info", &["COMMAND", "INFO", "get"]));
        rights.push(fenced("+command|getkeys", &["COMMAND", "GETKEYS", "GET", key]));
    }
    rights
}

/// The keys and channels of node-raft-redis. No rule can hold a blank, and redis-cli reads quotes: any one letter is permitted in their place.
fn beside_the_old(kind: &str) -> Vec<Right> {
    let records = record_prefix(kind);
    let pattern = |name: &str| {
        escaped(name)
            .replace(|letter: char| letter.is_whitespace() || "\"'\0".contains(letter), "?")
    };
    let name = |channel| channel_name(kind, &channel);
    let (ballots, messages) = (name(LegacyChannel::Ballots), name(LegacyChannel::All));
    let reaching = |rule: String, words: &[&str]| {
        let trial = Trial::Reaching(owned(words));
        Right { rule, need: Need::Always, trial }
    };
    let hearing = |channel: &str, rest: &str| {
        let rule = format!("&{}{}", pattern(channel), if rest.is_empty() { "" } else { ":*" });
        reaching(rule, &["SUBSCRIBE", &format!("{channel}{rest}")])
    };
    vec![
        reaching(format!("~{}*", pattern(&records)), &["GET", &format!("{records}trial")]),
        hearing(&ballots, ""),
        hearing(&messages, ""),
        hearing(&messages, ":trial"),
    ]
}

const HIDES_IDENTITY: &str =
    "a vacant leadership is taken over only after a whole lease, and a replica is not recognised";
const UNNAMED: &str = "CLIENT LIST does not show which connections are Incumbent's";
const FEW_NODES: &str = "no node of the cluster is found but those that are named";
const BLIND: &str = "crashDetection \"connection\" has no effect";
/// The hash of a text that nobody has.
const NO_SCRIPT: &str = "0000000000000000000000000000000000000000";

/// What a user needs at the sentinels. The last two may be missing: then they are not told of others, nor of which failover was the latest.
pub const AT_SENTINELS: [&str; 9] = [
    "&+switch-master",
    "&+promoted-slave",
    "+hello",
    "+ping",
    "+client|setname",
    "+subscribe",
    "+sentinel|get-master-addr-by-name",
    "+sentinel|master",
    "+sentinel|sentinels",
];

/// A line that makes a user with the least rights. Its password is still to be filled in.
pub fn least_acl(target: &Target, purpose: &Purpose, greeting: &Greeting) -> String {
    let rules: Vec<String> =
        needed(target, purpose, greeting).into_iter().map(|right| right.rule).collect();
    acl_of(target.username.as_deref(), &rules.join(" "))
}

/// The same at the sentinels, where these name the server.
pub fn least_acl_at_sentinels(target: &Target) -> Option<String> {
    let Place::Sentinel(place) = &target.place else { return None };
    Some(acl_of(place.username.as_deref(), &AT_SENTINELS.join(" ")))
}

fn acl_of(username: Option<&str>, rules: &str) -> String {
    let user = username.filter(|name| *name != "default").unwrap_or("incumbent");
    format!("ACL SETUSER {user} on >password resetkeys resetchannels -@all {rules}")
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_holds_no_blank_and_no_quote_whatever_the_kind() {
        let purpose = Purpose {
            kind: "a \"b\"*".into(),
            watches_connections: false,
            fences: false,
            waits: false,
            migrates: true,
        };
        let target = Target::parse("redis://localhost").unwrap();
        let acl = least_acl(&target, &purpose, &Greeting::default());
        let rules: Vec<&str> = acl.split(' ').filter(|rule| rule.contains("consensus")).collect();
        assert_eq!(
            rules,
            [
                r"~consensus-nodes:a??b?\*:*",
                r"&consensus-events:a??b?\*",
                r"&consensus-messages:a??b?\*",
                r"&consensus-messages:a??b?\*:*",
            ]
        );
    }
}
