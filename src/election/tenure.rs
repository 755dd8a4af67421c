//! The truth about one node's leadership, readable from any thread without a lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::record::{Role, Term};
use super::timing::Instant;

/// A deadline that is compared with the clock at every question, so that the answer is right even where no event could be
/// delivered: in a blocked loop, or at the first instruction after a pause.
///
/// Once anyone has seen the deadline pass, it is latched as passed: an extension that comes later fails. So within a term
/// the answer never turns from no to yes.
#[derive(Default)]
pub struct Tenure {
    /// Nanoseconds on the node's clock; 0 when there is no leadership, or it was seen to have expired.
    deadline: AtomicU64,
    /// Set at once by whoever gives a leadership up by intent, ahead of the election's task. The next one begins anew.
    resigned: AtomicBool,
    /// Set at once by whoever ends the run. A leadership that is granted before the election's task hears of it counts no more.
    closed: AtomicBool,
    /// Of the leader last known, self included.
    term: AtomicU64,
    is_candidate: AtomicBool,
    /// What a leadership depends on beside its deadline.
    bond: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl Tenure {
    /// Leaderships that depend on something beside their deadlines. Once anyone has seen that it does not hold, that is latched like a deadline that
    /// has passed.
    pub fn bound_to(bond: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { bond: Some(Box::new(bond)), ..Self::default() }
    }

    /// Whether this node leads. `clock` is read after the deadline, so that a pause between the two makes the answer no.
    pub fn is_valid(&self, clock: impl Fn() -> Instant) -> bool {
        loop {
            if self.resigned.load(Ordering::SeqCst) || self.is_closed() {
                return false;
            }
            let deadline = self.deadline.load(Ordering::SeqCst);
            if deadline == 0 {
                return false;
            }
            let holds = self.bond.as_ref().is_none_or(|holds| holds());
            if holds && clock().as_nanos() < deadline {
                // What holds may hold for a leadership that began since.
                if self.bond.is_none() || self.deadline.load(Ordering::SeqCst) == deadline {
                    return true;
                }
                continue;
            }
            if self.latch(deadline) {
                return false;
            }
            // It was extended between the two reads: ask again.
        }
    }

    /// What this node is: `Leader` only as long as [`is_valid`](Self::is_valid) says so.
    pub fn role(&self, clock: impl Fn() -> Instant) -> Role {
        if self.is_valid(clock) {
            Role::Leader
        } else if self.is_candidate.load(Ordering::SeqCst) {
            Role::Candidate
        } else {
            Role::Follower
        }
    }

    /// Gives up a leadership ahead of the election's task; what that task still extends has no effect here.
    pub fn resign(&self) {
        self.resigned.store(true, Ordering::SeqCst);
    }

    /// A run begins; it may lead. For whoever starts the run, so that a `close` that follows at once is not undone.
    pub fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
    }

    /// The run ends, ahead of the election's task: from here on nothing that is granted makes this node the leader.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub fn term(&self) -> Term {
        Term(self.term.load(Ordering::SeqCst))
    }

    /// Until when this node leads, on its own clock; `None` when it does not. Unlike a question, it latches nothing.
    pub fn deadline(&self) -> Option<Instant> {
        let deadline = self.deadline.load(Ordering::SeqCst);
        let is_led = deadline != 0 && !self.resigned.load(Ordering::SeqCst) && !self.is_closed();
        is_led.then(|| Instant::from_nanos(deadline))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(super) fn begin(&self, term: Term, deadline: Instant) {
        self.know(term);
        self.resigned.store(false, Ordering::SeqCst);
        self.deadline.store(deadline.as_nanos(), Ordering::SeqCst);
    }

    /// Moves the deadline from `from` to `to`; false when somebody saw `from` pass.
    pub(super) fn extend(&self, from: Instant, to: Instant) -> bool {
        self.deadline
            .compare_exchange(from.as_nanos(), to.as_nanos(), Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    pub(super) fn end(&self) {
        self.deadline.store(0, Ordering::SeqCst);
    }

    pub(super) fn was_latched(&self) -> bool {
        self.deadline.load(Ordering::SeqCst) == 0
    }

    pub(super) fn set_candidacy(&self, is_candidate: bool) {
        self.is_candidate.store(is_candidate, Ordering::SeqCst);
    }

    pub(super) fn know(&self, term: Term) {
        self.term.store(term.0, Ordering::SeqCst);
    }

    fn latch(&self, deadline: u64) -> bool {
        self.deadline.compare_exchange(deadline, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}
