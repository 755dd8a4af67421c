//! Which Redis, and as whom.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use super::options::{invalid, too_large};
use crate::error::Error;
use crate::medium::redis::{self as medium, Endpoint, Place, Provider, SentinelPlace, Target};

const DEFAULT_PORT: u16 = 6379;
const DEFAULT_SENTINEL_PORT: u16 = 26_379;
const MAX_KEY_PREFIX_BYTES: usize = 256;
const MAX_CLIENT_NAME_BYTES: usize = 64;
const MAX_DB: i64 = i32::MAX as i64;

/// A Redis server, sentinels that know which one it is, or a cluster; and as whom to come to it.
///
/// What is wrong with it is told by [`Candidate::new`](crate::Candidate::new). Passwords appear in no error, and not in its `Debug` form.
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
#[derive(Clone, Debug)]
#[must_use]
pub struct Redis {
    location: Location,
    username: Option<String>,
    password: Option<Secret>,
    credentials: Option<Provider>,
    db: Option<i64>,
    tls: Option<Tls>,
    key_prefix: String,
    client_name: String,
}

#[derive(Clone, Debug)]
enum Location {
    /// It may hold a password.
    Url(Secret),
    Server(String, u16),
    Socket(PathBuf),
    Sentinels(Sentinels),
    Cluster(Vec<Node>),
}

/// It shows in no output.
#[derive(Clone)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
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
        Self::at(Location::Url(Secret(url.into())))
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
        self.password = Some(Secret(password.into()));
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
        E: std::fmt::Display,
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
            Location::Url(Secret(url)) => Target::parse(&url).map_err(|reason| {
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
        target.password = filled(self.password.map(|Secret(text)| text)).or(target.password);
        target.db = self.db.unwrap_or(target.db);
        target.tls = tls.or(target.tls);
        target.credentials = self.credentials;
        target.key_prefix = self.key_prefix;
        target.client_name = self.client_name;
        target.wait_replicas = wait_replicas;
        if target.credentials.is_some() && target.password.is_some() {
            return Err(invalid("option \"redis.credentials\" must be left out with a password; got both"));
        }
        if target.tls.is_some() && matches!(target.place, Place::Server(Endpoint::Unix(_))) {
            return Err(invalid("option \"redis.tls\" must be left out with a Unix socket; got boolean true"));
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
            return Err(too_large("redis.keyPrefix", MAX_KEY_PREFIX_BYTES, "in UTF-8", prefix.len()));
        }
        let name = &self.client_name;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("option \"redis.clientName\" must be of visible ASCII characters, without spaces"));
        }
        if name.len() > MAX_CLIENT_NAME_BYTES {
            return Err(too_large("redis.clientName", MAX_CLIENT_NAME_BYTES, "in UTF-8", name.len()));
        }
        Ok(())
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

/// Sentinels, what they call the master, and as whom to come to them.
#[derive(Clone, Debug)]
#[must_use]
pub struct Sentinels {
    nodes: Vec<Node>,
    name: String,
    username: Option<String>,
    password: Option<Secret>,
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
        self.password = Some(Secret(password.into()));
        self
    }

    /// How to speak TLS with the sentinels; `None` for not at all.
    ///
    /// Default: as with the server.
    pub fn tls(mut self, tls: impl Into<Option<Tls>>) -> Self {
        self.tls = Some(tls.into());
        self
    }

    fn place(self, of_the_server: Option<Arc<medium::Tls>>) -> Result<SentinelPlace, Error> {
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
            password: filled(self.password.map(|Secret(text)| text)),
            tls,
        })
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

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// How the server proves who it is, and how this side does. Without anything else, those authorities count that the system trusts (the environment variable
/// `SSL_CERT_FILE` names others).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Tls {
    tls: medium::Tls,
}

impl Tls {
    /// With those authorities that the system trusts, and no certificate of one's own.
    pub fn new() -> Self {
        Self::default()
    }

    /// The certificates of an authority that may vouch for the server. May be called several times; then any of them may.
    pub fn ca(mut self, ca: impl Into<Pem>) -> Self {
        self.tls.ca.push(ca.into().0);
        self
    }

    /// The certificate of the client, and after it those that lead to its authority; and its key, without a passphrase.
    pub fn identity(mut self, cert: impl Into<Pem>, key: impl Into<Pem>) -> Self {
        self.tls.identity = Some((cert.into().0, key.into().0));
        self
    }

    /// Whom the certificate of the server has to be for; without it, the host.
    pub fn servername(mut self, servername: impl Into<String>) -> Self {
        self.tls.server_name = Some(servername.into());
        self
    }

    /// Whether the certificate of the server has to be one that is trusted. With `false`, anybody on the way can pass for the server, and read the password.
    ///
    /// Default: true.
    pub fn reject_unauthorized(mut self, reject_unauthorized: bool) -> Self {
        self.tls.is_credulous = !reject_unauthorized;
        self
    }

    fn checked(self) -> Result<Arc<medium::Tls>, Error> {
        self.tls.check().map_err(invalid)?;
        Ok(Arc::new(self.tls))
    }
}

/// PEM: a text with `-----BEGIN …`; or the path of a file with it, which is read for each connection, so that a replaced file is taken up with the next one.
#[derive(Clone, Debug)]
pub struct Pem(medium::Pem);

impl From<&str> for Pem {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Pem {
    fn from(text: String) -> Self {
        let is_pem = text.contains("-----BEGIN ");
        Self(if is_pem { medium::Pem::Text(text) } else { medium::Pem::File(text.into()) })
    }
}

impl From<PathBuf> for Pem {
    fn from(path: PathBuf) -> Self {
        Self(medium::Pem::File(path))
    }
}

fn endpoints(name: &str, nodes: Vec<Node>, default_port: u16) -> Result<Vec<Endpoint>, Error> {
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

fn endpoint(name: &str, host: String, port: u16) -> Result<Endpoint, Error> {
    let is_strange = |c: char| c.is_whitespace() || matches!(c, '/' | '@' | '\0');
    if host.is_empty() || host.contains(is_strange) {
        return Err(invalid(format!("option \"{name}\" must be a host name or an IP address")));
    }
    if port == 0 {
        let name = name.replace(".host", ".port");
        return Err(invalid(format!("option \"{name}\" must be an integer from 1 to 65535; got 0")));
    }
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    Ok(Endpoint::tcp(host, port))
}

/// An empty one counts as none.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
