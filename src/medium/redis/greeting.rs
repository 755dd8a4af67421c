//! What a server says of itself in its answer to HELLO.

use redis::Value;

/// The oldest version of Redis that the scripts run on.
const OLDEST_VERSION: (u32, u32) = (6, 2);

#[derive(Clone, Debug, Default)]
pub struct Greeting {
    pub server: Option<String>,
    pub version: Option<String>,
    pub role: Option<String>,
    pub mode: Option<String>,
}

impl Greeting {
    /// What is missing, or not text, is unknown.
    pub fn read(greeting: &Value) -> Self {
        let names = ["server", "version", "role", "mode"];
        let [server, version, role, mode] = names.map(|name| field(greeting, name));
        Self { server, version, role, mode }
    }

    /// Whether the server refuses a script that names the keys of two kinds.
    pub fn keeps_kinds_apart(&self) -> bool {
        self.mode.as_deref() == Some("cluster")
    }

    /// Whether it has channels that belong to slots, as the nodes of a cluster do from that version on.
    pub fn has_sharded_channels(&self) -> bool {
        self.keeps_kinds_apart()
            && !self.version.as_deref().is_some_and(|text| is_below(text, (7, 0)))
    }
}

/// A version that cannot be read is given the benefit of the doubt: servers akin to Redis number in their own ways.
pub fn is_too_old(version: &str) -> bool {
    is_below(version, OLDEST_VERSION)
}

fn is_below(version: &str, least: (u32, u32)) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < least,
        _ => false,
    }
}

fn field(greeting: &Value, name: &str) -> Option<String> {
    let Value::Map(entries) = greeting else { return None };
    let value = entries.iter().find(|(key, _)| text(key).as_deref() == Some(name));
    value.and_then(|(_, value)| text(value))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}
