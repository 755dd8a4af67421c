//! The world's loop: the next thing happens, the nodes that it touches act, the invariants look.

mod commands;
mod connections;
mod forger;
mod happening;
mod node;
mod process;
mod server_side;
mod service;
mod strikes;

use super::Outcome;
use super::agenda::Agenda;
use super::bug::Bug;
use super::clock::{MILLISECOND, Nanos, SECOND};
use super::fault::{Fault, Target};
use super::invariants::{Fact, Glimpse, Invariants, Touched};
use super::random::Random;
use super::scenario::{LAST_FAULT, Network, RATE_ERROR, STORM, Scenario};
use super::server::Server;
use super::story::Story;
use crate::election::Announcement;
use happening::{Asked, Happening, Input, Parcel, Wire};
use node::Node;

/// No node has a timer.
const NEVER: Nanos = Nanos::MAX;
/// A fault that finds nothing to harm comes again.
const RETRY: Nanos = 150 * MILLISECOND;

pub struct World {
    now: Nanos,
    random: Random,
    scenario: Scenario,
    network: Network,
    agenda: Agenda<Happening>,
    server: Server,
    nodes: Vec<Node>,
    glimpses: Vec<Glimpse>,
    /// The nodes that the step changed, and those whose core ran in it.
    touched: Touched,
    ran: Touched,
    invariants: Invariants,
    story: Story,
    bug: Option<Bug>,
    past_grants: server_side::PastGrants,
    /// What was announced last, for whoever replays it.
    announced: Vec<Announcement>,
    /// When the last command that is under way lands.
    last_landing: Nanos,
    /// When the last announcement that is under way arrives.
    last_hint: Nanos,
    /// When the last work of a draining leader settles.
    last_drain: Nanos,
    quiet_since: Option<Nanos>,
    ends_at: Nanos,
    outcome: Outcome,
    next_registry: u64,
}

impl World {
    pub fn new(seed: u64, bug: Option<Bug>, story: Story) -> Self {
        let mut random = Random::new(seed);
        let mut scenario = Scenario::new(&mut random);
        if bug == Some(Bug::ClocksApart) {
            scenario.spread_clocks();
        }
        let nodes: Vec<Node> = (0..scenario.timings.len())
            .map(|index| Node::new(index, &scenario, &mut random))
            .collect();
        let mut world = Self {
            now: 0,
            network: scenario.network.clone(),
            agenda: Agenda::new(),
            server: Server::new(bug),
            glimpses: nodes.iter().map(|node| node.glimpse(0)).collect(),
            touched: Touched::default(),
            ran: Touched::default(),
            invariants: Invariants::new(&scenario),
            nodes,
            random,
            story,
            bug,
            past_grants: server_side::PastGrants::default(),
            announced: Vec::new(),
            last_landing: 0,
            last_hint: 0,
            last_drain: 0,
            quiet_since: None,
            ends_at: NEVER,
            outcome: Outcome::default(),
            next_registry: 0,
            scenario,
        };
        world.plan_everything();
        world
    }

    fn plan_everything(&mut self) {
        self.tell_setting();
        for (number, (at, _)) in self.scenario.faults.iter().enumerate() {
            self.agenda.plan(*at, Happening::Strike(number));
        }
        self.agenda.plan(STORM, Happening::Heal);
        for index in 0..self.nodes.len() {
            let late = self.random.pick(&[1, 1, self.scenario.lease, 5 * SECOND]);
            let at = self.random.below(late);
            self.agenda.plan(at, Happening::Start(index));
            if self.scenario.asks {
                self.agenda.plan(at, Happening::Ask(index));
            }
        }
    }

    pub fn run(mut self) -> Outcome {
        while self.step() {}
        self.outcome.nanos = self.now;
        self.outcome.violation = self.invariants.violation().cloned();
        if let Some(violation) = &self.outcome.violation {
            let text = format!("{} – broken: {}", violation.what, violation.invariant);
            self.story.tell(self.now, "observer", || text);
        }
        self.outcome.story = self.story.into_text();
        self.outcome
    }

    /// One thing happens. False when the run is over.
    fn step(&mut self) -> bool {
        let (timer, node) = self.next_timer();
        let planned = self.agenda.next_at().unwrap_or(NEVER);
        if planned.min(timer) > self.ends_at || self.invariants.violation().is_some() {
            return false;
        }
        self.outcome.steps += 1;
        (self.touched, self.ran) = (Touched::default(), Touched::default());
        if planned <= timer {
            let Some((at, happening)) = self.agenda.next() else { return false };
            self.now = at;
            self.happen(happening);
        } else {
            self.now = timer;
            self.wake(node);
        }
        self.look();
        true
    }

    fn next_timer(&self) -> (Nanos, usize) {
        let timers = self.nodes.iter().enumerate().map(|(index, node)| (node.wake_at, index));
        timers.min().unwrap_or((NEVER, 0))
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Strike(number) => {
                let fault = self.scenario.faults[number].1.clone();
                if self.strike(fault) {
                    return;
                }
                if self.now + RETRY < LAST_FAULT {
                    self.agenda.plan(self.now + RETRY, Happening::Strike(number));
                } else {
                    // There is always a clock to be wronged.
                    let whom = Target::Node(number % self.nodes.len());
                    self.strike(Fault::ChangeRate { whom, parts_per_million: RATE_ERROR });
                }
            }
            Happening::Arrive(parcel) => self.arrive(parcel),
            Happening::Deliver { node, run, input } => self.deliver(node, run, input),
            Happening::Start(node) => self.start(node),
            Happening::Thaw(node) => self.thaw(node),
            Happening::Ask(node) => self.ask(node),
            Happening::Connect { node, wire, generation } => self.connect(node, wire, generation),
            Happening::Notice { node, wire, generation } => {
                self.notice_loss(node, wire, generation);
            }
            Happening::Break { node } => {
                self.break_line(node, Wire::Commands);
                self.break_line(node, Wire::Feed);
            }
            Happening::Comeback { keeps, closes_connections } => {
                self.come_back(keeps, closes_connections);
            }
            Happening::Forge { until, every } => self.forge(until, every),
            Happening::Heal => self.heal(),
        }
    }

    /// The observer looks at whatever the step may have changed.
    fn look(&mut self) {
        for index in self.touched.iter() {
            self.set_timer(index);
            self.glimpses[index] = self.nodes[index].glimpse(self.now);
            if self.bug == Some(Bug::CachedTruth) {
                let role = self.glimpses[index].role;
                let leads = role == crate::election::Role::Leader;
                self.glimpses[index].leads_until = if leads { NEVER } else { 0 };
            }
        }
        self.invariants.check(self.now, &self.glimpses, self.ran);
        if let Some(since) = self.quiet_since {
            let leads = self.glimpses.iter().any(|node| self.now < node.leads_until);
            if !leads {
                let share = self.now.saturating_sub(since) * 1000 / self.scenario.lease;
                self.outcome.recovery = share;
            }
        }
    }

    /// A thread does not run the very moment that its timer is due.
    fn set_timer(&mut self, index: usize) {
        let node = &self.nodes[index];
        let is_unarmed = self.bug == Some(Bug::TimersUnarmed) && node.failed_once;
        let timer = node.next_timer().filter(|_| !node.is_frozen(self.now) && !is_unarmed);
        self.nodes[index].wake_at = match timer {
            Some(at) => {
                let at = self.nodes[index].clock.when(at).max(self.now);
                let lateness = match self.random.below(64) {
                    0 => self.random.below(self.scenario.lease / 50),
                    tenth => 2_000 * tenth,
                };
                at.saturating_add(lateness)
            }
            None => NEVER,
        };
    }

    /// From now on nothing new goes wrong; what is under way may still land.
    fn heal(&mut self) {
        let Network { latency, .. } = self.network;
        self.network = Network { latency, ..Network::default() };
        self.story.tell(self.now, "world", || "the faults are over".into());
        if let Some((index, latency)) = self.scenario.sluggard {
            let node = &mut self.nodes[index];
            (node.slow_latency, node.slow_until) = (latency, NEVER);
            self.story.tell(self.now, &node.name, || "is too far away from now on".into());
        }
        for index in 0..self.nodes.len() {
            let is_wanted = !self.random.one_in(4) || index == 0 || self.scenario.needs_all();
            if is_wanted {
                self.start(index);
            }
        }
        let longest = self.scenario.lease;
        let since = self.now.max(self.last_landing).max(self.last_drain);
        let due = since + self.scenario.recovery_bound();
        // A late announcement prompts a look, and what that prompts takes a moment.
        let calm_from = due.max(self.last_hint + longest / 2);
        let calm_from = self.scenario.sluggard.is_none().then_some(calm_from);
        self.quiet_since = Some(since);
        self.ends_at = due.max(self.last_hint) + longest + SECOND;
        self.story.tell(self.now, "world", || {
            format!(
                "the last late command lands, and the last work settles, by {} ms",
                since / 1_000_000
            )
        });
        self.invariants.heed(self.now, Fact::Quiet { due, calm_from });
    }

    fn tell_setting(&mut self) {
        let scenario = &self.scenario;
        self.story.tell(0, "world", || {
            let timings: Vec<String> = scenario
                .timings
                .iter()
                .zip(&scenario.rates)
                .map(|(timing, rate)| {
                    let (lease, interval) = (timing.lease(), timing.renewal_interval());
                    format!("{lease:?}/{interval:?} {rate:+}")
                })
                .collect();
            format!(
                "{} nodes (lease/renewal, millionths by which the clock is off): {}; {}{}",
                timings.len(),
                timings.join(", "),
                if scenario.hides_identity { "the server hides its identity; " } else { "" },
                if scenario.asks { "the services ask" } else { "nobody asks" },
            )
        });
    }
}
