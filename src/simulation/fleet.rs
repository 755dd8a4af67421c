//! A large fleet in peace, on a server that serves one after the other: what a takeover costs it, and how long it lasts.
//!
//! The worlds of `world/` have few nodes, many faults, and a server that needs no time. Here it is the other way round. What is not in here:
//! the registry's announcements when instances come and go, whose number is the square of the fleet's.

use std::sync::Arc;

use super::agenda::Agenda;
use super::clock::{MICROSECOND, Nanos, SECOND};
use super::random::Random;
use super::scenario::nanos;
use super::server::{Circumstances, Server};
use crate::election::{
    Announcement, Command, Election, Event, InstanceId, Instant, Reply, Request, RequestId, Role,
    Tenure, Timing,
};

/// What the server's one thread needs, for each.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    pub command: Nanos,
    /// An announcement to one subscriber.
    pub delivery: Nanos,
}

/// How the leader came and, after its crash, the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub start: Rush,
    pub takeover: Rush,
}

/// What one vacancy led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rush {
    /// From the start, or the crash, until a leader stood for good.
    pub lasted: Nanos,
    pub takes: usize,
    pub peeks: usize,
    /// More than one is one that was granted and could not be kept.
    pub reigns: usize,
    /// The longest that a command waited for its answer.
    pub longest_wait: Nanos,
}

/// The crash comes when all is calm; a rush that lasts longer than the rest of the time has no end.
const CRASH_AT: Nanos = 12 * SECOND;
const ENDS_AT: Nanos = 24 * SECOND;

/// Between an instance and the server, one way.
const LATENCY: (Nanos, Nanos) = (50 * MICROSECOND, 150 * MICROSECOND);

/// What every clock reads when the run begins: clocks do not differ here, and none may begin at zero.
const ORIGIN: Nanos = 1000 * SECOND;

/// How often each instance says to the registry that it lives.
const REFRESH_INTERVAL: Nanos = SECOND;

/// Starts so many instances at one moment, and kills their leader later.
pub fn run(instances: usize, costs: Costs, seed: u64) -> Figures {
    let mut fleet = Fleet::new(instances, costs, Random::new(seed));
    let start = fleet.rush(0, CRASH_AT);
    fleet.crash_leader();
    let takeover = fleet.rush(CRASH_AT, ENDS_AT);
    Figures { start, takeover }
}

struct Fleet {
    nodes: Vec<Node>,
    server: Server,
    costs: Costs,
    /// The server's thread is busy until then.
    free_at: Nanos,
    agenda: Agenda<Happening>,
    now: Nanos,
    /// When the last reign began.
    reign_since: Nanos,
    rush: Rush,
}

struct Node {
    /// `None` once it has crashed.
    election: Option<Election>,
    outstanding: Option<(RequestId, Nanos)>,
    wake_at: Nanos,
    latency: Nanos,
}

enum Happening {
    Wake(usize),
    Arrive(usize, Request),
    Answer(usize, RequestId, Reply),
    Hear(usize, Arc<Announcement>),
    Refresh(usize),
}

impl Fleet {
    fn new(instances: usize, costs: Costs, mut random: Random) -> Self {
        let mut agenda = Agenda::new();
        let nodes = (0..instances)
            .map(|index| {
                agenda.plan(0, Happening::Wake(index));
                agenda.plan(random.below(REFRESH_INTERVAL), Happening::Refresh(index));
                Node::new(index, instances, &mut random)
            })
            .collect();
        Self {
            nodes,
            server: Server::new(None),
            costs,
            free_at: 0,
            agenda,
            now: 0,
            reign_since: 0,
            rush: Rush::default(),
        }
    }

    /// Lets time pass until `end`, and tells what came of the vacancy that began at `began`.
    fn rush(&mut self, began: Nanos, end: Nanos) -> Rush {
        self.rush = Rush::default();
        while self.agenda.next_at().is_some_and(|at| at < end) {
            let Some((at, happening)) = self.agenda.next() else { break };
            self.now = at;
            self.happen(happening);
        }
        self.now = end;
        let lasted = if self.leader().is_some() { self.reign_since - began } else { end - began };
        Rush { lasted, ..self.rush }
    }

    fn crash_leader(&mut self) {
        if let Some(leader) = self.leader() {
            self.nodes[leader].election = None;
        }
    }

    fn leader(&self) -> Option<usize> {
        let leads = |node: &Node| node.election.as_ref().is_some_and(|e| e.role() == Role::Leader);
        self.nodes.iter().position(leads)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(index) => self.wake(index),
            Happening::Arrive(index, request) => self.serve(index, request),
            Happening::Answer(index, id, reply) => {
                let at = self.clock();
                let node = &mut self.nodes[index];
                if node.outstanding.is_some_and(|(expected, _)| expected == id) {
                    node.outstanding = None;
                }
                if let Some(election) = &mut node.election {
                    election.handle_reply(at, id, reply);
                    self.turn(index);
                }
            }
            Happening::Hear(index, announcement) => {
                let at = self.clock();
                if let Some(election) = &mut self.nodes[index].election {
                    election.handle_announcement(at, Announcement::clone(&announcement));
                    self.turn(index);
                }
            }
            Happening::Refresh(index) => {
                if self.nodes[index].election.is_some() {
                    self.occupy(self.now, self.costs.command);
                    self.agenda.plan(self.now + REFRESH_INTERVAL, Happening::Refresh(index));
                }
            }
        }
    }

    fn wake(&mut self, index: usize) {
        let at = self.clock();
        let node = &mut self.nodes[index];
        let Some(election) = &mut node.election else { return };
        if let Some((id, deadline)) = node.outstanding
            && self.now >= deadline
        {
            node.outstanding = None;
            election.handle_failure(at, id);
        }
        self.turn(index);
    }

    /// Sends what is due, and plans the next timer.
    fn turn(&mut self, index: usize) {
        let at = self.clock();
        let node = &mut self.nodes[index];
        let Some(election) = &mut node.election else { return };
        if let Some(request) = election.poll_command(at) {
            let patience = nanos(election.timing().command_timeout());
            node.outstanding = Some((request.id, self.now + patience));
            match request.command {
                Command::Take { .. } => self.rush.takes += 1,
                Command::Peek { .. } => self.rush.peeks += 1,
                _ => {}
            }
            self.agenda.plan(self.now + node.latency, Happening::Arrive(index, request));
        }
        while let Some(event) = election.poll_event() {
            if let Event::Elected { .. } = event {
                self.rush.reigns += 1;
                self.reign_since = self.now;
            }
        }
        let timer = election.poll_timeout().map(|at| at.as_nanos() - ORIGIN);
        let deadline = node.outstanding.map(|(_, deadline)| deadline);
        let wake_at = [timer, deadline].into_iter().flatten().min().unwrap_or(Nanos::MAX);
        let wake_at = wake_at.max(self.now + 1);
        if wake_at < node.wake_at || node.wake_at <= self.now {
            node.wake_at = wake_at;
            self.agenda.plan(wake_at, Happening::Wake(index));
        }
    }

    fn serve(&mut self, index: usize, request: Request) {
        let done_at = self.occupy(self.now, self.costs.command);
        let (reply, announcement) =
            self.server.execute(done_at, &request.command, Circumstances::default(), false);
        let latency = self.nodes[index].latency;
        let answered_at = done_at + latency;
        self.rush.longest_wait = self.rush.longest_wait.max(answered_at + latency - self.now);
        self.agenda.plan(answered_at, Happening::Answer(index, request.id, reply));
        if let Some(announcement) = announcement {
            self.announce(announcement);
        }
    }

    /// One subscriber after the other; the next command is served when all have it.
    fn announce(&mut self, announcement: Announcement) {
        let announcement = Arc::new(announcement);
        for index in 0..self.nodes.len() {
            let at = self.occupy(self.now, self.costs.delivery) + self.nodes[index].latency;
            self.agenda.plan(at, Happening::Hear(index, announcement.clone()));
        }
    }

    /// The server's thread takes so long for something that came at `at`; returns when it is done.
    fn occupy(&mut self, at: Nanos, cost: Nanos) -> Nanos {
        self.free_at = self.free_at.max(at) + cost;
        self.free_at
    }

    fn clock(&self) -> Instant {
        Instant::from_nanos(ORIGIN + self.now)
    }
}

impl Node {
    fn new(index: usize, instances: usize, random: &mut Random) -> Self {
        let mut draws = random.fork();
        let draw = move || draws.bits();
        let tenure = Arc::new(Tenure::default());
        tenure.open();
        let id = InstanceId::new(format!("{index:024x}"));
        let mut election = Election::new(id, Timing::default(), tenure, Box::new(draw));
        let now = Instant::from_nanos(ORIGIN);
        election.handle_start(now);
        election.handle_fleet_size(now, instances);
        election.handle_connected(now);
        election.handle_subscribed(now);
        Self {
            election: Some(election),
            outstanding: None,
            wake_at: Nanos::MAX,
            latency: random.between(LATENCY.0, LATENCY.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs { command: 25 * MICROSECOND, delivery: 2 * MICROSECOND };

    #[test]
    fn a_thousand_elect_one_at_the_start_and_one_after_its_crash() {
        let Figures { start, takeover } = run(1000, COSTS, 1);
        assert_eq!((start.reigns, takeover.reigns), (1, 1));
        assert!(takeover.takes < 100, "{takeover:?}");
        let lease = nanos(Timing::DEFAULT_LEASE);
        assert!((lease * 4 / 5..lease * 2).contains(&takeover.lasted), "{takeover:?}");
    }

    #[test]
    fn a_server_that_was_late_once_is_not_late_for_ever() {
        // Heartbeats and refreshes alone take two thirds of its time.
        let busy = Costs { command: 55 * MICROSECOND, delivery: 9 * MICROSECOND };
        let Figures { start, takeover } = run(6000, busy, 1);
        for rush in [start, takeover] {
            assert!(rush.lasted < 5 * SECOND, "{rush:?}");
            assert!(rush.longest_wait < SECOND, "{rush:?}");
        }
    }

    #[test]
    fn the_same_seed_is_the_same_run() {
        assert_eq!(run(50, COSTS, 7), run(50, COSTS, 7));
        assert_ne!(run(50, COSTS, 7), run(50, COSTS, 8));
    }

    #[test]
    fn a_server_that_is_slower_than_its_commands_come_elects_nobody_for_good() {
        let slow = Costs { command: 2 * REFRESH_INTERVAL / 1000, ..COSTS };
        assert_ne!(run(1000, slow, 1).takeover.reigns, 1);
    }
}
