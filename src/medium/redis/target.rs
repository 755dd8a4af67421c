//! Which Redis server, and as whom.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use redis::io::tcp::{
    TcpSettings,
    socket2::{SockRef, TcpKeepalive},
};
use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
};
use tokio::net::TcpStream;

/// A server, a user and a database. Candidates of one process with equal targets share their connections.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    pub host: String,
    pub port: u16,
    pub username: Option<String>,
    pub password: Option<String>,
    pub db: i64,
    pub tls: bool,
}

impl Target {
    /// Reads `redis://` and `rediss://` (TLS) URLs: `redis://user:password@host:port/db`.
    ///
    /// # Errors
    /// A sentence for the user. It does not repeat the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        if !["redis://", "rediss://"].iter().any(|scheme| starts_with_ignoring_case(url, scheme)) {
            return Err("the URL must begin with redis:// or rediss://".into());
        }
        let info = ConnectionInfo::from_str(url).map_err(|error| describe(&error))?;
        let (host, port, tls) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => (host.clone(), *port, false),
            ConnectionAddr::TcpTls { host, port, insecure: false, .. } => {
                (host.clone(), *port, true)
            }
            _ => return Err("the URL's fragment #insecure is not supported".into()),
        };
        if host.is_empty() {
            return Err("the URL names no host".into());
        }
        let settings = info.redis_settings();
        if settings.db() < 0 {
            return Err("the URL's database number must not be negative".into());
        }
        Ok(Self {
            host,
            port,
            username: settings.username().map(str::to_owned),
            password: settings.password().map(str::to_owned),
            db: settings.db(),
            tls,
        })
    }

    /// `host:port`, for messages.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Gives a socket of our own the settings that those of the library get.
    pub(super) fn configure(&self, stream: &TcpStream) -> std::io::Result<()> {
        let socket = SockRef::from(stream);
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_keepalive(&keepalive())?;
        socket.set_linger(Some(LINGER))
    }

    pub(super) fn connection_info(&self) -> redis::RedisResult<ConnectionInfo> {
        let (host, port) = (self.host.clone(), self.port);
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
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
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(keepalive())
            .set_linger_time(LINGER);
        Ok(address.into_connection_info()?.set_tcp_settings(tcp).set_redis_settings(settings))
    }
}

/// What the kernel still holds when a connection is given up is thrown away, lest it arrive much later.
const LINGER: Duration = Duration::ZERO;

fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5))
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
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
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("db", &self.db)
            .field("tls", &self.tls)
            .finish()
    }
}
