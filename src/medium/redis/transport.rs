//! Sockets of our own making, so that the kernel can be asked about them later.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::place::Endpoint;
use super::tls::{Request, Tls};
use crate::lifeline::Socket;

/// What is still unsent when a connection is given up is thrown away, lest it arrive much later.
const LINGER: Duration = Duration::ZERO;

/// What carries the bytes to a server and back.
pub struct Transport {
    pub stream: Box<dyn Stream>,
    /// The socket below, where it can be asked, and this side's end of it.
    pub socket: Option<(Arc<Socket>, Seat)>,
    /// What the server wanted of us in the handshake of TLS.
    pub request: Request,
}

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// This side's end of a connection, as a server would name it that sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seat {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Transport {
    /// Of the deadline only what comes after the socket is of interest here: what is silent then can be told for what it is.
    pub async fn open(
        endpoint: &Endpoint,
        tls: Option<&Tls>,
        deadline: Instant,
    ) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => Self::open_tcp(host, *port, tls, deadline).await,
            Endpoint::Unix(path) => Self::open_unix(path).await,
        }
    }

    /// All addresses of the host are tried at once: one that does not answer costs no time.
    async fn open_tcp(
        host: &str,
        port: u16,
        tls: Option<&Tls>,
        deadline: Instant,
    ) -> io::Result<Self> {
        let stream = reach(lookup_host((host, port)).await?).await?;
        configure(&stream)?;
        let seat = stream.local_addr().ok().map(Seat::Tcp);
        let socket = Socket::of(&stream).ok().map(Arc::new).zip(seat);
        let Some(tls) = tls else {
            return Ok(Self { stream: Box::new(stream), socket, request: Request::NoTls });
        };
        let (stream, request) = tls.wrap(host, stream, deadline).await.map_err(io::Error::other)?;
        Ok(Self { stream: Box::new(stream), socket, request })
    }

    #[cfg(unix)]
    async fn open_unix(path: &Path) -> io::Result<Self> {
        let stream = tokio::net::UnixStream::connect(path).await?;
        let seat = Seat::Unix(path.to_owned());
        let socket = Socket::of(&stream).ok().map(|socket| (Arc::new(socket), seat));
        Ok(Self { stream: Box::new(stream), socket, request: Request::Nothing })
    }

    #[cfg(not(unix))]
    async fn open_unix(_path: &Path) -> io::Result<Self> {
        Err(io::Error::other("this platform has no Unix sockets"))
    }
}

impl Seat {
    /// Whether it is this one that CLIENT INFO calls so.
    pub fn is_named_by(&self, name: &str) -> bool {
        match self {
            // An IPv4 address may be told as an IPv6 one.
            Self::Tcp(local) => name.parse::<SocketAddr>().is_ok_and(|seen| {
                seen.port() == local.port() && seen.ip().to_canonical() == local.ip().to_canonical()
            }),
            // Of a Unix socket the server names the path, by whichever way it knows it itself.
            Self::Unix(path) => name.strip_suffix(":0").is_some_and(|seen| {
                let (ours, theirs) = (path.canonicalize(), Path::new(seen).canonicalize());
                ours.is_ok_and(|ours| theirs.is_ok_and(|theirs| ours == theirs))
            }),
        }
    }
}

pub async fn reach(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts: JoinSet<_> = addresses.map(TcpStream::connect).collect();
    let mut failure = None;
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = Some(error),
            // The runtime comes to its end.
            Err(_) => break,
        }
    }
    Err(failure.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

fn configure(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5));
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_linger(Some(LINGER))
}
