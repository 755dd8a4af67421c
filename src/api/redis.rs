//! Which Redis, and as whom.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;

use super::resolved::{invalid, too_large};
use super::servers::{Node, Sentinels, endpoint, endpoints, filled};
use super::tls::Tls;
use crate::error::Error;
use crate::medium::redis::{self as medium, Endpoint, Place, Provider, Target};

const DEFAULT_PORT: u16 = 6379;
const MAX_KEY_PREFIX_BYTES: usize = 256;
const MAX_CLIENT_NAME_BYTES: usize = 64;
const MAX_DB: i64 = i32::MAX as i64;

/// A Redis server, sentinels that know which one it is, or a cluster; and as whom to come to it.
///
/// What is wrong with it is told by [`Candidate::new`](crate::Candidate::new). Passwords appear in no error, nor in its `Debug` form.
///
/// ```
/// use incumbent::{Redis, Sentinels, Tls};
///
/// let by_url = Redis::url("redis://user:password@redis-1:6379/0");
/// let by_parts = Redis::server("redis-1", 6379).username("user").password("password").db(0);
/// let by_socket = Redis::socket("/run/redis.sock");
/// let by_sentinels = Redis::sentinels(
///     Sentinels::new(["sentinel-1", "sentinel-2:26380"], "mymaster").password("theirs"),
/// );
/// let in_a_cluster = Redis::cluster(["redis-1", "redis-2"]).tls(Tls::new().ca("/etc/ca.pem"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Redis {
    location: Location,
    username: Option<String>,
    password: Option<String>,
    credentials: Option<Provider>,
    db: Option<i64>,
    tls: Option<Tls>,
    key_prefix: String,
    client_name: String,
}

#[derive(Clone)]
enum Location {
    Url(String),
    Server(String, u16),
    Socket(PathBuf),
    Sentinels(Sentinels),
    Cluster(Vec<Node>),
}

impl Default for Redis {
    /// `redis://localhost:6379`
    fn default() -> Self {
        Self::server("localhost", DEFAULT_PORT)
    }
}

impl Redis {
    /// `redis://user:password@host:port/db`, `rediss://` for TLS, or, of a Unix socket, `unix:///path?db=1&user=user&pass=password`. Whatever is said of the same
    /// thing by a method below wins.
    pub fn url(url: impl Into<String>) -> Self {
        Self::at(Location::Url(url.into()))
    }

    /// A server by its name or address, and its port.
    pub fn server(host: impl Into<String>, port: u16) -> Self {
        Self::at(Location::Server(host.into(), port))
    }

    /// A server by the path of its Unix socket.
    pub fn socket(path: impl Into<PathBuf>) -> Self {
        Self::at(Location::Socket(path.into()))
    }

    /// Sentinels that watch the server: they are asked for the master before each connection, and what they tell of a failover is followed at once.
    pub fn sentinels(sentinels: Sentinels) -> Self {
        Self::at(Location::Sentinels(sentinels))
    }

    /// Some nodes of a cluster: those to begin with. All keys of a kind are in one slot. A node without a port has 6379.
    pub fn cluster(nodes: impl IntoIterator<Item = impl Into<Node>>) -> Self {
        Self::at(Location::Cluster(nodes.into_iter().map(Into::into).collect()))
    }

    fn at(location: Location) -> Self {
        Self {
            location,
            username: None,
            password: None,
            credentials: None,
            db: None,
            tls: None,
            key_prefix: String::new(),
            client_name: "incumbent".to_owned(),
        }
    }

    /// The user of Redis' access control list; without one, the default user.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Gives the password, and the user if it changes, too: for tokens that expire. It is asked before each attempt to connect, and has 10 seconds. Candidates share
    /// their connections only if they were given clones of the same [`Redis`].
    ///
    /// When it fails, the attempt has failed: an [`Event::Error`](crate::Event::Error) tells so with the first line of its error, and it is asked again, soon.
    pub fn credentials<F, A, E>(mut self, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: fmt::Display,
    {
        self.credentials = Some(Provider::new(move || {
            let answer = ask();
            Box::pin(async move {
                answer.await.map(Credentials::told).map_err(|error| {
                    let text = error.to_string();
                    format!("failed: {}", text.lines().next().unwrap_or_default())
                })
            })
        }));
        self
    }

    /// The number of the database.
    ///
    /// Minimum: 0. Maximum: 2147483647. Default: 0.
    pub fn db(mut self, db: u32) -> Self {
        self.db = Some(i64::from(db));
        self
    }

    /// Speaks TLS (1.2 or 1.3). A URL with `rediss://` turns it on as well.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// What the names of all keys and channels begin with. All instances of a kind must have the same. It may hold a hash tag, as in `{team-a}:`, but no empty one.
    ///
    /// Maximum: 256 bytes in UTF-8. Default: `''`.
    pub fn key_prefix(mut self, key_prefix: impl Into<String>) -> Self {
        self.key_prefix = key_prefix.into();
        self
    }

    /// As what the connections show in `CLIENT LIST`: visible ASCII characters, no spaces.
    ///
    /// Maximum: 64 bytes. Default: `'incumbent'`.
    pub fn client_name(mut self, client_name: impl Into<String>) -> Self {
        self.client_name = client_name.into();
        self
    }

    pub(super) fn target(self, wait_replicas: u32) -> Result<Target, Error> {
        self.check_names()?;
        let tls = self.tls.map(Tls::checked).transpose()?;
        let mut target = match self.location {
            Location::Url(url) => Target::parse(&url).map_err(|reason| {
                invalid(format!(
                    "option \"redis\" must be a URL like redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path for a Unix socket: {reason}"
                ))
            })?,
            Location::Server(host, port) => Target::new(endpoint("redis.host", host, port)?),
            Location::Socket(path) => {
                if path.as_os_str().is_empty() {
                    return Err(invalid("option \"redis.path\" must be the path of a Unix socket; got empty string"));
                }
                Target::new(Endpoint::Unix(path))
            }
            Location::Sentinels(sentinels) => {
                Target::new(Place::Sentinel(sentinels.place(tls.clone())?))
            }
            Location::Cluster(nodes) => {
                if let Some(db) = self.db.filter(|db| *db != 0) {
                    return Err(invalid(format!("a cluster has database 0 alone; redis.db is {db}")));
                }
                Target::new(Place::Cluster(endpoints("redis.cluster", nodes, DEFAULT_PORT)?))
            }
        };
        target.username = filled(self.username).or(target.username);
        target.password = filled(self.password).or(target.password);
        target.db = self.db.unwrap_or(target.db);
        target.tls = tls.or(target.tls);
        target.credentials = self.credentials;
        target.key_prefix = self.key_prefix;
        target.client_name = self.client_name;
        target.wait_replicas = wait_replicas;
        if target.credentials.is_some() && target.password.is_some() {
            return Err(invalid(
                "option \"redis.credentials\" must be left out with a password; got both",
            ));
        }
        if target.tls.is_some() && matches!(target.place, Place::Server(Endpoint::Unix(_))) {
            return Err(invalid(
                "option \"redis.tls\" must be left out with a Unix socket; got boolean true",
            ));
        }
        Ok(target)
    }

    fn check_names(&self) -> Result<(), Error> {
        let db = self.db.unwrap_or(0);
        if db > MAX_DB {
            return Err(invalid(format!(
                "option \"redis.db\" must be an integer from 0 to {MAX_DB}; got {db}"
            )));
        }
        // Redis would take the whole key for its hash tag, and a cluster scatter the keys of a kind.
        let prefix = &self.key_prefix;
        if prefix.find('{').is_some_and(|at| prefix[at..].starts_with("{}")) {
            return Err(invalid("option \"redis.keyPrefix\" must not hold an empty hash tag {}"));
        }
        if prefix.len() > MAX_KEY_PREFIX_BYTES {
            return Err(too_large(
                "redis.keyPrefix",
                MAX_KEY_PREFIX_BYTES,
                "in UTF-8",
                prefix.len(),
            ));
        }
        let name = &self.client_name;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid(
                "option \"redis.clientName\" must be of visible ASCII characters, without spaces",
            ));
        }
        if name.len() > MAX_CLIENT_NAME_BYTES {
            return Err(too_large(
                "redis.clientName",
                MAX_CLIENT_NAME_BYTES,
                "in UTF-8",
                name.len(),
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Redis {
    /// A password may have got into any part of it by mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl From<&str> for Redis {
    /// By its URL.
    fn from(url: &str) -> Self {
        Self::url(url)
    }
}

impl From<String> for Redis {
    /// By its URL.
    fn from(url: String) -> Self {
        Self::url(url)
    }
}

impl From<&String> for Redis {
    /// By its URL.
    fn from(url: &String) -> Self {
        Self::url(url)
    }
}

/// As whom to come to Redis.
#[derive(Clone)]
#[must_use]
pub struct Credentials {
    username: Option<String>,
    password: String,
}

impl Credentials {
    /// The password, for the user that [`Redis`] names.
    pub fn new(password: impl Into<String>) -> Self {
        Self { username: None, password: password.into() }
    }

    /// Another user.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    fn told(self) -> medium::Credentials {
        medium::Credentials { username: self.username, password: self.password }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}
