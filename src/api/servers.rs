//! Servers of several: sentinels, and nodes of a cluster.

use std::fmt;
use std::sync::Arc;

use super::resolved::invalid;
use super::tls::Tls;
use crate::error::Error;
use crate::medium::redis::{self as medium, Endpoint, SentinelPlace};

const DEFAULT_SENTINEL_PORT: u16 = 26_379;

/// Sentinels, what they call the master, and as whom to come to them.
#[derive(Clone)]
#[must_use]
pub struct Sentinels {
    nodes: Vec<Node>,
    name: String,
    username: Option<String>,
    password: Option<String>,
    /// `None`: as with the server. `Some(None)`: none.
    tls: Option<Option<Tls>>,
}

impl Sentinels {
    /// `name` is what the sentinels call the master. A sentinel without a port has 26379.
    pub fn new(
        sentinels: impl IntoIterator<Item = impl Into<Node>>,
        name: impl Into<String>,
    ) -> Self {
        let nodes = sentinels.into_iter().map(Into::into).collect();
        Self { nodes, name: name.into(), username: None, password: None, tls: None }
    }

    /// The user at the sentinels, where they ask for one.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password at the sentinels.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// How to speak TLS with the sentinels; `None` for not at all.
    ///
    /// Default: as with the server.
    pub fn tls(mut self, tls: impl Into<Option<Tls>>) -> Self {
        self.tls = Some(tls.into());
        self
    }

    pub(super) fn place(
        self,
        of_the_server: Option<Arc<medium::Tls>>,
    ) -> Result<SentinelPlace, Error> {
        if self.name.is_empty() {
            return Err(invalid(
                "redis.sentinels needs redis.name: what the sentinels call the master",
            ));
        }
        let tls = match self.tls {
            None => of_the_server,
            Some(tls) => tls.map(Tls::checked).transpose()?,
        };
        Ok(SentinelPlace {
            sentinels: endpoints("redis.sentinels", self.nodes, DEFAULT_SENTINEL_PORT)?,
            name: self.name,
            username: filled(self.username),
            password: filled(self.password),
            tls,
        })
    }
}

impl fmt::Debug for Sentinels {
    /// A password may have got into any part of it by mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels").finish_non_exhaustive()
    }
}

/// A server of several: a host, and a port where it is not the default. `"redis-1"`, `"redis-1:6380"`, `"[::1]:6380"` and `("redis-1", 6380)` are such.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    host: String,
    port: Option<u16>,
}

impl From<(&str, u16)> for Node {
    fn from((host, port): (&str, u16)) -> Self {
        Self { host: host.to_owned(), port: Some(port) }
    }
}

impl From<(String, u16)> for Node {
    fn from((host, port): (String, u16)) -> Self {
        Self { host, port: Some(port) }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        // More than one colon, and no bracket: an address of IPv6 without a port.
        let is_bare_ipv6 = text.matches(':').count() > 1 && !text.starts_with('[');
        if let Some((host, port)) = text.rsplit_once(':').filter(|_| !is_bare_ipv6)
            && let Ok(port) = port.parse()
        {
            return Self { host: host.to_owned(), port: Some(port) };
        }
        Self { host: text.to_owned(), port: None }
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

pub(super) fn endpoints(
    name: &str,
    nodes: Vec<Node>,
    default_port: u16,
) -> Result<Vec<Endpoint>, Error> {
    if nodes.is_empty() {
        return Err(invalid(format!(
            "option \"{name}\" must be a list of servers such as [\"redis-1:{default_port}\"]; got an empty list"
        )));
    }
    let numbered = nodes.into_iter().enumerate();
    numbered
        .map(|(index, Node { host, port })| {
            endpoint(&format!("{name}[{index}].host"), host, port.unwrap_or(default_port))
        })
        .collect()
}

pub(super) fn endpoint(name: &str, host: String, port: u16) -> Result<Endpoint, Error> {
    let is_strange = |c: char| c.is_whitespace() || matches!(c, '/' | '@' | '\0');
    if host.is_empty() || host.contains(is_strange) {
        return Err(invalid(format!("option \"{name}\" must be a host name or an IP address")));
    }
    if port == 0 {
        let name = name.replace(".host", ".port");
        return Err(invalid(format!(
            "option \"{name}\" must be an integer from 1 to 65535; got 0"
        )));
    }
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    Ok(Endpoint::tcp(host, port))
}

/// An empty one counts as none.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
