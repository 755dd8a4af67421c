//! What must hold at every moment, one file each. They see what a perfect observer sees: true time, and all nodes at once.
//!
//! Each hears every [`Fact`] as it happens, and looks at every node after each step.

mod awake;
mod commands;
mod lapse;
mod leadership;
mod one_holder;
mod one_leader;
mod peace;
mod priority;
mod promises;
mod terms;
mod told;
mod truth;

#[cfg(test)]
mod tests;

use super::clock::Nanos;
use super::scenario::Scenario;
use crate::election::{Command, Event, Instant, Reply, Request, Role, Term, Timing};

/// `Err` says in words how the invariant was broken.
pub type Verdict = Result<(), String>;

pub trait Invariant {
    /// What it asserts, in one sentence.
    fn name(&self) -> &'static str;

    fn heed(&mut self, _now: Nanos, _fact: &Fact) -> Verdict {
        Ok(())
    }

    /// `ran` are the nodes whose core has just run.
    fn check(&mut self, _now: Nanos, _nodes: &[Glimpse], _ran: Touched) -> Verdict {
        Ok(())
    }
}

/// Something that happened.
#[derive(Debug)]
pub enum Fact<'a> {
    /// `start()`; every promise of earlier runs has settled or died with its process.
    Started {
        node: usize,
    },
    Crashed {
        node: usize,
    },
    /// `stop()`, which has to have ended by `due`, pauses apart.
    StopCalled {
        node: usize,
        due: Nanos,
    },
    /// `reelect()`, likewise.
    ReelectCalled {
        node: usize,
        due: Nanos,
    },
    /// The work of the draining leader of `term` was waited for in vain.
    Overran {
        node: usize,
        term: Term,
    },
    Told {
        node: usize,
        event: &'a Event,
    },
    /// A command that the core asked for, at `at` by its own clock.
    Sent {
        node: usize,
        at: Instant,
        role: Role,
        is_stopping: bool,
        /// Whether it is eligible, and knows of enough instances.
        may_take: bool,
        request: &'a Request,
        timing: &'a Timing,
    },
    /// An answer that the core was given in time.
    Answered {
        node: usize,
        sent: Instant,
        command: &'a Command,
        reply: &'a Reply,
    },
    Failed {
        node: usize,
    },
    /// A command that the server granted.
    Granted {
        node: usize,
        command: &'a Command,
        reply: &'a Reply,
    },
    /// A take among them. `is_excused`: data were lost, the server's clock runs behind what was lost, and the taker never
    /// read it, so that the term need not be new.
    Taken {
        node: usize,
        term: Term,
        is_excused: bool,
    },
    /// The service's code asked whether it leads.
    Asked {
        node: usize,
        term: Term,
        answer: bool,
    },
    /// Faults are over, and the last late command has landed. From `due` on one leader stands.
    /// From `calm_from` on no late announcement comes either; `None` where somebody's way to the server is too slow for an
    /// election.
    Quiet {
        due: Nanos,
        calm_from: Option<Nanos>,
    },
}

impl Glimpse {
    pub fn of_nobody() -> Self {
        Self {
            stage: Stage::Down,
            role: Role::Follower,
            term: Term::ZERO,
            leads_until: 0,
            is_cut: false,
            deadline: None,
            frozen_until: 0,
            is_onlooker: false,
            is_waiting_for_answer: false,
            wakes: None,
            is_stopping: false,
        }
    }
}

/// One node as a perfect observer sees it.
#[derive(Clone, Debug)]
pub struct Glimpse {
    pub stage: Stage,
    pub role: Role,
    /// Of the leader last known, itself included.
    pub term: Term,
    /// The true moment at which its leadership ends if nothing happens; 0 when it has none.
    pub leads_until: Nanos,
    /// Its host knows that the connection on which its leadership depends is broken, and its core was not told yet.
    pub is_cut: bool,
    /// Its deadline by its own clock.
    pub deadline: Option<Instant>,
    pub frozen_until: Nanos,
    /// It runs, and does not seek the leadership.
    pub is_onlooker: bool,
    pub is_waiting_for_answer: bool,
    /// When the core wants to be woken, as a true moment.
    pub wakes: Option<Nanos>,
    /// Whether `stop()` was called.
    pub is_stopping: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No process, or one that has not been started.
    Down,
    /// Until the subscription stands.
    Opening,
    Running,
    Stopping,
}

/// A set of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched(u16);

impl Touched {
    pub fn all(nodes: usize) -> Self {
        Self((1 << nodes) - 1)
    }

    pub fn insert(&mut self, node: usize) {
        self.0 |= 1 << node;
    }

    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..16).filter(move |node| self.0 >> node & 1 == 1)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    pub at: Nanos,
    pub what: String,
}

pub struct Invariants {
    all: Vec<Box<dyn Invariant>>,
    violation: Option<Violation>,
}

impl Invariants {
    pub fn new(scenario: &Scenario) -> Self {
        let nodes = scenario.timings.len();
        let all: Vec<Box<dyn Invariant>> = vec![
            Box::new(one_leader::OneLeader),
            Box::new(one_holder::OneHolder::default()),
            Box::new(terms::TermsRise::default()),
            Box::new(truth::Truth::new(nodes)),
            Box::new(told::Told::new(nodes)),
            Box::new(commands::Commands::new(nodes)),
            Box::new(promises::Promises::new(nodes)),
            Box::new(awake::Awake::new(nodes)),
            Box::new(leadership::Leadership::default()),
            Box::new(peace::Peace::new(nodes)),
            Box::new(lapse::Lapse::new(nodes)),
            Box::new(priority::Priorities::new(scenario)),
        ];
        Self { all, violation: None }
    }

    pub fn heed(&mut self, now: Nanos, fact: Fact) {
        self.judge(now, |invariant| invariant.heed(now, &fact));
    }

    pub fn check(&mut self, now: Nanos, nodes: &[Glimpse], ran: Touched) {
        self.judge(now, |invariant| invariant.check(now, nodes, ran));
    }

    /// The first that was broken.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    fn judge(&mut self, now: Nanos, mut verdict: impl FnMut(&mut dyn Invariant) -> Verdict) {
        if self.violation.is_some() {
            return;
        }
        for invariant in &mut self.all {
            if let Err(what) = verdict(invariant.as_mut()) {
                self.violation = Some(Violation { invariant: invariant.name(), at: now, what });
                return;
            }
        }
    }
}

/// How a node is called in a story.
pub fn name(node: usize) -> String {
    format!("node {}", node + 1)
}
