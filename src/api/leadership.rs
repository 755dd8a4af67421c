//! What the leadership means for the service's code: the token of each reign, and what is run in it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::lead::Task;
use super::reign::{Core, LossReason};
use super::shared::Shared;
use crate::driver::Request;
use crate::election::{Checkpoint, Term};

#[derive(Default)]
pub struct Leadership {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The latest one, also when it is over.
    reign: Option<Arc<Core>>,
    tasks: Vec<Arc<Task>>,
    /// The term whose drain has begun and is not over.
    draining: Option<Term>,
    /// Handovers that were asked for and not answered.
    transfers: usize,
}

impl Leadership {
    // ---- What the driver tells --------------------------------------------------------------------------------------

    pub fn begin(
        &self,
        shared: &Weak<Shared>,
        term: Term,
        checkpoint: Option<Checkpoint>,
    ) -> Arc<Core> {
        self.end(LossReason::Expired, true);
        let checkpoint = checkpoint.map(|left| left.value);
        let reign = Arc::new(Core::new(shared.clone(), term, checkpoint));
        self.state().reign = Some(reign.clone());
        reign
    }

    /// Whoever listens to events was told of it.
    pub fn run_tasks(&self) {
        let (reign, tasks) = {
            let state = self.state();
            (state.reign.clone(), state.tasks.clone())
        };
        let Some(reign) = reign else { return };
        tasks.iter().for_each(|task| task.handle_reign(&reign));
    }

    /// The leader of `term` drains. Gives whether nothing is to be waited for.
    pub fn drain(&self, term: Term, why: LossReason) -> bool {
        let mut state = self.state();
        state.draining = Some(term);
        match &state.reign {
            Some(reign) if reign.term == term => {
                reign.end(why);
                reign.work.load(Ordering::SeqCst) == 0
            }
            _ => true,
        }
    }

    /// A leadership was lost. What it ran may go on while it drains.
    pub fn lose(&self, term: Term, why: LossReason) {
        let state = self.state();
        let Some(reign) = state.reign.as_ref().filter(|reign| reign.term == term) else { return };
        reign.end(why);
        if state.draining != Some(term) {
            reign.cut();
        }
    }

    /// The drain is over, whether the work has settled or not.
    pub fn end_drain(&self) {
        let mut state = self.state();
        let term = state.draining.take();
        if let Some(reign) = state.reign.as_ref().filter(|reign| Some(reign.term) == term) {
            reign.cut();
        }
    }

    /// Ends the latest reign, if that has not ended, and what runs in it where `cuts`.
    pub fn end(&self, why: LossReason, cuts: bool) {
        let state = self.state();
        let Some(reign) = &state.reign else { return };
        reign.end(why);
        if cuts {
            reign.cut();
        }
    }

    // ---- What the service asks for ----------------------------------------------------------------------------------

    /// Known before the leadership ends by it.
    pub fn announce(&self, why: LossReason) {
        if let Some(reign) = &self.state().reign {
            reign.announce(why);
        }
    }

    /// A handover is asked for, until what this gives is dropped.
    pub fn transfer(&self) -> Transfer<'_> {
        self.state().transfers += 1;
        Transfer(self)
    }

    pub fn is_transferring(&self) -> bool {
        self.state().transfers > 0
    }

    // ---- What is run ------------------------------------------------------------------------------------------------

    /// From here on a release waits for it.
    pub fn attach(&self, shared: &Shared, task: &Arc<Task>) {
        let reign = {
            let mut state = self.state();
            state.tasks.push(task.clone());
            shared.candidate.hold_work(true);
            state.reign.clone()
        };
        // Where it is over, the task finds so itself.
        if let Some(reign) = reign {
            task.handle_reign(&reign);
        }
    }

    pub fn detach(&self, shared: &Shared, task: &Task) {
        let mut state = self.state();
        state.tasks.retain(|one| !std::ptr::eq(&**one, task));
        if state.tasks.is_empty() {
            shared.candidate.hold_work(false);
        }
    }

    /// There will be no other reign.
    pub fn end_tasks(&self) {
        let tasks = self.state().tasks.clone();
        tasks.iter().for_each(|task| task.end());
    }

    pub fn add_work(&self, reign: &Core) {
        let _state = self.state();
        reign.work.fetch_add(1, Ordering::SeqCst);
    }

    pub fn settle_work(&self, shared: &Shared, reign: &Core) {
        let is_drained = {
            let state = self.state();
            let left = reign.work.fetch_sub(1, Ordering::SeqCst) - 1;
            left == 0 && state.draining == Some(reign.term)
        };
        if is_drained {
            // A run that has ended waits for nothing.
            let _ = shared.request(Request::Drained(reign.term));
        }
    }

    pub fn is_present(&self, reign: &Arc<Core>) -> bool {
        self.state().reign.as_ref().is_some_and(|present| Arc::ptr_eq(present, reign))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic holds the lock")
    }
}

pub struct Transfer<'a>(&'a Leadership);

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        self.0.state().transfers -= 1;
    }
}
