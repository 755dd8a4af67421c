//! Brings start() and stop(), in whatever order they are called, into runs that follow one another. A run lasts from its start to the driver's word that it
//! has stopped; only then may the next one begin.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::answers::{Answers, Manner};
use super::event::Event;
use super::events::Broadcast;
use super::leadership::Leadership;
use super::listener::Listener;
use super::options::Resolved;
use super::outbox::{Outbox, Sent};
use super::reign::{Core, LossReason};
use super::writes::{self, Reply, Writes};
use crate::candidate::{Candidate, Place};
use crate::driver::{Answer, Draft, Question, Request, RequestSender, SendQueue};
use crate::election::{Loss, Term};
use crate::error::{Error, ErrorCode};

/// A candidate without the handles that its users hold. It lives while one of these does, or a run.
pub struct Shared {
    pub candidate: Candidate,
    pub lease: Duration,
    pub answers: Answers,
    pub leadership: Leadership,
    pub broadcast: Broadcast,
    /// Who leads, as the driver last told.
    pub leader: watch::Sender<Known>,
    /// When the state became what it is.
    pub since: Mutex<SystemTime>,
    meta: Mutex<Arc<RawValue>>,
    /// The one that the options name.
    runtime: Option<Handle>,
    needs_network: bool,
    lifecycle: Mutex<Lifecycle>,
    this: Weak<Self>,
}

/// Changes when anything in it does; whoever waits for a leader waits no longer than for the next stop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub leader: Option<String>,
    pub stops: u64,
}

#[derive(Default)]
struct Lifecycle {
    stage: Stage,
    run: Option<Run>,
    starters: Vec<oneshot::Sender<Result<(), Error>>>,
    stoppers: Vec<oneshot::Sender<()>>,
    /// On which the next run begins.
    runtime: Option<Handle>,
    /// Nobody holds a handle any more.
    is_abandoned: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Down,
    Starting,
    Up,
    Stopping,
}

struct Run {
    requests: RequestSender,
    queue: Arc<SendQueue>,
    outbox: Outbox,
}

impl Shared {
    pub fn new(resolved: Resolved) -> Arc<Self> {
        let Resolved { config, meta, runtime } = resolved;
        Arc::new_cyclic(|this| Self {
            lease: config.timing.lease(),
            needs_network: matches!(config.place, Place::Redis(_)),
            candidate: Candidate::new(config),
            answers: Answers::default(),
            leadership: Leadership::default(),
            broadcast: Broadcast::default(),
            leader: watch::channel(Known::default()).0,
            since: Mutex::new(SystemTime::now()),
            meta: Mutex::new(meta),
            runtime,
            lifecycle: Mutex::default(),
            this: this.clone(),
        })
    }

    /// How much of a leadership is kept back: its token is over before it is.
    pub fn margin(&self) -> Duration {
        self.lease / 10
    }

    // ---- Start and stop ---------------------------------------------------------------------------------------------

    pub async fn start(&self) -> Result<(), Error> {
        let runtime = self.find_runtime()?;
        let started = {
            let mut lifecycle = self.lifecycle();
            if lifecycle.stage == Stage::Up {
                return Ok(());
            }
            let (starter, started) = oneshot::channel();
            lifecycle.starters.push(starter);
            lifecycle.runtime = Some(runtime);
            if lifecycle.stage == Stage::Down {
                self.begin(&mut lifecycle);
            }
            started
        };
        started.await.unwrap_or_else(|_| Err(stopped("the candidate was dropped")))
    }

    /// Does not wait for its end.
    pub fn begin_stop(&self) -> Option<oneshot::Receiver<()>> {
        let (starters, stopping) = {
            let mut lifecycle = self.lifecycle();
            let starters = std::mem::take(&mut lifecycle.starters);
            let stopping = (lifecycle.stage != Stage::Down).then(|| {
                let (stopper, stopping) = oneshot::channel();
                lifecycle.stoppers.push(stopper);
                if lifecycle.stage != Stage::Stopping {
                    lifecycle.stage = Stage::Stopping;
                    self.leadership.announce(LossReason::Stopped);
                    self.candidate.close();
                    if let Some(run) = &lifecycle.run {
                        // A run that has ended by itself takes no more requests, and needs none.
                        let _ = run.requests.send(Request::Stop);
                    }
                }
                stopping
            });
            (starters, stopping)
        };
        let error = stopped("stop() was called");
        self.abandon(starters, &error);
        if stopping.is_some() {
            self.leadership.end(LossReason::Stopped, false);
        }
        stopping
    }

    /// Nobody holds the candidate any more.
    pub fn let_go(&self) {
        self.lifecycle().is_abandoned = true;
        if self.begin_stop().is_none() {
            self.bury();
        }
    }

    pub fn handle_started(&self) {
        let starters = {
            let mut lifecycle = self.lifecycle();
            // After a stop this is late news of a run that ends: a waiting start is for the next one.
            if lifecycle.stage != Stage::Starting {
                return;
            }
            lifecycle.stage = Stage::Up;
            std::mem::take(&mut lifecycle.starters)
        };
        for starter in starters {
            // Not everybody waits.
            let _ = starter.send(Ok(()));
        }
    }

    /// The run is over: after a stop or, after a defect or with its runtime, by itself.
    pub fn handle_stopped(&self) {
        let error = stopped("the candidate stopped");
        let (run, starters, stoppers, is_abandoned) = {
            let mut lifecycle = self.lifecycle();
            let was_asked = lifecycle.stage == Stage::Stopping;
            lifecycle.stage = Stage::Down;
            // Where nobody asked for the end, the starters wait for this very run.
            let starters =
                if was_asked { Vec::new() } else { std::mem::take(&mut lifecycle.starters) };
            let stoppers = std::mem::take(&mut lifecycle.stoppers);
            (lifecycle.run.take(), starters, stoppers, lifecycle.is_abandoned)
        };
        self.leadership.end(LossReason::Stopped, true);
        self.answers.close(&error);
        if let Some(mut run) = run {
            run.outbox.close(&error);
        }
        self.abandon(starters, &error);
        for stopper in stoppers {
            let _ = stopper.send(());
        }
        if is_abandoned {
            return self.bury();
        }
        let mut lifecycle = self.lifecycle();
        if lifecycle.stage == Stage::Down && !lifecycle.starters.is_empty() {
            self.begin(&mut lifecycle);
        }
    }

    fn begin(&self, lifecycle: &mut Lifecycle) {
        let (Some(runtime), Some(this)) = (lifecycle.runtime.take(), self.this.upgrade()) else {
            return;
        };
        let meta = self.meta().clone();
        match self.candidate.start(&runtime, meta, Listener::new(this)) {
            Ok(run) => {
                let crate::candidate::Run { requests, queue } = run;
                lifecycle.run = Some(Run { requests, queue, outbox: Outbox::default() });
                lifecycle.stage = Stage::Starting;
            }
            Err(_) => {
                let error = Error::new(ErrorCode::Internal, "the last run has not ended yet");
                for starter in lifecycle.starters.drain(..) {
                    let _ = starter.send(Err(error.clone()));
                }
            }
        }
    }

    /// Ends what callers wait for and a stop does not.
    fn abandon(&self, starters: Vec<oneshot::Sender<Result<(), Error>>>, error: &Error) {
        for starter in starters {
            let _ = starter.send(Err(error.clone()));
        }
        self.answers.abandon(error);
        self.leader.send_modify(|known| {
            known.leader = None;
            known.stops += 1;
        });
    }

    fn bury(&self) {
        self.leadership.end_tasks();
        self.broadcast.close();
    }

    /// The runtime to run on, which must have its timer and its network running.
    fn find_runtime(&self) -> Result<Handle, Error> {
        let lacking = |text: &str| Error::new(ErrorCode::NoRuntime, text);
        let runtime = match &self.runtime {
            Some(runtime) => runtime.clone(),
            None => Handle::try_current().map_err(|_| {
                lacking("start() must be awaited on a Tokio runtime, or the option \"runtime\" must name one")
            })?,
        };
        let _entered = runtime.enter();
        // There is no way to ask but to try.
        let try_out = |part: fn()| std::panic::catch_unwind(AssertUnwindSafe(part)).is_ok();
        if !try_out(|| drop(tokio::time::sleep(Duration::ZERO))) {
            return Err(lacking("the Tokio runtime has no timer: build it with enable_all()"));
        }
        if self.needs_network && !try_out(try_network) {
            return Err(lacking("the Tokio runtime has no I/O driver: build it with enable_all()"));
        }
        Ok(runtime)
    }

    // ---- Requests ---------------------------------------------------------------------------------------------------

    /// Whether calls reach a run that no stop has ended.
    pub fn is_up(&self) -> bool {
        matches!(self.lifecycle().stage, Stage::Starting | Stage::Up)
    }

    /// Whether a run is there, or will be when a stop has ended.
    pub fn is_wanted(&self) -> bool {
        let lifecycle = self.lifecycle();
        matches!(lifecycle.stage, Stage::Starting | Stage::Up) || !lifecycle.starters.is_empty()
    }

    pub async fn ask(
        &self,
        method: &str,
        what: Question,
        manner: Manner,
    ) -> Result<Answer, Error> {
        let is_there = if manner == Manner::Work { self.is_running() } else { self.is_up() };
        if !is_there {
            return Err(not_started(method));
        }
        let (question, answer) = self.answers.expect(manner);
        if let Err(error) = self.request(Request::Ask { question, what }) {
            self.answers.answer(question, Err(error));
        }
        answer.await.unwrap_or_else(|_| Err(stopped("the candidate was dropped")))
    }

    pub fn request(&self, request: Request) -> Result<(), Error> {
        match &self.lifecycle().run {
            Some(run) => {
                run.requests.send(request).map_err(|_| stopped("the candidate is stopping"))
            }
            None => Err(stopped("the candidate stopped")),
        }
    }

    fn is_running(&self) -> bool {
        self.lifecycle().run.is_some()
    }

    pub fn send(&self, draft: Draft) -> Result<Sent, Error> {
        let mut lifecycle = self.lifecycle();
        let is_ending = lifecycle.stage == Stage::Stopping;
        match &mut lifecycle.run {
            Some(run) if !is_ending => {
                run.queue.append(draft)?;
                run.queue.flush();
                Ok(run.outbox.add())
            }
            _ => Err(not_started("message")),
        }
    }

    pub fn with_outbox(&self, act: impl FnOnce(&mut Outbox)) {
        if let Some(run) = &mut self.lifecycle().run {
            act(&mut run.outbox);
        }
    }

    pub async fn set_meta(&self, meta: Arc<RawValue>) -> Result<(), Error> {
        if !self.is_up() {
            return Err(not_started("set_meta"));
        }
        // From here on it is shown whenever Redis lets it.
        *self.meta() = meta.clone();
        self.ask("set_meta", Question::SetMeta(meta), Manner::Plain).await.map(drop)
    }

    pub fn meta(&self) -> MutexGuard<'_, Arc<RawValue>> {
        self.meta.lock().expect("no panic holds the lock")
    }

    // ---- The leadership ---------------------------------------------------------------------------------------------

    /// For another election, or since it is about to run out. `is_leader()` is false before anybody is told.
    pub async fn reelect(&self, manner: Manner) -> Result<(), Error> {
        self.leadership.announce(LossReason::Reelected);
        self.candidate.resign();
        self.leadership.end(LossReason::Reelected, false);
        self.ask("reelect", Question::Reelect, manner).await.map(drop)
    }

    /// Releases the leadership of `reign`, unless it is over.
    pub async fn give_up(&self, reign: &Arc<Core>) {
        if self.is_up() && self.leadership.is_present(reign) && reign.loss().is_none() {
            // What went wrong was told as an event, and the lease lapses by itself.
            let _ = self.reelect(Manner::Release).await;
        }
    }

    /// The token of a leadership that runs out is over; so is the leadership, then.
    pub fn resign(&self) {
        self.candidate.resign();
        let (question, _) = self.answers.expect(Manner::Plain);
        let what = Question::Resign(Loss::Expired);
        if let Err(error) = self.request(Request::Ask { question, what }) {
            self.answers.answer(question, Err(error));
        }
    }

    pub async fn fenced(&self, writes: Writes, term: Option<u64>) -> Result<Vec<Reply>, Error> {
        let question = writes.question(term)?;
        match self.ask("fenced", question, Manner::Work).await? {
            Answer::Replies { replies, .. } => Ok(replies.into_iter().map(Reply::from).collect()),
            _ => Ok(Vec::new()),
        }
    }

    pub async fn set_checkpoint(
        &self,
        value: &(impl Serialize + ?Sized),
        term: Option<u64>,
    ) -> Result<(), Error> {
        let value = writes::encode(value)?;
        let question = Question::SetCheckpoint { value, term: term.map(Term) };
        self.ask("set_checkpoint", question, Manner::Work).await.map(drop)
    }

    pub fn tell_error(&self, error: Error) {
        self.broadcast.put(&Event::Error(error));
    }

    fn lifecycle(&self) -> MutexGuard<'_, Lifecycle> {
        self.lifecycle.lock().expect("no panic holds the lock")
    }
}

pub fn not_started(method: &str) -> Error {
    let text = format!("{method}() needs a started candidate; await start() first");
    Error::new(ErrorCode::NotStarted, text)
}

fn stopped(text: &str) -> Error {
    Error::new(ErrorCode::Stopped, text)
}

/// Registers a socket with the runtime, which panics where the runtime cannot take one.
fn try_network() {
    if let Ok(socket) = std::net::UdpSocket::bind(("127.0.0.1", 0))
        && socket.set_nonblocking(true).is_ok()
    {
        drop(tokio::net::UdpSocket::from_std(socket));
    }
}
