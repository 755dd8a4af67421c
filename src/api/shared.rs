//! A candidate without the handles that its users hold: what it is made of, and what is asked of its run.

use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::answers::{Answers, Manner};
use super::event::Event;
use super::events::Broadcast;
use super::leadership::Leadership;
use super::lifecycle::Lifecycle;
use super::outbox::{Outbox, Sent};
use super::reign::{Core, LossReason};
use super::resolved::Resolved;
use super::writes::{self, Reply, Writes};
use crate::candidate::{Candidate, Place};
use crate::driver::{Answer, Draft, Question, Request};
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
    pub runtime: Option<Handle>,
    pub needs_network: bool,
    pub lifecycle: Mutex<Lifecycle>,
    pub this: Weak<Self>,
}

/// Changes when anything in it does; whoever waits for a leader waits no longer than for the next stop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub leader: Option<String>,
    pub stops: u64,
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

    // ---- Requests ---------------------------------------------------------------------------------------------------

    /// Whether calls reach a run that no stop has ended.
    pub fn is_up(&self) -> bool {
        self.lifecycle().is_up()
    }

    /// Whether a run is there, or will be when a stop has ended.
    pub fn is_wanted(&self) -> bool {
        let lifecycle = self.lifecycle();
        lifecycle.is_up() || !lifecycle.starters.is_empty()
    }

    pub async fn ask(&self, method: &str, what: Question, manner: Manner) -> Result<Answer, Error> {
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
        let is_up = lifecycle.is_up();
        match &mut lifecycle.run {
            Some(run) if is_up => {
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

    pub fn lifecycle(&self) -> MutexGuard<'_, Lifecycle> {
        self.lifecycle.lock().expect("no panic holds the lock")
    }
}

pub fn not_started(method: &str) -> Error {
    let text = format!("{method}() needs a started candidate; await start() first");
    Error::new(ErrorCode::NotStarted, text)
}

pub fn stopped(text: &str) -> Error {
    Error::new(ErrorCode::Stopped, text)
}
