//! A function of the service that runs in each reign of this instance, one run at a time.

use std::error::Error as StdError;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use futures_util::FutureExt;
use tokio::sync::{oneshot, watch};

use super::reign::{Core, Reign};
use super::shared::Shared;
use crate::error::{Error, ErrorCode};

/// What a function given to [`lead`](crate::Candidate::lead) fails with; `?` makes it of every error.
pub type BoxError = Box<dyn StdError + Send + Sync>;

type Run = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;
type Function = Box<dyn Fn(Reign) -> Run + Send + Sync>;

/// What [`lead_with`](crate::Candidate::lead_with) takes.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct LeadOptions {
    keep: bool,
}

impl Default for LeadOptions {
    fn default() -> Self {
        Self { keep: true }
    }
}

impl LeadOptions {
    /// With every default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the leadership stays when the function has returned. With `false` it is released then, so that others come first.
    ///
    /// Default: true.
    pub fn keep(mut self, keep: bool) -> Self {
        self.keep = keep;
        self
    }
}

/// What [`lead`](crate::Candidate::lead) gives. Dropping it changes nothing: the function goes on to be run.
#[derive(Debug)]
pub struct Lead {
    task: Arc<Task>,
    outcome: oneshot::Receiver<Result<(), BoxError>>,
}

impl Lead {
    /// Runs the function no more: its [`Reign`] is over, and this resolves when it has settled. The leadership stays.
    pub async fn stop(&self) {
        self.task.end();
        let mut is_settled = self.task.settled.subscribe();
        // The sender lives as long as the task.
        let _ = is_settled.wait_for(|is_settled| *is_settled).await;
    }

    /// Resolves after [`stop`](Self::stop), or when the candidate was dropped, once the function has settled. Cancelling it loses nothing.
    ///
    /// # Errors
    /// With which the function failed, once the leadership was given up for it. It is not run again.
    ///
    /// # Panics
    /// When it is called again after it has resolved.
    pub async fn done(&mut self) -> Result<(), BoxError> {
        (&mut self.outcome).await.unwrap_or(Ok(()))
    }
}

/// One function, over all its runs.
pub struct Task {
    function: Function,
    /// Whether the leadership stays when the function has returned.
    keeps: bool,
    shared: Weak<Shared>,
    state: Mutex<State>,
    /// Of the run: the function is to end though the leadership lasts.
    stopped: watch::Sender<bool>,
    settled: watch::Sender<bool>,
}

struct State {
    is_ended: bool,
    is_running: bool,
    /// The latest one.
    reign: Option<Arc<Core>>,
    /// The same while it waits until the run before has settled.
    next: Option<Arc<Core>>,
    asker: Option<oneshot::Sender<Result<(), BoxError>>>,
}

enum Outcome {
    /// It may run again.
    Settled,
    /// It has no more to do in this reign.
    Finished,
    Failed(BoxError),
}

impl Task {
    pub fn attach<F, R>(shared: &Arc<Shared>, options: LeadOptions, function: F) -> Lead
    where
        F: Fn(Reign) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let (asker, outcome) = oneshot::channel();
        let state = State {
            is_ended: false,
            is_running: false,
            reign: None,
            next: None,
            asker: Some(asker),
        };
        let task = Arc::new(Self {
            function: Box::new(move |reign| Box::pin(function(reign))),
            keeps: options.keep,
            shared: Arc::downgrade(shared),
            state: Mutex::new(state),
            stopped: watch::channel(false).0,
            settled: watch::channel(false).0,
        });
        shared.leadership.attach(shared, &task);
        Lead { task, outcome }
    }

    pub fn handle_reign(self: &Arc<Self>, reign: &Arc<Core>) {
        let mut state = self.state();
        let is_known = state.reign.as_ref().is_some_and(|known| Arc::ptr_eq(known, reign));
        if state.is_ended || is_known {
            return;
        }
        state.reign = Some(reign.clone());
        if state.is_running {
            state.next = Some(reign.clone());
        } else {
            state.is_running = true;
            drop(state);
            self.begin(reign.clone());
        }
    }

    /// Ends it. What runs goes on until it has settled.
    pub fn end(&self) {
        let mut state = self.state();
        state.is_ended = true;
        self.stopped.send_replace(true);
        let is_running = state.is_running;
        drop(state);
        if !is_running {
            self.finish(Ok(()));
        }
    }

    fn begin(self: &Arc<Self>, reign: Arc<Core>) {
        let Some(shared) = self.shared.upgrade() else { return self.finish(Ok(())) };
        shared.leadership.add_work(&reign);
        drop(shared);
        let task = self.clone();
        reign.runtime.clone().spawn(async move {
            let outcome = task.play(&reign).await;
            if let Some(shared) = task.shared.upgrade() {
                shared.leadership.settle_work(&shared, &reign);
            }
            task.conclude(&reign, outcome).await;
        });
    }

    /// One run of the function.
    async fn play(&self, reign: &Arc<Core>) -> Outcome {
        let token = Reign::new(reign.clone(), Some(self.stopped.subscribe()));
        if token.is_over() {
            return Outcome::Settled;
        }
        // The function is called within, so that a panic of its own is one of the run.
        let run = AssertUnwindSafe(async { (self.function)(token.clone()).await }).catch_unwind();
        let result = tokio::select! {
            biased;
            result = run => result,
            () = reign.cut_off() => return Outcome::Settled,
        };
        match result {
            Ok(Ok(())) if self.keeps => Outcome::Settled,
            Ok(Ok(())) => Outcome::Finished,
            // Redis may know of the end of the leadership before this process does.
            Ok(Err(error)) if is_refusal(&error) => Outcome::Finished,
            Ok(Err(error)) => Outcome::Failed(error),
            Err(panic) => Outcome::Failed(told(&*panic).into()),
        }
    }

    async fn conclude(self: &Arc<Self>, reign: &Arc<Core>, outcome: Outcome) {
        if let Outcome::Failed(error) = outcome {
            self.state().is_ended = true;
            // First, since whoever hears of the error may end the process.
            self.give_up(reign).await;
            return self.finish(Err(error));
        }
        let (is_ended, next) = {
            let mut state = self.state();
            let next = state.next.take().filter(|_| !state.is_ended);
            state.is_running = next.is_some();
            (state.is_ended, next)
        };
        if is_ended {
            return self.finish(Ok(()));
        }
        if let Some(next) = next {
            self.begin(next);
        }
        if matches!(outcome, Outcome::Finished) {
            self.give_up(reign).await;
        }
    }

    async fn give_up(&self, reign: &Arc<Core>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.give_up(reign).await;
        }
    }

    /// Once.
    fn finish(&self, result: Result<(), BoxError>) {
        let Some(asker) = self.state().asker.take() else { return };
        let shared = self.shared.upgrade();
        if let Some(shared) = &shared {
            shared.leadership.detach(shared, self);
        }
        if let Err(Err(error)) = asker.send(result)
            && let Some(shared) = shared
        {
            let text = format!("what was given to lead() failed: {error}");
            shared.tell_error(Error::new(ErrorCode::LeadFailed, text));
        }
        self.settled.send_replace(true);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic holds the lock")
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

/// Whether a function only heeded the end of its leadership, or a write was refused for that.
fn is_refusal(error: &BoxError) -> bool {
    error.downcast_ref::<Error>().is_some_and(|error| error.code() == ErrorCode::NotLeader)
}

fn told(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("with what is no text"))
}
