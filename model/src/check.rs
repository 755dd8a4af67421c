//! The model as stateright checks it, and one run of the checker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use stateright::{Checker, Model, Path, Property};

use crate::action::{self, Action};
use crate::configuration::Configuration;
use crate::effect;
use crate::world::World;

/// What must be reachable, so that a model in which nothing can happen proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A leader stands that was granted its term in this run.
    Leads,
    LeadsAfterWipe,
    LeadsAfterRestart,
    LeadsAfterStop,
    LeadsAfterPromotion,
    LeadsAfterPoison,
    /// The same reign goes on after a wipe.
    OutlivesWipe,
    /// After a restart or a promotion the register names the new server while the same reign goes on.
    ServerWritten,
    /// Each of two nodes has led in turn.
    BothLead,
    /// A run that follows a stop leads.
    LeadsAgain,
}

impl Goal {
    pub const ALL: [Goal; 10] = [
        Goal::Leads,
        Goal::LeadsAfterWipe,
        Goal::LeadsAfterRestart,
        Goal::LeadsAfterStop,
        Goal::LeadsAfterPromotion,
        Goal::LeadsAfterPoison,
        Goal::OutlivesWipe,
        Goal::ServerWritten,
        Goal::BothLead,
        Goal::LeadsAgain,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Goal::Leads => "a leader stands",
            Goal::LeadsAfterWipe => "a leader stands after a wipe",
            Goal::LeadsAfterRestart => "a leader stands after a restart",
            Goal::LeadsAfterStop => "a leader stands after a stop",
            Goal::LeadsAfterPromotion => "a leader stands after a promotion",
            Goal::LeadsAfterPoison => "a leader stands after a poisoned term",
            Goal::OutlivesWipe => "the same reign goes on after a wipe",
            Goal::ServerWritten => "a leader writes a new server's name into its record",
            Goal::BothLead => "both of two candidates can lead",
            Goal::LeadsAgain => "a second run of an instance leads",
        }
    }

    /// Whether the configuration brings what the goal speaks of.
    pub fn applies(self, configuration: &Configuration) -> bool {
        let limits = &configuration.limits;
        let is_led = configuration.is_led;
        match self {
            Goal::Leads => true,
            Goal::LeadsAfterWipe => limits.wipes > 0,
            Goal::OutlivesWipe => limits.wipes > 0 && is_led,
            Goal::LeadsAfterRestart => limits.restarts > 0,
            Goal::ServerWritten => {
                limits.restarts + limits.promotions > 0 && is_led && !configuration.anonymous
            }
            Goal::LeadsAfterStop => limits.stops > 0,
            Goal::LeadsAfterPromotion => limits.promotions > 0,
            Goal::LeadsAfterPoison => limits.poisons > 0,
            Goal::BothLead => configuration.nodes > 1 && configuration.terms > 1 && is_led,
            Goal::LeadsAgain => limits.starts > 0,
        }
    }

    fn is_met(self, configuration: &Configuration, world: &World) -> bool {
        let (limits, left) = (&configuration.limits, &world.left);
        // One that the register names: it has been granted something since the fault, or the fault did not touch it.
        let mut standing = world.leaders().filter(|(i, node)| {
            let record = world.servers[effect::master_of(world)].record;
            let holder = crate::world::token(*i, node.run);
            record.is_some_and(|r| r.holder == holder && Some(r.term) == node.reign.map(|r| r.term))
        });
        let is_first = |node: &crate::world::Node| node.reign.is_some_and(|reign| reign.term == 1);
        let mut granted = standing.next();
        if configuration.is_led && !matches!(self, Goal::OutlivesWipe | Goal::ServerWritten) {
            granted = granted.filter(|(_, node)| !is_first(node));
        }
        let Some((i, node)) = granted else { return false };
        match self {
            Goal::Leads => true,
            Goal::LeadsAfterWipe => left.wipes < limits.wipes,
            Goal::OutlivesWipe => left.wipes < limits.wipes && is_first(node),
            Goal::LeadsAfterRestart => left.restarts < limits.restarts,
            Goal::ServerWritten => {
                let server = world.servers[effect::master_of(world)];
                let is_written = server.record.is_some_and(|r| r.server == server.identity);
                let is_new = left.restarts < limits.restarts || left.promotions < limits.promotions;
                is_new && is_first(node) && is_written
            }
            Goal::LeadsAfterStop => left.stops < limits.stops,
            Goal::LeadsAfterPromotion => left.promotions < limits.promotions,
            Goal::LeadsAfterPoison => left.poisons < limits.poisons,
            Goal::BothLead => {
                let mut earlier = world.ghost.owners.iter().filter(|owner| **owner != 0);
                earlier.any(|owner| crate::world::node_of(*owner) != Some(i))
            }
            Goal::LeadsAgain => node.run > 0,
        }
    }
}

pub struct Election {
    pub configuration: Configuration,
    /// Goals that were met; each is told to the checker once, which would otherwise note every state that meets it.
    met: Arc<AtomicU32>,
    /// Look for a violation alone.
    hunts: bool,
}

impl Model for Election {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.configuration.first_world()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        action::possible(world, &self.configuration, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        effect::apply(&mut next, action, &self.configuration).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("safe", |model: &Election, world: &World| {
            if !model.hunts {
                model.note_goals(world);
            }
            world.ghost.broken.is_none()
        })]
    }
}

impl Election {
    fn note_goals(&self, world: &World) {
        let met = self.met.load(Ordering::Relaxed);
        if met == (1 << Goal::ALL.len()) - 1 || world.leaders().next().is_none() {
            return;
        }
        for goal in Goal::ALL {
            let bit = 1 << goal as u32;
            if met & bit == 0 && goal.is_met(&self.configuration, world) {
                self.met.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }
}

pub struct Outcome {
    pub unique: usize,
    pub generated: usize,
    pub depth: usize,
    pub took: Duration,
    pub violation: Option<Path<World, Action>>,
    /// Goals that apply and were never met.
    pub unmet: Vec<Goal>,
    /// How many goals were met.
    pub met: u32,
    /// The time was up before all was seen.
    pub is_cut_short: bool,
}

/// Explores everything that `configuration` allows, with all cores.
pub fn explore(configuration: Configuration, limit: Duration) -> Outcome {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    run(configuration, false, threads, limit)
}

/// Looks for the shortest way to a violation: breadth first, on one core, so that no longer one is met before.
pub fn hunt(configuration: Configuration, limit: Duration) -> Outcome {
    run(configuration, true, 1, limit)
}

fn run(configuration: Configuration, hunts: bool, threads: usize, limit: Duration) -> Outcome {
    let met = Arc::new(AtomicU32::new(0));
    let began = Instant::now();
    let election = Election { configuration, met: met.clone(), hunts };
    let checker = election.checker().threads(threads).timeout(limit).spawn_bfs().join();
    let took = began.elapsed();
    let met = met.load(Ordering::Relaxed);
    let violation = checker.discovery("safe");
    let (reached, unmet): (Vec<Goal>, Vec<Goal>) = Goal::ALL
        .into_iter()
        .filter(|goal| goal.applies(&configuration))
        .partition(|goal| met & (1 << *goal as u32) != 0);
    Outcome {
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        took,
        is_cut_short: violation.is_none() && took >= limit,
        violation,
        unmet,
        met: reached.len() as u32,
    }
}
