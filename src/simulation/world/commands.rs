//! What goes from a node to the server.

use super::node::Outstanding;
use super::{Asked, Happening, Parcel, Wire, World};
use crate::election::{Command, Request, Seen, Stamp, Timing};
use crate::simulation::bug::Bug;
use crate::simulation::clock::{Nanos, SECOND};
use crate::simulation::invariants::{Fact, Stage};
use std::time::Duration;

/// How often an instance says to the registry that it lives; the answer shows the register as well.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

impl World {
    /// Hands a command over. False when there is no connection, so that it has failed.
    pub(super) fn send(&mut self, index: usize, request: Request) -> bool {
        let node = &mut self.nodes[index];
        let now = node.clock.read(self.now);
        let Some(process) = &mut node.process else { return false };
        let fact = Fact::Sent {
            node: index,
            at: now,
            role: process.election.role(),
            is_stopping: process.stage == Stage::Stopping,
            may_take: node.candidacy.is_eligible && process.known >= node.candidacy.min_instances,
            request: &request,
            timing: &node.timing,
        };
        self.invariants.heed(self.now, fact);
        if !node.commands.is_up {
            self.invariants.heed(self.now, Fact::Failed { node: index });
            process.election.handle_failure(now, request.id);
            node.failed_once = true;
            return false;
        }
        process.outstanding = Some(Outstanding {
            id: request.id,
            generation: node.commands.generation,
            sent: now,
            deadline: now + node.timing.command_timeout(),
            command: request.command.clone(),
        });
        node.commands.is_lifeline |= node.timing.watches_connections()
            && !node.is_hidden
            && matches!(
                request.command,
                Command::Take { .. } | Command::Renew { over: Some(_), .. }
            );
        self.story.tell(self.now, &node.name, || format!("sends {}", in_words(&request.command)));
        self.dispatch(index, request.command, Asked::Election(request.id));
        true
    }

    /// The registry's script, once a second.
    pub(super) fn refresh(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let now = node.clock.read(self.now);
        let Some(process) = &mut node.process else { return };
        let is_due = process.refresh_at.is_some_and(|at| now >= at)
            && process.registry.is_none()
            && matches!(process.stage, Stage::Opening | Stage::Running);
        if !is_due {
            return;
        }
        process.refresh_at = Some(now + REFRESH_INTERVAL);
        if !node.commands.is_up {
            return;
        }
        self.next_registry += 1;
        let number = self.next_registry;
        let given_up_at = now + registry_patience(&node.timing);
        process.registry = Some((node.commands.generation, number, given_up_at));
        let stamp = Stamp::new(node.draws.bits());
        self.dispatch(index, Command::Peek { stamp }, Asked::Registry(number));
    }

    fn dispatch(&mut self, index: usize, command: Command, asked: Asked) {
        let delay = self.delay(index);
        let node = &mut self.nodes[index];
        let at = node.commands.arrival_up(self.now + delay);
        let parcel = Box::new(Parcel {
            node: index,
            run: node.run,
            generation: node.commands.generation,
            epoch: node.commands.epoch,
            on_replica: node.commands.is_on_replica,
            command,
            asked,
            is_stray: false,
        });
        if self.random.chance(self.network.doubles_commands) {
            let later = self.random.below(3 * self.scenario.lease);
            let again = Box::new(Parcel { is_stray: true, ..(*parcel).clone() });
            self.plan_arrival(at + later, again);
        }
        self.plan_arrival(at, parcel);
    }

    pub(super) fn plan_arrival(&mut self, at: Nanos, parcel: Box<Parcel>) {
        if self.quiet_since.is_none() {
            self.last_landing = self.last_landing.max(at);
        }
        self.agenda.plan(at, Happening::Arrive(parcel));
    }

    /// Whether the connection that carried the parcel still stands.
    pub(super) fn is_standing(&mut self, parcel: &Parcel) -> bool {
        let line = self.line(parcel.node, Wire::Commands);
        line.stands() && line.generation == parcel.generation
    }

    /// A stamp that nobody else can name, unless the bug says otherwise.
    pub(super) fn draw_of(&mut self, index: usize) -> Box<dyn FnMut() -> u64 + Send> {
        let mut draws = self.nodes[index].draws.fork();
        let mut count = 0;
        let repeats = self.bug == Some(Bug::StampsRepeat);
        Box::new(move || {
            count += 1;
            if repeats { count } else { draws.bits() }
        })
    }
}

/// How long the registry's script may take.
pub(super) fn registry_patience(timing: &Timing) -> Duration {
    timing.lease().max(Duration::from_nanos(SECOND))
}

pub(super) fn in_words(command: &Command) -> String {
    let stamp = command.stamp().as_str();
    match command {
        Command::Peek { .. } => format!("a peek [{stamp}]"),
        Command::Renew { term, beat, over: None, .. } => {
            format!("renewal {beat} of term {term} [{stamp}]")
        }
        Command::Renew { term, over: Some(over), .. } => {
            format!(
                "an assertion of term {term} over [{}] under {:?} [{stamp}]",
                over.stamp.as_str(),
                over.identity
            )
        }
        Command::Take { seen, .. } => format!(
            "a take of {} of term {} [{}] under {:?}, {} [{stamp}]",
            seen.holder.as_ref().map_or("the vacancy", |holder| holder.as_str()),
            seen.term,
            seen.stamp.as_str(),
            seen.identity,
            match seen {
                Seen { watched: true, .. } => "watched",
                Seen { gone: true, .. } => "deserted",
                _ => "just vacated",
            },
        ),
        Command::Release { term, .. } => format!("a release of term {term} [{stamp}]"),
    }
}
