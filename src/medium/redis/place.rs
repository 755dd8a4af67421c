//! Where a server is to be found.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::target::Target;
use super::tls::Tls;

/// How the server is found that a connection is to be made to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// It is known beforehand.
    Server(Endpoint),
    /// Sentinels name it.
    Sentinel(SentinelPlace),
    /// It is one of a cluster's nodes, any of which tells which one. These are the ones to begin with.
    Cluster(Vec<Endpoint>),
}

/// The sentinels, and what they call the master.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SentinelPlace {
    pub sentinels: Vec<Endpoint>,
    pub name: String,
    pub username: Option<String>,
    pub password: Option<String>,
    pub tls: Option<Arc<Tls>>,
}

/// What a connection is made to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Place {
    /// Whether it is one server for ever, so that whatever is wrong with it is for its user to mend.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}

impl SentinelPlace {
    /// One of the sentinels, as a server to connect to.
    pub fn target(&self, sentinel: &Endpoint, client_name: &str) -> Target {
        Target {
            username: self.username.clone(),
            password: self.password.clone(),
            tls: self.tls.clone(),
            client_name: client_name.to_owned(),
            ..Target::new(sentinel.clone())
        }
    }
}

impl Endpoint {
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp { host: host.into(), port }
    }

    /// The one of that name which this one tells of. It may leave the name open: then both have the same.
    pub fn beside(&self, host: &str, port: u16) -> Option<Self> {
        match (host, self) {
            ("?", _) => None,
            ("", Self::Tcp { host, .. }) => Some(Self::tcp(host, port)),
            ("", Self::Unix(_)) => None,
            (host, _) => Some(Self::tcp(host, port)),
        }
    }
}

impl From<Endpoint> for Place {
    fn from(endpoint: Endpoint) -> Self {
        Self::Server(endpoint)
    }
}

/// For messages.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(endpoint) => endpoint.fmt(f),
            Self::Sentinel(place) => {
                write!(
                    f,
                    "the master \"{}\" of the sentinels {}",
                    place.name,
                    list(&place.sentinels)
                )
            }
            Self::Cluster(nodes) => write!(f, "the cluster of {}", list(nodes)),
        }
    }
}

fn list(endpoints: &[Endpoint]) -> String {
    let names: Vec<String> = endpoints.iter().map(Endpoint::to_string).collect();
    names.join(", ")
}

impl fmt::Debug for SentinelPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentinelPlace")
            .field("sentinels", &self.sentinels)
            .field("name", &self.name)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("tls", &self.tls)
            .finish()
    }
}

/// `host:port`, or the path of a socket, for messages.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
