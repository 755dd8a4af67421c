//! One connection: how it is made, how it is used under a timeout, and how its end is noticed.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, RedisError, Value};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::errors;
use super::greeting::{self, Greeting};
use super::guide::Guide;
use super::place::Endpoint;
use super::presence::Showing;
use super::target::Target;
use super::transport::{Seat, Transport};
use crate::election::Presence;
use crate::lifeline::Socket;
use crate::medium::MediumError;
use crate::random;

/// A connection just made, and what tells that it ended.
pub struct Line {
    pub connection: MultiplexedConnection,
    pub endpoint: Endpoint,
    /// The server that it leads to, for messages.
    pub address: String,
    /// Ends when the connection has; nothing ever comes through.
    pub gone: mpsc::Receiver<Infallible>,
    pub greeting: Greeting,
    /// Its socket, and this side's end of it.
    pub socket: Option<(Arc<Socket>, Seat)>,
    /// Moves its bytes. Without it, the connection is gone.
    task: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
        if let Some((socket, _)) = &self.socket {
            socket.close();
        }
    }
}

impl Line {
    /// Connects to `endpoint`, proves who we are, and looks whether a server is there that can be used.
    pub async fn open(
        target: &Target,
        endpoint: &Endpoint,
        limit: Duration,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<Self, MediumError> {
        Self::open_labelled(target, endpoint, &endpoint.to_string(), limit, on_push).await
    }

    /// The same; `label` is what messages call the server.
    pub async fn open_labelled(
        target: &Target,
        endpoint: &Endpoint,
        label: &str,
        limit: Duration,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<Self, MediumError> {
        let line = Self::open_to_any(target, endpoint, label, limit, on_push).await?;
        match &line.greeting.version {
            Some(version) if greeting::is_too_old(version) => {
                Err(errors::too_old(&line.address, version))
            }
            _ => Ok(line),
        }
    }

    /// The same, to a server that may be too old.
    pub async fn open_to_any(
        target: &Target,
        endpoint: &Endpoint,
        label: &str,
        limit: Duration,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<Self, MediumError> {
        let deadline = Instant::now() + limit;
        timeout_at(deadline, Self::open_unbounded(target, endpoint, label, deadline, on_push))
            .await
            .unwrap_or_else(|_| Err(errors::no_answer_to_attempt(label, limit)))
    }

    /// # Errors
    /// Where the server has said that it is a replica.
    pub fn must_be_master(&self) -> Result<(), MediumError> {
        match self.greeting.role.as_deref() {
            Some(role) if role != "master" => Err(errors::not_master(&self.address, role)),
            _ => Ok(()),
        }
    }

    /// Whether its channels are those of one slot, which are told on one node alone.
    pub fn is_sharded(&self) -> bool {
        self.greeting.has_sharded_channels()
    }

    pub fn is_gone(&self) -> bool {
        self.task.is_finished()
    }

    async fn open_unbounded(
        target: &Target,
        endpoint: &Endpoint,
        address: &str,
        deadline: Instant,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<Self, MediumError> {
        // The connection's own task owns the closure, and with it this sender: its drop tells every kind of end.
        let (alive, gone) = mpsc::channel(1);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                let _ = &alive;
                on_push(push);
                Ok::<(), Infallible>(())
            });
        let Transport { stream, socket, request } =
            Transport::open(endpoint, target.tls.as_deref(), deadline)
                .await
                .map_err(|error| errors::of_transport(address, error))?;
        let (connection, task) =
            MultiplexedConnection::new_with_config(&target.settings(), stream, config)
                .await
                .map_err(|error| errors::of_first_answer(address, &error, request))?;
        let task = tokio::spawn(task);
        let address = address.to_owned();
        let (endpoint, greeting) = (endpoint.clone(), Greeting::default());
        let mut line = Self { connection, endpoint, address, gone, greeting, socket, task };
        line.greeting = greet(&mut line.connection, &line.address, &target.client_name).await?;
        Ok(line)
    }
}

/// Reads version and role from the server's greeting, and gives the connection a name, where that is permitted.
async fn greet(
    connection: &mut MultiplexedConnection,
    address: &str,
    client_name: &str,
) -> Result<Greeting, MediumError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("HELLO").arg("3").cmd("CLIENT").arg("SETNAME").arg(client_name);
    let answers = connection
        .send_packed_commands(&pipeline, 0, 2)
        .await
        .map_err(|error| errors::of_attempt(address, &error))?;
    let greeting = answers.into_iter().next().unwrap_or(Value::Nil);
    let greeting = greeting.extract_error().map_err(|error| errors::of_attempt(address, &error))?;
    Ok(Greeting::read(&greeting))
}

/// What `future` gives within `limit`, and a moment more: when this process was stopped for a while, its timers are due before the
/// bytes that lie ready are read.
pub async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    const MOMENT: Duration = Duration::from_millis(20);
    let mut future = pin!(future);
    match timeout(limit, &mut future).await {
        Ok(output) => Some(output),
        Err(_) => timeout(MOMENT, future).await.ok(),
    }
}

/// A command that is under way.
type Answering<T> = Pin<Box<dyn Future<Output = Result<T, RedisError>> + Send>>;

/// A standing connection for commands. Its number is its own in all processes, so that it can stand for the server's identity.
pub struct Link {
    pub number: u64,
    pub endpoint: Endpoint,
    pub address: String,
    pub keeps_kinds_apart: bool,
    pub is_sharded: bool,
    connection: MultiplexedConnection,
    /// How it shows at the server, and the socket that tells whether it still does; `None` where it cannot show.
    showing: Option<(Showing, Arc<Socket>)>,
    /// When something last came, in ns after `opened`.
    heard: AtomicU64,
    opened: Instant,
    guide: Arc<Guide>,
    condemned: Mutex<Option<MediumError>>,
    verdict: Notify,
    is_over: AtomicBool,
    over: watch::Sender<bool>,
}

impl Link {
    pub fn new(line: &Line, guide: Arc<Guide>) -> Self {
        let number = random::bits();
        let showing = line
            .socket
            .as_ref()
            .map(|(socket, seat)| (Showing::new(number, seat.clone()), socket.clone()));
        Self {
            number,
            endpoint: line.endpoint.clone(),
            address: line.address.clone(),
            keeps_kinds_apart: line.greeting.keeps_kinds_apart(),
            is_sharded: line.is_sharded(),
            connection: line.connection.clone(),
            showing,
            heard: AtomicU64::new(0),
            opened: Instant::now(),
            guide,
            condemned: Mutex::default(),
            verdict: Notify::new(),
            is_over: AtomicBool::new(false),
            over: watch::channel(false).0,
        }
    }

    /// Sends a command, and waits for its answer for at most `limit`. It counts as handed over at the first poll.
    ///
    /// A command that was not answered in time is waited for on the side, for up to `late_limit` from its start: a late answer
    /// is told as such, with the round trip that it took; if nothing at all came, the connection is taken for dead.
    pub async fn call<T, F>(
        self: &Arc<Self>,
        send: impl FnOnce(MultiplexedConnection) -> F,
        limit: Duration,
        late_limit: Duration,
        tell_late: impl FnOnce(Duration) + Send + 'static,
    ) -> Result<T, MediumError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, RedisError>> + Send + 'static,
    {
        let started = Instant::now();
        let answer: Answering<T> = Box::pin(send(self.connection.clone()));
        self.wait_for(answer, started, limit, late_limit, Box::new(tell_late)).await
    }

    /// For all commands that give a `T` alike: each form of its own of what waits here would be a part of the addon's size.
    async fn wait_for<T: Send + 'static>(
        self: &Arc<Self>,
        mut answer: Answering<T>,
        started: Instant,
        limit: Duration,
        late_limit: Duration,
        tell_late: Box<dyn FnOnce(Duration) + Send>,
    ) -> Result<T, MediumError> {
        tokio::select! {
            biased;
            answer = &mut answer => return self.settle(answer),
            () = self.until_over() => return Err(self.lost()),
            () = sleep_until(started + limit) => {}
        }
        let link = self.clone();
        tokio::spawn(async move {
            let rest = (started + late_limit).saturating_duration_since(Instant::now());
            tokio::select! {
                biased;
                answer = within(rest, answer) => match answer.map(|answer| link.settle(answer)) {
                    Some(Ok(_)) => tell_late(started.elapsed()),
                    Some(Err(_)) => {}
                    None => link.doubt_since(started, late_limit),
                },
                () = link.until_over() => {}
            }
        });
        Err(errors::timed_out(&self.address, limit))
    }

    /// Sees to it that this connection shows under `prefix`.
    ///
    /// # Errors
    /// A sentence that says why it cannot.
    pub async fn show(&self, prefix: &str) -> Result<(Presence, Arc<Socket>), String> {
        let Some((showing, socket)) = &self.showing else {
            return Err("without a file descriptor left, its socket cannot be asked".to_owned());
        };
        showing.show(&mut self.connection.clone(), prefix).await?;
        Ok((showing.presence.clone(), socket.clone()))
    }

    /// Ends what `show` did, unless somebody wants it again by now.
    pub async fn hide(&self, prefix: &str, is_wanted: impl Fn() -> bool) {
        if let Some((showing, _)) = &self.showing {
            showing.hide(&mut self.connection.clone(), prefix, is_wanted).await;
        }
    }

    /// Says that the connection is to be given up, and why.
    fn condemn(&self, reason: MediumError) {
        self.condemned.lock().expect("no panic holds the lock").get_or_insert(reason);
        self.verdict.notify_one();
    }

    /// Waits until the connection is to be given up.
    pub async fn until_condemned(&self) -> MediumError {
        loop {
            self.verdict.notified().await;
            if let Some(reason) = self.condemned.lock().expect("no panic holds the lock").take() {
                return reason;
            }
        }
    }

    /// From here on no answer counts, and every call that waits fails.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.over.send_replace(true);
    }

    async fn until_over(&self) {
        // An error would mean that the sender is gone; it is ours.
        let _ = self.over.subscribe().wait_for(|is_over| *is_over).await;
    }

    pub fn lost(&self) -> MediumError {
        errors::lost(&self.address, None)
    }

    /// What an answer is worth.
    pub fn settle<T>(&self, answer: Result<T, RedisError>) -> Result<T, MediumError> {
        if self.is_over.load(Ordering::SeqCst) {
            return Err(self.lost());
        }
        let is_from_server = answer.as_ref().map_or_else(|error| !error.is_io_error(), |_| true);
        if is_from_server {
            self.heard.store(self.opened.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
        answer.map_err(|error| {
            let told = errors::of_command(&self.address, &error);
            if errors::asks_for_another_server(&error) {
                self.guide.heed(&self.endpoint, &error);
                self.condemn(told.clone());
            }
            told
        })
    }

    fn doubt_since(&self, moment: Instant, waited: Duration) {
        let heard = Duration::from_nanos(self.heard.load(Ordering::Relaxed));
        if heard < moment.duration_since(self.opened) {
            self.condemn(errors::timed_out(&self.address, waited));
        }
    }
}
