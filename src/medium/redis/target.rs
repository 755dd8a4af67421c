//! Which Redis, and as whom.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use redis::{ConnectionAddr, ConnectionInfo, ProtocolVersion, RedisConnectionInfo};

use super::credentials::Provider;
use super::place::{Endpoint, Place};
use super::tls::Tls;

/// A server, a user and a database. Candidates of one process with equal targets share their connections.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    pub place: Place,
    pub username: Option<String>,
    pub password: Option<String>,
    pub db: i64,
    /// Asked before each attempt to connect. What it answers stands in for user and password.
    pub credentials: Option<Provider>,
    pub tls: Option<Arc<Tls>>,
    /// Stands before the names of all keys and channels.
    pub key_prefix: String,
    /// As which our connections show in CLIENT LIST.
    pub client_name: String,
    /// How many replicas must have a grant or a renewal before it counts.
    pub wait_replicas: u32,
}

impl Target {
    /// A place where nothing is asked of those who come: no user, no password, no TLS.
    pub fn new(place: impl Into<Place>) -> Self {
        Self {
            place: place.into(),
            username: None,
            password: None,
            db: 0,
            credentials: None,
            tls: None,
            key_prefix: String::new(),
            client_name: "incumbent".to_owned(),
            wait_replicas: 0,
        }
    }

    /// Reads `redis://` and `rediss://` (TLS) URLs, as `redis://user:password@host:port/db`, and `unix://` ones, as
    /// `unix:///path?db=1&user=user&pass=password`.
    ///
    /// # Errors
    /// A sentence for the user. It does not repeat the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        // TLS is none of the parser's business, which knows the other scheme alone.
        let parsed = match scheme.as_str() {
            "redis" | "rediss" => format!("redis://{rest}"),
            "unix" | "redis+unix" => format!("redis+unix://{rest}"),
            _ => return Err("the URL must begin with redis://, rediss:// or unix://".into()),
        };
        let is_tls = scheme == "rediss";
        if is_tls && url.contains('#') {
            return Err("the URL's fragment is not supported".into());
        }
        let info = ConnectionInfo::from_str(&parsed).map_err(|error| describe(&error))?;
        let endpoint = match info.addr() {
            ConnectionAddr::Tcp(host, port) if !host.is_empty() => Endpoint::tcp(host, *port),
            ConnectionAddr::Unix(path) if path.is_absolute() && path.parent().is_some() => {
                Endpoint::Unix(path.clone())
            }
            ConnectionAddr::Unix(_) => return Err("the URL names no path of a socket".into()),
            _ => return Err("the URL names no host".into()),
        };
        let settings = info.redis_settings();
        if settings.db() < 0 {
            return Err("the URL's database number must not be negative".into());
        }
        Ok(Self {
            username: settings.username().map(str::to_owned),
            password: settings.password().map(str::to_owned),
            db: settings.db(),
            tls: is_tls.then(Arc::default),
            ..Self::new(endpoint)
        })
    }

    /// Where it is, for messages.
    pub fn address(&self) -> String {
        self.place.to_string()
    }

    /// What is asked for on a connection just made.
    pub(super) fn settings(&self) -> RedisConnectionInfo {
        let mut settings = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(self.db)
            .set_skip_set_lib_name();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        settings
    }
}

/// The parser's own texts are fixed and repeat nothing of the URL; its details might.
fn describe(error: &redis::RedisError) -> String {
    let text = error.to_string();
    let reason = text.split(" - ").next().unwrap_or_default();
    format!("the URL cannot be read: {reason}")
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("place", &self.place)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("db", &self.db)
            .field("credentials", &self.credentials)
            .field("tls", &self.tls)
            .field("key_prefix", &self.key_prefix)
            .field("client_name", &self.client_name)
            .field("wait_replicas", &self.wait_replicas)
            .finish()
    }
}
