//! Whether the connection that a leadership depends on stands at this very moment, readable from any thread.
//!
//! With crash detection by connection, others may take over a moment after the server saw that connection closed. The news travels to this
//! process as well, but a task that hears of it may be late. So whoever asks for the leadership asks the kernel, too.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Of one candidate. It says nothing while it is not armed.
#[derive(Debug, Default)]
pub struct Lifeline {
    socket: RwLock<Option<Arc<Socket>>>,
    /// How many times the connection was lost, or an attempt to make it failed.
    losses: AtomicU64,
    /// How many of these the election was told of. In between, what it holds may rest on a connection that is gone.
    heeded: AtomicU64,
}

impl Lifeline {
    /// A run begins; it depends on nothing yet.
    pub fn reset(&self) {
        self.disarm();
        self.heeded.store(self.losses.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// From here on a leadership may depend on this connection.
    pub fn arm(&self, socket: Arc<Socket>) {
        *self.write() = Some(socket);
    }

    /// From here on a leadership depends on no connection: the register said so.
    pub fn disarm(&self) {
        *self.write() = None;
    }

    /// The connection is lost. Called before another one can be made.
    pub fn lose(&self) {
        self.losses.fetch_add(1, Ordering::SeqCst);
    }

    /// The election was told of a loss.
    pub fn heed(&self) {
        self.heeded.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether a leadership that was granted on the connection may rest on it still.
    pub fn holds(&self) -> bool {
        match &*self.read() {
            None => true,
            Some(socket) => {
                self.losses.load(Ordering::SeqCst) == self.heeded.load(Ordering::SeqCst)
                    && !socket.is_closed()
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Arc<Socket>>> {
        self.socket.read().expect("no panic holds the lock")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Arc<Socket>>> {
        self.socket.write().expect("no panic holds the lock")
    }
}

/// A second handle on a connection's socket, to ask the kernel about it. The connection stays open until this is gone, too, or `close` was called.
#[derive(Debug)]
pub struct Socket {
    #[cfg(unix)]
    handle: RwLock<Option<std::os::fd::OwnedFd>>,
    #[cfg(not(unix))]
    never: std::convert::Infallible,
}

#[cfg(unix)]
impl Socket {
    /// # Errors
    /// Those of the system, when the process has no file descriptors left.
    pub fn of(stream: &impl std::os::fd::AsFd) -> std::io::Result<Self> {
        let handle = stream.as_fd().try_clone_to_owned()?;
        Ok(Self { handle: RwLock::new(Some(handle)) })
    }

    /// Whether the other side, or an error, has closed it, as far as this host has heard.
    pub fn is_closed(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::io::retry_on_intr;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOSED: PollFlags = PollFlags::RDHUP;
        // Elsewhere the end of the other side's stream is told as HUP.
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOSED: PollFlags = PollFlags::HUP;
        let handle = self.handle.read().expect("no panic holds the lock");
        let Some(handle) = &*handle else { return true };
        let mut polled = [PollFd::new(handle, CLOSED)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        // A signal that is handled, as by a profiler, says nothing about the socket.
        match retry_on_intr(|| poll(&mut polled, Some(&at_once))) {
            Ok(_) => !polled[0].revents().is_empty(),
            Err(_) => true,
        }
    }

    /// Lets go of the socket, so that nothing holds the connection open.
    pub fn close(&self) {
        *self.handle.write().expect("no panic holds the lock") = None;
    }
}

#[cfg(not(unix))]
impl Socket {
    /// # Errors
    /// Always: here the system is not asked.
    pub fn of(_stream: &tokio::net::TcpStream) -> std::io::Result<Self> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    pub fn is_closed(&self) -> bool {
        match self.never {}
    }

    pub fn close(&self) {
        match self.never {}
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use super::*;

    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ours, listener.accept().unwrap().0)
    }

    fn becomes_closed(socket: &Socket) -> bool {
        let began = Instant::now();
        while !socket.is_closed() {
            if began.elapsed() > Duration::from_secs(10) {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }

    #[test]
    fn a_lifeline_that_was_never_armed_holds() {
        let lifeline = Lifeline::default();
        lifeline.lose();
        assert!(lifeline.holds());
    }

    #[test]
    fn it_breaks_when_the_other_side_closes_though_unread_bytes_lie_before_the_end() {
        let (ours, theirs) = connection();
        let lifeline = Lifeline::default();
        let socket = Arc::new(Socket::of(&ours).unwrap());
        lifeline.arm(socket.clone());
        std::io::Write::write_all(&mut &theirs, b"+OK\r\n").unwrap();
        assert!(lifeline.holds());
        drop(theirs);
        assert!(becomes_closed(&socket));
        assert!(!lifeline.holds());
    }

    #[test]
    fn a_loss_counts_until_the_election_was_told_of_it_though_another_connection_stands() {
        let (first, _other_side) = connection();
        let (second, _another_side) = connection();
        let lifeline = Lifeline::default();
        lifeline.arm(Arc::new(Socket::of(&first).unwrap()));
        lifeline.lose();
        assert!(!lifeline.holds());
        lifeline.arm(Arc::new(Socket::of(&second).unwrap()));
        assert!(!lifeline.holds(), "what was granted on the first one is still believed");
        lifeline.heed();
        assert!(lifeline.holds());
    }

    #[test]
    fn a_socket_that_was_let_go_of_counts_as_closed_and_holds_nothing_open() {
        let (ours, theirs) = connection();
        let socket = Socket::of(&ours).unwrap();
        let others = Socket::of(&theirs).unwrap();
        drop(ours);
        assert!(!others.is_closed());
        socket.close();
        assert!(socket.is_closed());
        assert!(becomes_closed(&others));
    }
}
