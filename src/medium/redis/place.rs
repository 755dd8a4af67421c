//! Where a server is to be found.

use std::fmt;
use std::path::PathBuf;

use crate::medium::MediumError;

/// How the server is found that a connection is to be made to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// It is known beforehand.
    Server(Endpoint),
}

/// What a connection is made to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Place {
    /// The server to try now. Asked ahead of each attempt, since it may be another one by then.
    ///
    /// # Errors
    /// When nobody tells.
    pub async fn locate(&self) -> Result<Endpoint, MediumError> {
        match self {
            Self::Server(endpoint) => Ok(endpoint.clone()),
        }
    }
}

impl Place {
    /// Whether it is one server for ever, so that whatever is wrong with it is for its user to mend.
    pub fn is_fixed(&self) -> bool {
        match self {
            Self::Server(_) => true,
        }
    }
}

impl Endpoint {
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp { host: host.into(), port }
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
        }
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
