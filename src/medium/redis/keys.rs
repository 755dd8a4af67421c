//! The names of one kind in Redis. All bear one hash tag, so that a cluster keeps them together; kind and id are encoded,
//! so that no kind's names can be another's.

use crate::medium::Channel;
use crate::migration::wire as legacy;
use crate::wire::{channel_name, decode_name, encode_name};

pub struct Names {
    /// Hash: the register, and what a leader left for the next one.
    pub register: String,
    /// Hash: id -> record.
    pub instances: String,
    /// Sorted set: id -> when it was last heard of, by the server's time in ms.
    pub seen: String,
    pub revision: String,
    /// Channels know no database, so it is part of their names.
    channels: String,
    kind: String,
}

impl Names {
    /// A prefix may hold a hash tag of its own, which then decides instead; but an empty one (`{}`) would part the keys of a kind.
    pub fn new(prefix: &str, kind: &str, db: i64) -> Self {
        let (plain, kind) = (kind, encode_name(kind));
        let key = |name: &str| format!("{prefix}incumbent:{{{kind}}}:{name}");
        Self {
            register: key("register"),
            instances: key("instances"),
            seen: key("seen"),
            revision: key("revision"),
            channels: key(&format!("{db}:")),
            kind: plain.to_owned(),
        }
    }

    /// A key that nobody else uses, for trials of rights.
    pub fn trial(&self) -> String {
        format!("{}trial", self.prefix())
    }

    /// A channel that nobody else uses.
    pub fn trial_channel(&self) -> String {
        format!("{}trial", self.channels)
    }

    /// What all keys and channels of the kind begin with.
    pub fn prefix(&self) -> &str {
        self.register.trim_end_matches("register")
    }

    /// Of the channels by which connections show. Each ends with the connection's name.
    pub fn presence_prefix(&self) -> String {
        format!("{}presence:", self.channels)
    }

    /// The parts of the name of [`Channel::Election`].
    pub fn election(&self) -> [&str; 2] {
        [&self.channels, "election"]
    }

    /// The parts of the name of [`Channel::Registry`].
    pub fn registry(&self) -> [&str; 2] {
        [&self.channels, "registry"]
    }

    pub fn kind(&self) -> &str {
        &self.kind
    }

    pub fn channel(&self, channel: &Channel) -> String {
        if let Channel::Legacy(channel) = channel {
            return legacy::channel_name(&self.kind, channel);
        }
        format!("{}{}", self.channels, channel_name(channel))
    }
}

/// The pattern of the registers of all kinds.
pub fn registers(prefix: &str) -> String {
    format!("{}incumbent:{{*}}:register", escaped(prefix))
}

/// The kind of a register by its key.
pub fn kind_of_register(prefix: &str, key: &str) -> Option<String> {
    let name = key.strip_prefix(prefix)?.strip_prefix("incumbent:{")?;
    decode_name(name.strip_suffix("}:register")?)
}

/// A text as a pattern that matches it alone.
pub fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut pattern, letter| {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
        pattern
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_from_the_key_of_its_register_and_from_no_other() {
        for kind in ["", "jobs", "a b/ü", "%", "{}:register"] {
            let register = Names::new("app*:", kind, 0).register;
            assert_eq!(kind_of_register("app*:", &register).as_deref(), Some(kind));
            assert_eq!(kind_of_register("", &register), None, "another prefix");
        }
        for key in ["incumbent:{a b}:register", "incumbent:{%61}:register", "incumbent:{a}:seen"] {
            assert_eq!(kind_of_register("", key), None, "{key}");
        }
        assert_eq!(registers("app*:"), "app\\*:incumbent:{*}:register");
    }
}
