//! One node: a clock that survives everything, and a process that does not, with the core in it and its two connections.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Input, NEVER};
use crate::election::{
    Candidacy, Command, Election, InstanceId, Instant, Presence, RequestId, Tenure, Term, Timing,
};
use crate::simulation::clock::{Nanos, NodeClock, SECOND};
use crate::simulation::invariants::{Glimpse, Stage, name};
use crate::simulation::random::Random;
use crate::simulation::scenario::Scenario;

pub struct Node {
    pub name: String,
    pub clock: NodeClock,
    pub timing: Timing,
    pub candidacy: Candidacy,
    pub index: usize,
    /// Its connections do not show at the server, though it would like them to.
    pub is_hidden: bool,
    /// Stamps and tokens come from here.
    pub draws: Random,
    pub process: Option<Process>,
    /// Counts runs, and the deaths of processes: what was meant for an earlier one is not delivered.
    pub run: u64,
    /// Counts the processes.
    pub born: u64,
    pub commands: Line,
    pub feed: Line,
    /// What arrived while nothing of the process ran.
    pub inbox: VecDeque<Input>,
    /// The election's thread does not run before.
    pub frozen_until: Nanos,
    /// The service's code does not run before.
    pub silent_until: Nanos,
    /// What the election's thread held in its hand when it lost its processor, and what the clock had read.
    pub in_hand: Option<(Input, Instant)>,
    pub latency: Nanos,
    pub slow_until: Nanos,
    pub slow_latency: Nanos,
    pub deaf_until: Nanos,
    /// Since when nothing of the process runs.
    pub asleep_since: Option<Nanos>,
    /// The next timer, as a true moment.
    pub wake_at: Nanos,
    /// Starts again as soon as the stop under way has ended.
    pub is_start_wanted: bool,
    pub failed_once: bool,
}

pub struct Process {
    pub election: Election,
    pub tenure: Arc<Tenure>,
    /// What the tenure is told when it asks whether its connection holds.
    pub bond: Arc<AtomicBool>,
    pub stage: Stage,
    pub outstanding: Option<Outstanding>,
    /// The registry's script under way: its connection, its number, and when it is given up.
    pub registry: Option<(u64, u64, Instant)>,
    pub refresh_at: Option<Instant>,
    /// Asked by the service, which reads that it does not lead from then on.
    pub is_stopping: bool,
    /// The reign whose work has yet to settle.
    pub draining: Option<Term>,
    /// How many instances it knows of.
    pub known: usize,
}

pub struct Outstanding {
    pub id: RequestId,
    pub generation: u64,
    pub sent: Instant,
    pub deadline: Instant,
    pub command: Command,
}

/// A connection. What belongs to an earlier generation is from a connection that stands no longer.
#[derive(Debug, Default)]
pub struct Line {
    pub generation: u64,
    /// Whether it stands, as far as the node knows.
    pub is_up: bool,
    /// It is broken, and the node has not noticed.
    pub is_broken: bool,
    /// The server's epoch in which it was made.
    pub epoch: u64,
    pub is_on_replica: bool,
    pub failures: u32,
    /// Bytes keep their order: nothing arrives before what was sent before it.
    pub up_free_at: Nanos,
    pub down_free_at: Nanos,
    /// Bytes stand still until then.
    pub up_held_until: Nanos,
    pub down_held_until: Nanos,
    /// The generations that broke, and from when on this host's kernel knows, until the core was told.
    pub cuts: Vec<(u64, Nanos)>,
    /// Whether the leadership, if there is one, may depend on it.
    pub is_lifeline: bool,
}

/// What a node's connection is called, for commands.
fn connection(node: usize, generation: u64) -> Presence {
    Presence::of_connection((node as u64) << 32 | generation)
}

impl Line {
    pub fn stands(&self) -> bool {
        self.is_up && !self.is_broken
    }

    pub fn close(&mut self) {
        self.generation += 1;
        self.is_up = false;
        self.is_broken = false;
        self.is_on_replica = false;
    }

    /// Nobody is left who depended on it.
    pub fn abandon(&mut self) {
        self.close();
        self.cuts.clear();
    }

    pub fn arrival_up(&mut self, at: Nanos) -> Nanos {
        self.up_free_at = at.max(self.up_free_at).max(self.up_held_until);
        self.up_free_at
    }

    pub fn arrival_down(&mut self, at: Nanos) -> Nanos {
        self.down_free_at = at.max(self.down_free_at).max(self.down_held_until);
        self.down_free_at
    }
}

impl Node {
    pub fn new(index: usize, scenario: &Scenario, random: &mut Random) -> Self {
        let origin = random.between(SECOND, 1_000_000 * SECOND);
        let latency = random.between(scenario.network.latency / 2, scenario.network.latency);
        Self {
            name: name(index),
            clock: NodeClock::new(origin, scenario.rates[index]),
            timing: scenario.timings[index],
            candidacy: scenario.candidacies[index],
            index,
            is_hidden: scenario.hidden.contains(&index),
            draws: random.fork(),
            process: None,
            run: 0,
            born: 0,
            commands: Line::default(),
            feed: Line::default(),
            inbox: VecDeque::new(),
            frozen_until: 0,
            silent_until: 0,
            in_hand: None,
            latency,
            slow_until: 0,
            slow_latency: 0,
            deaf_until: 0,
            asleep_since: None,
            wake_at: NEVER,
            is_start_wanted: false,
            failed_once: false,
        }
    }

    /// What its present process is called, or would be.
    pub fn id(&self) -> InstanceId {
        InstanceId::new(format!("{}.{}", self.index + 1, self.born))
    }

    pub fn is_running(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.stage != Stage::Down)
    }

    pub fn takes_part(&self) -> bool {
        let stage = self.process.as_ref().map(|process| process.stage);
        matches!(stage, Some(Stage::Opening | Stage::Running))
    }

    pub fn is_taking(&self) -> bool {
        let outstanding = self.process.as_ref().and_then(|process| process.outstanding.as_ref());
        outstanding.is_some_and(|outstanding| matches!(outstanding.command, Command::Take { .. }))
    }

    pub fn is_frozen(&self, now: Nanos) -> bool {
        now < self.frozen_until
    }

    pub fn latency_at(&self, now: Nanos) -> Nanos {
        if now < self.slow_until { self.slow_latency } else { self.latency }
    }

    /// Whether the service's code would read that this node leads.
    pub fn leads(&self, now: Nanos) -> bool {
        self.leads_until() > now
    }

    pub fn leads_until(&self) -> Nanos {
        let deadline = self.process.as_ref().and_then(|process| process.tenure.deadline());
        let until = deadline.map_or(0, |at| self.clock.when(at));
        self.cut_at().map_or(until, |cut_at| until.min(cut_at))
    }

    /// From when on this host knows that the connection on which its leadership depends is broken.
    fn cut_at(&self) -> Option<Nanos> {
        let cuts = self.commands.cuts.iter().map(|(_, at)| *at);
        cuts.min().filter(|_| self.commands.is_lifeline)
    }

    /// The name that its connection shows, for reigns to end with.
    pub fn presence(&self, index: usize, generation: u64) -> Option<Presence> {
        let shows = self.timing.watches_connections() && !self.is_hidden;
        shows.then(|| connection(index, generation))
    }

    pub fn holds(&self, now: Nanos) -> bool {
        self.cut_at().is_none_or(|cut_at| now < cut_at)
    }

    pub fn glimpse(&self, now: Nanos) -> Glimpse {
        let Some(process) = &self.process else { return Glimpse::of_nobody() };
        let tenure = &process.tenure;
        Glimpse {
            stage: process.stage,
            role: process.election.role(),
            term: tenure.term(),
            leads_until: self.leads_until(),
            is_cut: !self.holds(now),
            deadline: tenure.deadline(),
            frozen_until: self.frozen_until,
            is_onlooker: process.stage == Stage::Running && !process.election.seeks(),
            is_waiting_for_answer: process.outstanding.is_some(),
            wakes: process.election.poll_timeout().map(|at| self.clock.when(at)),
            is_stopping: process.is_stopping,
        }
    }

    /// The earliest of the process' timers, by its own clock.
    pub fn next_timer(&self) -> Option<Instant> {
        let process = self.process.as_ref()?;
        let takes_part = matches!(process.stage, Stage::Opening | Stage::Running);
        let election = match process.stage {
            Stage::Down | Stage::Opening => None,
            Stage::Running | Stage::Stopping => process.election.poll_timeout(),
        };
        [
            election,
            process.outstanding.as_ref().map(|outstanding| outstanding.deadline),
            process.registry.map(|(.., deadline)| deadline),
            process.refresh_at.filter(|_| takes_part && process.registry.is_none()),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
