//! The leadership of this instance in one term, as a token.

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use super::shared::Shared;
use super::writes::{Reply, Writes};
use crate::election::{Loss, Term};
use crate::error::{Error, ErrorCode};

/// The leadership of this instance in one term: comes with [`Event::Elected`](crate::Event::Elected), and is given to what [`lead`](crate::Candidate::lead)
/// runs. Clones are the same one. Holding it does not keep the candidate.
#[derive(Clone)]
pub struct Reign {
    core: Arc<Core>,
    /// Of the run of a function; it may be stopped while the leadership lasts.
    stopped: Option<watch::Receiver<bool>>,
}

/// Why a leadership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossReason {
    /// It was not renewed in time, or is about to run out.
    Expired,
    /// The candidate was stopped, or dropped.
    Stopped,
    /// [`reelect`](crate::Candidate::reelect) was called, or what was given to [`lead`](crate::Candidate::lead) failed or has done its work.
    Reelected,
    /// It was handed over.
    Transferred,
    /// The process did not answer; npm package alone.
    Stalled,
    /// The connection broke, with [`CrashDetection::Connection`](crate::CrashDetection::Connection).
    Disconnected,
    /// Another instance leads in a later term.
    Replaced,
}

impl LossReason {
    /// Its name, the same as in JavaScript: `"expired"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Stopped => "stopped",
            Self::Reelected => "reelected",
            Self::Transferred => "transferred",
            Self::Stalled => "stalled",
            Self::Disconnected => "disconnected",
            Self::Replaced => "replaced",
        }
    }

    fn wording(self) -> &'static str {
        match self {
            Self::Expired => "it was not renewed in time",
            Self::Stopped => "the candidate was stopped",
            Self::Reelected => "it was given up for a new election",
            Self::Transferred => "it was handed over to another instance",
            Self::Stalled => "the process did not answer",
            Self::Disconnected => "the connection to Redis broke",
            Self::Replaced => "another instance leads in a later term",
        }
    }

    /// `None` for a candidate that never led.
    pub(super) fn of(loss: Loss) -> Option<Self> {
        Some(match loss {
            Loss::Expired => Self::Expired,
            Loss::Stopped => Self::Stopped,
            Loss::Reelected => Self::Reelected,
            Loss::Transferred => Self::Transferred,
            Loss::Stalled => Self::Stalled,
            Loss::Disconnected => Self::Disconnected,
            Loss::Replaced => Self::Replaced,
            Loss::Lost => return None,
        })
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Reign {
    pub(super) fn new(core: Arc<Core>, stopped: Option<watch::Receiver<bool>>) -> Self {
        Self { core, stopped }
    }

    /// The term, higher than every earlier one of the kind: hand it to what you write to, and let that refuse lower ones (a fencing token).
    #[must_use]
    pub fn term(&self) -> u64 {
        self.core.term.0
    }

    /// Whether the leadership has ended, or less than a tenth of `lease_ms` is left of it; or the run of this function was stopped. Each call compares the clock, so
    /// it is right even in the first line that runs after the thread was blocked. Once true, it stays so, and a leadership that was near its end is given up.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_stopped() || self.core.loss().is_some()
    }

    /// Waits until [`is_over`](Self::is_over).
    ///
    /// # Panics
    /// Outside a Tokio runtime with a timer.
    pub async fn over(&self) {
        let mut stopped = self.stopped.clone();
        let stopped = async {
            match &mut stopped {
                Some(stopped) => _ = stopped.wait_for(|is_stopped| *is_stopped).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopped => {}
            () = self.core.over() => {}
        }
    }

    /// # Errors
    /// `ERR_NOT_LEADER` where [`is_over`](Self::is_over), with the reason. What [`lead`](crate::Candidate::lead) runs can return just that: it is no failure.
    pub fn check(&self) -> Result<(), Error> {
        if self.is_stopped() {
            let text = "this run was stopped, by stop() of what lead() gave";
            return Err(Error::new(ErrorCode::NotLeader, text));
        }
        match self.core.loss() {
            None => Ok(()),
            Some(loss) => {
                let (term, why) = (self.term(), loss.wording());
                let text = format!("the leadership of term {term} has ended: {why}");
                Err(Error::new(ErrorCode::NotLeader, text))
            }
        }
    }

    /// Why the leadership ended; `None` while it lasts.
    #[must_use]
    pub fn loss(&self) -> Option<LossReason> {
        self.core.loss()
    }

    /// What an earlier leader left by `set_checkpoint()`; `None` where none ever did.
    ///
    /// # Errors
    /// `ERR_INVALID_MESSAGE`, when that is no `T`.
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        self.core.checkpoint.as_deref().map(read_checkpoint).transpose()
    }

    /// As [`Candidate::fenced`](crate::Candidate::fenced), only if this instance leads in this very term.
    ///
    /// # Errors
    /// As that.
    pub async fn fenced(&self, writes: Writes) -> Result<Vec<Reply>, Error> {
        self.shared()?.fenced(writes, Some(self.term())).await
    }

    /// As [`Candidate::set_checkpoint`](crate::Candidate::set_checkpoint), only if this instance leads in this very term.
    ///
    /// # Errors
    /// As that.
    pub async fn set_checkpoint(&self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.shared()?.set_checkpoint(value, Some(self.term())).await
    }

    fn is_stopped(&self) -> bool {
        self.stopped.as_ref().is_some_and(|stopped| *stopped.borrow())
    }

    fn shared(&self) -> Result<Arc<Shared>, Error> {
        let gone = || Error::new(ErrorCode::NotStarted, "the candidate was dropped");
        self.core.shared.upgrade().ok_or_else(gone)
    }
}

impl fmt::Debug for Reign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reign").field("term", &self.term()).finish_non_exhaustive()
    }
}

pub(super) fn read_checkpoint<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|cause| {
        let text = format!("the checkpoint is of another form: {cause}");
        Error::new(ErrorCode::InvalidMessage, text)
    })
}

/// What all tokens of one reign share.
pub(super) struct Core {
    pub term: Term,
    checkpoint: Option<Arc<str>>,
    shared: Weak<Shared>,
    /// On which the candidate runs.
    pub runtime: Handle,
    phase: watch::Sender<Phase>,
    /// Why it is about to end, known ahead of what the driver tells.
    intent: OnceLock<LossReason>,
    /// How many functions run in it.
    pub work: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Lasting,
    Over(LossReason),
    /// Nothing may run in it any more.
    Cut(LossReason),
}

impl Core {
    pub fn new(shared: Weak<Shared>, term: Term, checkpoint: Option<Arc<str>>) -> Self {
        let (phase, intent) = (watch::channel(Phase::Lasting).0, OnceLock::new());
        let (runtime, work) = (Handle::current(), AtomicUsize::new(0));
        Self { term, checkpoint, shared, runtime, phase, intent, work }
    }

    /// Somebody is about to end it for this reason.
    pub fn announce(&self, reason: LossReason) {
        let _ = self.intent.set(reason);
    }

    pub fn end(&self, reason: LossReason) {
        let reason = *self.intent.get().unwrap_or(&reason);
        self.phase.send_if_modified(|phase| {
            let is_news = *phase == Phase::Lasting;
            if is_news {
                *phase = Phase::Over(reason);
            }
            is_news
        });
    }

    /// What still runs in it is dropped.
    pub fn cut(&self) {
        self.phase.send_if_modified(|phase| match *phase {
            Phase::Cut(_) => false,
            Phase::Over(reason) => {
                *phase = Phase::Cut(reason);
                true
            }
            Phase::Lasting => {
                *phase = Phase::Cut(LossReason::Expired);
                true
            }
        });
    }

    /// Why it is over, by the clock as of now.
    pub fn loss(&self) -> Option<LossReason> {
        match *self.phase.borrow() {
            Phase::Over(reason) | Phase::Cut(reason) => return Some(reason),
            Phase::Lasting => {}
        }
        match self.shared.upgrade() {
            Some(shared) if self.left(&shared) > shared.margin() => return None,
            Some(shared) => self.expire(&shared),
            None => self.end(LossReason::Stopped),
        }
        match *self.phase.borrow() {
            Phase::Over(reason) | Phase::Cut(reason) => Some(reason),
            Phase::Lasting => None,
        }
    }

    /// For how long it is valid, if nothing renews it.
    fn left(&self, shared: &Shared) -> Duration {
        // In this order: a later reign of this instance has raised the term before it became valid.
        let left = shared.candidate.valid_for();
        if shared.candidate.term() == self.term { left } else { Duration::ZERO }
    }

    fn expire(&self, shared: &Arc<Shared>) {
        let left = self.left(shared);
        let is_handed_over = left.is_zero() && shared.leadership.is_transferring();
        self.end(if is_handed_over { LossReason::Transferred } else { LossReason::Expired });
        if !left.is_zero() {
            // So that token and leadership do not disagree for long.
            shared.resign();
        }
    }

    pub async fn over(&self) {
        let mut phase = self.phase.subscribe();
        while self.loss().is_none() {
            let Some(left) = self.shared.upgrade().map(|shared| {
                self.left(&shared).saturating_sub(shared.margin()).max(Duration::from_millis(1))
            }) else {
                continue;
            };
            tokio::select! {
                _ = phase.changed() => {}
                () = sleep(left) => {}
            }
        }
    }

    /// Waits until nothing may run in it any more. Where the leadership runs out, that is before it has: in the middle of what was left when it was over.
    pub async fn cut_off(&self) {
        let mut phase = self.phase.subscribe();
        self.over().await;
        let runs_out = *phase.borrow_and_update() == Phase::Over(LossReason::Expired);
        let cut = phase.wait_for(|phase| matches!(phase, Phase::Cut(_)));
        if runs_out {
            let half = self.shared.upgrade().map_or(Duration::ZERO, |shared| shared.margin() / 2);
            let _ = tokio::time::timeout(half, cut).await;
        } else {
            // An error would mean that this is gone.
            let _ = cut.await;
        }
    }
}
