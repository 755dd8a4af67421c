//! The handle that a service holds.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answers::Manner;
use super::events::Events;
use super::instance::{Instance, State};
use super::lead::{BoxError, Lead, LeadOptions, Task};
use super::options::Options;
use super::reign::{Reign, read_checkpoint};
use super::resolved::check_meta;
use super::shared::{Shared, not_started};
use super::stats::{Health, Stats};
use super::writes::{Reply, Writes};
use crate::driver::{Answer, Question};
use crate::election::InstanceId;
use crate::error::{Error, ErrorCode};
use crate::limits::check_id;

/// An instance of a service. The instances of one kind elect one leader, know each other, and send each other messages, in whichever language they are written.
///
/// Clones are the same candidate.
///
/// # Where it runs
///
/// On the Tokio runtime that [`start`](Self::start) is awaited on, which needs its timer and its I/O driver: a few tasks for each candidate, and a few for all that share
/// a server. It has no threads of its own, so a runtime whose threads are all blocked for most of `lease_ms` renews nothing, and loses the leadership. It does
/// not keep a false one: [`is_leader`](Self::is_leader) compares the clock. A service that blocks its runtime and wants to lead on meanwhile gives the candidate
/// a runtime of its own by [`Options::runtime`].
///
/// # When it is dropped
///
/// Dropping the last clone is a [`stop`](Self::stop) that nobody waits for: this instance leads no more from that moment on; tokens are over; what was given to
/// [`lead`](Self::lead) has `drain_ms` to settle; then the leadership is released, and the next leader stands at once. All that happens on the runtime. Where that ends
/// first, as at the end of `main`, nothing is released, and the others take over once the lease has run out: await `stop()` before. A function given to `lead()`
/// that holds a clone keeps the candidate.
#[derive(Clone)]
pub struct Candidate {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.let_go();
    }
}

impl Candidate {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// `ERR_INVALID_OPTION` or `ERR_LIMIT_EXCEEDED`, for a wrong option.
    pub fn new(options: Options) -> Result<Self, Error> {
        let shared = Shared::new(options.resolve()?);
        Ok(Self { handle: Arc::new(Handle { shared }) })
    }

    // ---- What it is now ---------------------------------------------------------------------------------------------

    /// 24 characters of `[0-9a-f]`, drawn once for this candidate; the same over stop and start.
    #[must_use]
    pub fn id(&self) -> &str {
        self.shared().candidate.id()
    }

    /// Whether this instance leads at this very moment. Compares the clock at each call, without a lock, so it is right even when the process was paused or its
    /// runtime blocked, and no event could tell of it.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.shared().candidate.is_leader()
    }

    /// For how long this instance leads, by the clock, if nothing renews its leadership; zero if it does not.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        self.shared().candidate.valid_for()
    }

    /// Compares the clock at each call, as [`is_leader`](Self::is_leader) does. [`State::Follower`] before the start and after a stop.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared().candidate.role().into()
    }

    /// The highest term known here; 0 before the first. The terms of a kind only rise.
    #[must_use]
    pub fn current_term(&self) -> u64 {
        self.shared().candidate.term().0
    }

    /// What happens from here on; see [`Events`] for what becomes of those that are not read. Each call gives a stream of its own. To miss nothing, call it
    /// before [`start`](Self::start).
    #[must_use]
    pub fn events(&self) -> Events {
        self.shared().broadcast.subscribe()
    }

    // ---- Starting and stopping --------------------------------------------------------------------------------------

    /// Takes part. Resolves when a leader is known, this instance or another one, and this instance is listed and receives messages; one that may not lead
    /// (`eligible`, `min_instances`) does not wait for a leader. While Redis is away it keeps trying. Calls at the same time share one start; on a started candidate it
    /// resolves at once; during a [`stop`](Self::stop) it waits for its end. Dropping the future ends nothing that has begun: call `stop()`.
    ///
    /// # Errors
    /// `ERR_STOPPED`, when `stop()` comes first. `ERR_NO_RUNTIME`, outside a Tokio runtime, or on one without a timer or an I/O driver.
    pub async fn start(&self) -> Result<(), Error> {
        self.shared().start().await
    }

    /// Takes part no longer: hands over a leadership, leaves the list, closes what it opened. [`is_leader`](Self::is_leader) is false from here on; what was given to
    /// [`lead`](Self::lead) has `drain_ms` to settle before the leadership is released. Do not await it in such a function. Messages that are still queued are sent first,
    /// if that is possible at once. May be called at any time and any number of times; once begun it goes on, though the future is dropped.
    pub async fn stop(&self) {
        if let Some(stopping) = self.shared().begin_stop() {
            // An error would mean that there is nothing left to stop.
            let _ = stopping.await;
        }
    }

    // ---- The leadership ---------------------------------------------------------------------------------------------

    /// Runs `function` each time this instance becomes the leader, and at once if it leads already; in one run at a time, over every stop and start, until
    /// [`Lead::stop`], or until it fails.
    ///
    /// The [`Reign`] is over when the leadership has ended, or when less than a tenth of `lease_ms` is left of it. The future of the function is dropped where it goes on:
    ///
    /// - when the leadership runs out (it cannot be renewed), at the next `await` after half of that tenth, before the deadline;
    /// - when it is given up ([`stop`](Self::stop), [`reelect`](Self::reelect), [`transfer_to`](Self::transfer_to)), after `drain_ms`. Meanwhile the release waits
    ///   for it: [`is_leader`](Self::is_leader) is false, and no other instance can lead. Do not await these calls in the function itself: return instead.
    ///
    /// What it has spawned is not dropped: give it the `Reign`.
    ///
    /// When the function fails or panics, the leadership is given up, and [`Lead::done`] tells the error; an [`Event::Error`](crate::Event::Error) does, where nobody holds
    /// the handle. An `ERR_NOT_LEADER` of this crate, as of [`Reign::check`] or of a write that was refused, is no failure: it runs again in the next reign.
    ///
    /// ```
    /// use incumbent::{Candidate, Options};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), incumbent::BoxError> {
    /// let candidate = Candidate::new(Options::new().memory().kind("poller"))?;
    /// let (ticks, mut ticked) = tokio::sync::mpsc::channel(1);
    /// let polling = candidate.lead(move |reign| {
    ///     let ticks = ticks.clone();
    ///     async move {
    ///         while !reign.is_over() {
    ///             ticks.send(reign.term()).await?;
    ///         }
    ///         Ok(())
    ///     }
    /// });
    /// candidate.start().await?;
    /// assert_eq!(ticked.recv().await, Some(candidate.current_term()));
    /// polling.stop().await;
    /// candidate.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn lead<F, R>(&self, function: F) -> Lead
    where
        F: Fn(Reign) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.lead_with(LeadOptions::new(), function)
    }

    /// As [`lead`](Self::lead), with options.
    pub fn lead_with<F, R>(&self, options: LeadOptions, function: F) -> Lead
    where
        F: Fn(Reign) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Task::attach(self.shared(), options, function)
    }

    /// Gives up the leadership, lets the others come first, then stands for it again. Waits for what was given to [`lead`](Self::lead). Without effect where this
    /// instance does not lead.
    ///
    /// # Errors
    /// `ERR_DRAIN_TIMEOUT`.
    pub async fn reelect(&self) -> Result<(), Error> {
        if !self.shared().is_up() {
            return Ok(());
        }
        self.shared().reelect(Manner::Reelection).await
    }

    /// Hands the leadership over to the instance `id`, for which the others stand back. Waits for what was given to [`lead`](Self::lead). Resolves to the id of the
    /// next leader: another one than `id` where that died in this very moment.
    ///
    /// # Errors
    /// And goes on leading: `ERR_NOT_STARTED`, `ERR_NOT_LEADER`, `ERR_INVALID_ARGUMENT` (no other living and eligible instance has this id),
    /// `ERR_LIMIT_EXCEEDED`, or an error of Redis. And leads no more: `ERR_DRAIN_TIMEOUT`.
    pub async fn transfer_to(&self, id: &str) -> Result<String, Error> {
        check_id(id)?;
        let leadership = &self.shared().leadership;
        let _transfer = leadership.transfer();
        let question = Question::Transfer(InstanceId::new(id));
        match self.shared().ask("transfer_to", question, Manner::Transfer).await? {
            Answer::Successor(leader) => Ok(leader.as_str().to_owned()),
            _ => Err(Error::new(ErrorCode::Internal, "a transfer was answered with no leader")),
        }
    }

    /// Runs commands in Redis in one step, if this instance still holds the leadership, and otherwise writes nothing. A leader that drains still holds it. Resolves
    /// to the replies, in order. In what [`lead`](Self::lead) runs, use [`Reign::fenced`], which holds to one term: a function that ran on past the end of its leadership
    /// could else write in a later one of the same instance.
    ///
    /// In a Redis Cluster all keys must lie in the slot of the kind: `{kind}` in their names.
    ///
    /// # Errors
    /// `ERR_NOT_LEADER`: nothing was written. `ERR_REDIS_FAILED`: the first command that Redis refuses is the last; what came before it stands.
    /// `ERR_REDIS_UNREACHABLE`: the commands may have been applied, or not; they are not sent twice. `ERR_NOT_STARTED`, `ERR_INVALID_ARGUMENT`, `ERR_LIMIT_EXCEEDED`
    /// or `ERR_STOPPED`.
    pub async fn fenced(&self, writes: Writes) -> Result<Vec<Reply>, Error> {
        self.shared().fenced(writes, None).await
    }

    /// Leaves a value of at most 65536 bytes as JSON to the next leader, and to [`checkpoint`](Self::checkpoint). It outlives every crash and stop. Only while this
    /// instance holds the leadership.
    ///
    /// # Errors
    /// As [`fenced`](Self::fenced).
    pub async fn set_checkpoint(&self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.shared().set_checkpoint(value, None).await
    }

    /// What was set last by [`set_checkpoint`](Self::set_checkpoint); `None` where nothing ever was.
    ///
    /// # Errors
    /// `ERR_NOT_STARTED`, an error of Redis, or `ERR_INVALID_MESSAGE` when it is no `T`.
    pub async fn checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        match self.shared().ask("checkpoint", Question::Checkpoint, Manner::Work).await? {
            Answer::Checkpoint(Some(left)) => read_checkpoint(&left.value).map(Some),
            _ => Ok(None),
        }
    }

    // ---- Instances --------------------------------------------------------------------------------------------------

    /// The id of the leader, as soon as one is known.
    ///
    /// # Errors
    /// `ERR_NOT_STARTED`; `ERR_STOPPED` when [`stop`](Self::stop) comes first.
    pub async fn wait_for_leader(&self) -> Result<String, Error> {
        let shared = self.shared();
        let mut known = shared.leader.subscribe();
        if !shared.is_wanted() {
            return Err(not_started("wait_for_leader"));
        }
        let stops = known.borrow_and_update().stops;
        loop {
            if let Some(leader) = shared.known_leader() {
                return Ok(leader);
            }
            // The sender lives as long as this candidate.
            let _ = known.changed().await;
            if known.borrow_and_update().stops != stops {
                return Err(Error::new(ErrorCode::Stopped, "stop() was called"));
            }
        }
    }

    /// All instances of the kind, this one included.
    ///
    /// # Errors
    /// `ERR_NOT_STARTED`, `ERR_STOPPED`, or an error of Redis.
    pub async fn instances(&self) -> Result<Vec<Instance>, Error> {
        match self.shared().ask("instances", Question::Instances, Manner::Plain).await? {
            Answer::Instances(views) => Ok(views.iter().map(Instance::of).collect()),
            _ => Ok(Vec::new()),
        }
    }

    /// The leader; `None` where there is none.
    ///
    /// # Errors
    /// `ERR_NOT_STARTED`, `ERR_STOPPED`, or an error of Redis.
    pub async fn leader(&self) -> Result<Option<Instance>, Error> {
        match self.shared().ask("leader", Question::Leader, Manner::Plain).await? {
            Answer::Leader(view) => Ok(view.as_ref().map(Instance::of)),
            _ => Ok(None),
        }
    }

    /// Replaces what the others see as the meta of this instance; they see it when this has resolved. Where Redis was away and it fails, they see it once Redis is back.
    /// At most 16384 bytes as JSON.
    ///
    /// # Errors
    /// `ERR_NOT_STARTED`, `ERR_INVALID_ARGUMENT`, `ERR_LIMIT_EXCEEDED`, `ERR_STOPPED` or an error of Redis.
    pub async fn set_meta(&self, meta: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let meta = serde_json::value::to_raw_value(meta).map_err(|cause| {
            let text =
                format!("the meta given to set_meta() must be serializable as JSON: {cause}");
            Error::new(ErrorCode::InvalidArgument, text)
        })?;
        check_meta("the meta given to set_meta()", &meta)?;
        self.shared().set_meta(meta.into()).await
    }

    // ---- Seeing -----------------------------------------------------------------------------------------------------

    /// What was counted, for metrics.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared().stats()
    }

    /// How this instance is, for a readiness endpoint. A follower is as healthy as the leader.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared().health()
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("id", &self.id())
            .field("state", &self.state())
            .field("term", &self.current_term())
            .finish_non_exhaustive()
    }
}
