//! Brings start() and stop(), in whatever order they are called, into runs that follow one another. A run lasts from its start to the driver's word that it
//! has stopped; only then may the next one begin.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::listener::Listener;
use super::outbox::Outbox;
use super::reign::LossReason;
use super::shared::{Shared, stopped};
use crate::candidate;
use crate::driver::{Request, RequestSender, SendQueue};
use crate::error::{Error, ErrorCode};

#[derive(Default)]
pub struct Lifecycle {
    pub stage: Stage,
    pub run: Option<Run>,
    pub starters: Vec<oneshot::Sender<Result<(), Error>>>,
    stoppers: Vec<oneshot::Sender<()>>,
    /// On which the next run begins.
    runtime: Option<Handle>,
    /// Nobody holds a handle any more.
    is_abandoned: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Down,
    Starting,
    Up,
    Stopping,
}

pub struct Run {
    pub requests: RequestSender,
    pub queue: Arc<SendQueue>,
    pub outbox: Outbox,
}

impl Lifecycle {
    /// Whether calls reach a run that no stop has ended.
    pub fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Starting | Stage::Up)
    }
}

impl Shared {
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
            // Where somebody asked for the end, whoever waits by now waits for the next run.
            let starters = (!was_asked).then(|| std::mem::take(&mut lifecycle.starters));
            let stoppers = std::mem::take(&mut lifecycle.stoppers);
            (lifecycle.run.take(), starters, stoppers, lifecycle.is_abandoned)
        };
        self.leadership.end(LossReason::Stopped, true);
        self.answers.close(&error);
        if let Some(mut run) = run {
            run.outbox.close(&error);
        }
        if let Some(starters) = starters {
            self.abandon(starters, &error);
        }
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
        let (listener, ear) = Listener::new(this);
        let run = self.candidate.start(&runtime, meta, listener);
        // A runtime that has ended drops whatever is spawned on it at once.
        let (code, text) = match run {
            Ok(candidate::Run { requests, queue }) if ear.attach() => {
                lifecycle.run = Some(Run { requests, queue, outbox: Outbox::default() });
                lifecycle.stage = Stage::Starting;
                return;
            }
            Ok(_) => (ErrorCode::NoRuntime, "the Tokio runtime of the candidate has ended"),
            Err(_) => (ErrorCode::Internal, "the last run has not ended yet"),
        };
        for starter in lifecycle.starters.drain(..) {
            let _ = starter.send(Err(Error::new(code, text)));
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
}

/// Registers a socket with the runtime, which panics where the runtime cannot take one.
fn try_network() {
    if let Ok(socket) = std::net::UdpSocket::bind(("127.0.0.1", 0))
        && socket.set_nonblocking(true).is_ok()
    {
        drop(tokio::net::UdpSocket::from_std(socket));
    }
}
