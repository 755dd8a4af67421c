//! The cluster and its scheduler: what happens next, to whom, and how long it takes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::faults;
use super::invariants::{Story, Tally};
use super::{Chance, END, FAULTS_END, Micros, SECOND};
use crate::election::register::Server;
use crate::election::{
    Announcement, Command, Election, Event, Identity, InstanceId, Instant, Register, Reply,
    Request, RequestId, Stamp, Tenure, Timing,
};

pub struct Cluster {
    pub now: Micros,
    pub chance: Chance,
    pub register: Register,
    pub server: Server,
    pub servers: u64,
    /// The server does not answer, and nothing reaches it.
    pub server_down_until: Micros,
    pub snapshots: Vec<Option<crate::election::Record>>,
    pub announced: Vec<Announcement>,
    pub nodes: Vec<Node>,
    pub weather: Weather,
    pub story: Story,
    queue: BinaryHeap<Reverse<Step>>,
    steps: HashMap<u64, Happening>,
    next_step: u64,
}

/// How bad the network is in this story.
pub struct Weather {
    /// The usual delay of one way.
    pub delay: Micros,
    /// One in so many is late, lost, or doubled; 0 for none.
    pub late: u64,
    pub lost: u64,
    pub doubled: u64,
    pub deaf: u64,
}

pub struct Node {
    pub election: Election,
    pub tenure: Arc<Tenure>,
    /// Local nanoseconds per true microsecond, and the clock's start: clocks differ by up to a tenth in their rates.
    rate: u64,
    offset: u64,
    pub is_deaf: bool,
    pub is_cut_off: bool,
    pub paused_until: Micros,
    pub is_running: bool,
    pub is_suspended: bool,
    pub wants_start: bool,
    /// The wake-up that counts; earlier ones are stale.
    wake: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    at: Micros,
    number: u64,
}

#[derive(Debug)]
pub enum Happening {
    Wake { node: usize, wake: u64 },
    Arrival { node: usize, request: Request },
    Answer { node: usize, id: RequestId, reply: Reply },
    Timeout { node: usize, id: RequestId },
    Announced { node: usize, announcement: Announcement },
    ReadArrives { node: usize },
    Read { node: usize, reply: Reply },
    Drained { node: usize },
    Fault,
}

impl Node {
    pub fn local(&self, now: Micros) -> Instant {
        Instant::from_nanos(self.offset + now * self.rate)
    }

    /// The first true moment at which the node's clock shows `at`.
    fn truly(&self, at: Instant) -> Micros {
        at.as_nanos().saturating_sub(self.offset).div_ceil(self.rate)
    }

    pub fn leads(&self, now: Micros) -> bool {
        self.tenure.is_valid(|| self.local(now))
    }
}

impl Cluster {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let weather = Weather {
            delay: [200, 2_000, 20_000, 60_000][chance.between(0, 4) as usize],
            late: [0, 40, 10][chance.between(0, 3) as usize],
            lost: [0, 40, 10][chance.between(0, 3) as usize],
            doubled: [0, 20, 5][chance.between(0, 3) as usize],
            deaf: [0, 30, 3][chance.between(0, 3) as usize],
        };
        let count = chance.between(2, 5);
        let nodes = (0..count).map(|number| node(number, &mut chance)).collect();
        let mut cluster = Self {
            now: 0,
            chance,
            register: Register::default(),
            server: Server { identity: Identity::server("server-0"), time_us: 0 },
            servers: 0,
            server_down_until: 0,
            snapshots: vec![None],
            announced: Vec::new(),
            nodes,
            weather,
            story: Story::new(count as usize),
            queue: BinaryHeap::new(),
            steps: HashMap::new(),
            next_step: 0,
        };
        for number in 0..cluster.nodes.len() {
            cluster.starts(number);
        }
        let mut at = SECOND;
        while at < FAULTS_END {
            at += cluster.chance.between(10_000, 900_000);
            cluster.plan(at.min(FAULTS_END), Happening::Fault);
        }
        cluster
    }

    pub fn tally(self) -> Tally {
        self.story.tally
    }

    pub fn plan(&mut self, at: Micros, happening: Happening) {
        let number = self.next_step;
        self.next_step += 1;
        self.queue.push(Reverse(Step { at, number }));
        self.steps.insert(number, happening);
    }

    /// Lets the next thing happen; false when the story is over.
    pub fn step(&mut self) -> bool {
        let Some(Reverse(Step { at, number })) = self.queue.pop() else { return false };
        if at > END {
            self.story.closes(&self.nodes);
            return false;
        }
        self.now = self.now.max(at);
        self.server.time_us = 1_000_000_000_000 + self.now;
        let happening = self.steps.remove(&number).expect("planned");
        if let Some(node) = happening.node()
            && self.nodes[node].paused_until > self.now
        {
            // A paused process finds everything at once when it goes on, in any order.
            let at = self.nodes[node].paused_until + self.chance.between(0, 50);
            self.plan(at, happening);
            return true;
        }
        self.happens(happening);
        self.story.check(self.now, &self.nodes);
        true
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Wake { node, wake } => {
                if self.nodes[node].wake == wake {
                    self.polls(node);
                }
            }
            Happening::Arrival { node, request } => self.arrives(node, request),
            Happening::Answer { node, id, reply } => {
                self.tell(node, |election, now| election.handle_reply(now, id, reply));
            }
            Happening::Timeout { node, id } => {
                self.tell(node, |election, now| election.handle_failure(now, id));
            }
            Happening::Announced { node, announcement } => {
                self.tell(node, |election, now| election.handle_announcement(now, announcement));
            }
            Happening::ReadArrives { node } => self.is_read(node),
            Happening::Read { node, reply } => {
                self.tell(node, |election, now| election.handle_observation(now, reply));
            }
            Happening::Drained { node } => {
                self.tell(node, |election, now| election.handle_drained(now));
            }
            Happening::Fault => faults::strike(self),
        }
    }

    /// Tells a node what happened, and lets it act on it.
    pub fn tell(&mut self, node: usize, what: impl FnOnce(&mut Election, Instant)) {
        let now = self.nodes[node].local(self.now);
        what(&mut self.nodes[node].election, now);
        self.polls(node);
    }

    pub fn starts(&mut self, node: usize) {
        self.nodes[node].wants_start = false;
        self.nodes[node].is_running = true;
        self.story.starts(node);
        let is_deaf = self.nodes[node].is_deaf;
        self.tell(node, |election, now| {
            election.handle_start(now);
            if !is_deaf {
                election.handle_subscribed(now);
            }
        });
        // The registry's script shows the register once a second.
        let at = self.now + self.chance.between(100, SECOND);
        self.plan(at, Happening::ReadArrives { node });
    }

    fn polls(&mut self, node: usize) {
        let now = self.nodes[node].local(self.now);
        while let Some(request) = self.nodes[node].election.poll_command(now) {
            self.story.sends(node, self.now, &request.command);
            self.sends(node, request);
        }
        let timeout = self.nodes[node].election.poll_timeout();
        assert!(timeout.is_none_or(|at| at > now), "node {node} would spin");
        self.nodes[node].wake += 1;
        if let Some(at) = timeout {
            let (at, wake) = (self.nodes[node].truly(at), self.nodes[node].wake);
            self.plan(at, Happening::Wake { node, wake });
        }
        while let Some(event) = self.nodes[node].election.poll_event() {
            self.story.hears(node, self.now, &event);
            match event {
                Event::Draining => {
                    let at = self.now + self.chance.between(0, 300_000);
                    self.plan(at, Happening::Drained { node });
                }
                Event::Stopped => {
                    self.nodes[node].is_running = false;
                    if self.nodes[node].wants_start {
                        self.starts(node);
                    }
                }
                _ => {}
            }
        }
    }

    fn sends(&mut self, node: usize, request: Request) {
        let timeout = self.nodes[node].election.timing().command_timeout();
        let end = self.nodes[node].truly(self.nodes[node].local(self.now) + timeout);
        self.plan(end, Happening::Timeout { node, id: request.id });
        if self.is_lost(node) {
            return;
        }
        if self.has_luck(self.weather.doubled) {
            let at = self.now + self.delay();
            self.plan(at, Happening::Arrival { node, request: request.clone() });
        }
        let at = self.now + self.delay();
        self.plan(at, Happening::Arrival { node, request });
    }

    fn arrives(&mut self, node: usize, request: Request) {
        if self.now < self.server_down_until {
            return;
        }
        let reply = self.execute(&request.command);
        if self.is_lost(node) {
            return;
        }
        let at = self.now + self.delay();
        self.plan(at, Happening::Answer { node, id: request.id, reply });
    }

    fn execute(&mut self, command: &Command) -> Reply {
        let (reply, announcement) = self.register.execute(command, &self.server);
        self.story.applies(command, &reply);
        if let Some(announcement) = announcement {
            self.announces(announcement);
        }
        reply
    }

    pub fn announces(&mut self, announcement: Announcement) {
        for node in 0..self.nodes.len() {
            let is_missed = self.nodes[node].is_deaf || self.has_luck(self.weather.deaf);
            if !is_missed && !self.is_lost(node) {
                let at = self.now + self.delay();
                self.plan(at, Happening::Announced { node, announcement: announcement.clone() });
            }
        }
        self.announced.push(announcement);
    }

    fn is_read(&mut self, node: usize) {
        if !self.nodes[node].is_running {
            return;
        }
        let next = self.now + SECOND;
        self.plan(next, Happening::ReadArrives { node });
        if self.now >= self.server_down_until && !self.is_lost(node) {
            let stamp = Stamp::new(self.chance.bits());
            let reply = self.execute(&Command::Peek { stamp });
            let at = self.now + self.delay();
            self.plan(at, Happening::Read { node, reply });
        }
    }

    fn is_lost(&mut self, node: usize) -> bool {
        self.nodes[node].is_cut_off || self.has_luck(self.weather.lost)
    }

    fn has_luck(&mut self, one_in: u64) -> bool {
        self.now < FAULTS_END && one_in > 0 && self.chance.one_in(one_in)
    }

    fn delay(&mut self) -> Micros {
        if self.now >= FAULTS_END {
            return self.chance.between(50, 2_000);
        }
        let usual = self.weather.delay;
        if self.has_luck(self.weather.late) {
            // It may even land when its sender has long given up.
            let late = self.chance.between(usual, 1_500_000);
            return late.min(FAULTS_END + SECOND - self.now);
        }
        self.chance.between(usual / 4, usual)
    }
}

fn node(number: u64, chance: &mut Chance) -> Node {
    let tenure = Arc::new(Tenure::default());
    let mut draws = Chance::new(chance.bits());
    let instance = InstanceId::new(format!("n{number}"));
    let timing = Timing::new(Duration::from_millis(800), None).expect("within bounds");
    let election = Election::new(instance, timing, tenure.clone(), Box::new(move || draws.bits()));
    Node {
        election,
        tenure,
        rate: chance.between(900, 1_101),
        offset: chance.between(1, 1 << 40),
        is_deaf: false,
        is_cut_off: false,
        paused_until: 0,
        is_running: false,
        is_suspended: false,
        wants_start: false,
        wake: 0,
    }
}

impl Happening {
    /// The node in whose process it happens.
    fn node(&self) -> Option<usize> {
        match self {
            Self::Wake { node, .. }
            | Self::Answer { node, .. }
            | Self::Timeout { node, .. }
            | Self::Announced { node, .. }
            | Self::Read { node, .. }
            | Self::Drained { node } => Some(*node),
            Self::Arrival { .. } | Self::ReadArrives { .. } | Self::Fault => None,
        }
    }
}
