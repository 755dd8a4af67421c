//! What must hold at every step of every story.

use std::collections::{HashMap, VecDeque};

use super::cluster::Node;
use super::{FAULTS_END, Micros, SECOND};
use crate::election::{Command, Event, Holder, Loss, Reply, Role, Term};

/// Counted from the landing of the last late command, at the rates of the slowest clock: two leases, and some round trips.
const ONE_LEADER_BY: Micros = FAULTS_END + SECOND + 2 * 900_000 + 200_000;

/// What is held against the cluster, and remembered for it.
pub struct Story {
    granted: HashMap<Term, Holder>,
    last_elected: Term,
    told: Vec<Told>,
    leader: Option<usize>,
    pub tally: Tally,
}

/// What one node's process was told.
struct Told {
    role: Role,
    is_running: bool,
    /// A defeat was told, and the role must follow at once.
    is_defeated: bool,
    /// An election was told, and the role must follow at once.
    is_elected: bool,
    recent: VecDeque<Micros>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub elected: u64,
    pub expired: u64,
    pub lost: u64,
    pub stopped: u64,
    pub asserted: u64,
    pub released: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.elected += other.elected;
        self.expired += other.expired;
        self.lost += other.lost;
        self.stopped += other.stopped;
        self.asserted += other.asserted;
        self.released += other.released;
    }
}

impl Story {
    pub fn new(nodes: usize) -> Self {
        let told = || Told {
            role: Role::Follower,
            is_running: false,
            is_defeated: false,
            is_elected: false,
            recent: VecDeque::new(),
        };
        Self {
            granted: HashMap::new(),
            last_elected: Term::ZERO,
            told: (0..nodes).map(|_| told()).collect(),
            leader: None,
            tally: Tally::default(),
        }
    }

    pub fn starts(&mut self, node: usize) {
        self.told[node].is_running = true;
    }

    pub fn sends(&mut self, node: usize, now: Micros, command: &Command) {
        let told = &mut self.told[node];
        assert!(told.is_running, "node {node} sends after it stopped");
        // No storm: whatever happens, a node's commands stay bounded.
        told.recent.push_back(now);
        if told.recent.len() > 100 {
            let since = told.recent.pop_front().expect("a hundred");
            assert!(now - since > SECOND, "node {node} sends too much, now {}", command.name());
        }
    }

    pub fn applies(&mut self, command: &Command, reply: &Reply) {
        let record = &reply.shown.record;
        match command {
            Command::Take { holder, .. } if reply.granted => {
                let former = self.granted.insert(record.term, holder.clone());
                assert_eq!(former, None, "term {} is granted twice", record.term);
            }
            Command::Renew { holder, term, over, .. } if reply.granted => {
                assert_eq!(self.granted.get(term), Some(holder), "nobody granted term {term}");
                self.tally.asserted += u64::from(over.is_some());
            }
            Command::Release { .. } if reply.granted => self.tally.released += 1,
            _ => {}
        }
    }

    pub fn hears(&mut self, node: usize, now: Micros, event: &Event) {
        let told = &mut self.told[node];
        assert!(told.is_running, "node {node} is told {event:?} after it stopped");
        if told.is_defeated {
            assert_eq!(*event, Event::RoleChanged(Role::Follower), "node {node} was defeated");
            told.is_defeated = false;
        }
        if told.is_elected {
            assert_eq!(*event, Event::RoleChanged(Role::Leader), "node {node} was elected");
            told.is_elected = false;
        }
        match event {
            Event::RoleChanged(role) => {
                assert_ne!(told.role, *role, "node {node} is told its role twice");
                assert_ne!(*role, Role::Draining);
                told.role = *role;
            }
            Event::Elected { term } => {
                assert_eq!(told.role, Role::Candidate, "node {node} is elected out of nothing");
                assert!(*term > self.last_elected, "terms must rise: {term}");
                self.last_elected = *term;
                told.is_elected = true;
                self.tally.elected += 1;
                assert!(now < ONE_LEADER_BY, "node {node} changes what has settled");
            }
            Event::Defeated { reason, .. } => {
                assert_ne!(told.role, Role::Follower, "node {node} has nothing to lose");
                told.is_defeated = true;
                match reason {
                    Loss::Expired => self.tally.expired += 1,
                    Loss::Replaced => panic!("node {node} was replaced while it led"),
                    Loss::Lost => self.tally.lost += 1,
                    Loss::Stopped | Loss::Stalled => self.tally.stopped += 1,
                }
            }
            Event::Stopped => {
                assert_eq!(told.role, Role::Follower, "node {node} stopped as something else");
                told.is_running = false;
            }
            _ => {}
        }
    }

    pub fn check(&mut self, now: Micros, nodes: &[Node]) {
        let mut leaders = nodes.iter().enumerate().filter(|(_, node)| node.leads(now));
        let leader = leaders.next().map(|(number, _)| number);
        if let (Some(one), Some((other, _))) = (leader, leaders.next()) {
            panic!("nodes {one} and {other} lead at one moment, {now} µs");
        }
        if let Some(leader) = leader {
            assert_eq!(self.told[leader].role, Role::Leader, "node {leader} leads untold");
        }
        if now > ONE_LEADER_BY {
            assert!(leader.is_some(), "no leader {now} µs into the story");
            assert!(self.leader.is_none_or(|former| Some(former) == leader), "it flaps");
            self.leader = leader;
        }
    }

    /// All know the one leader.
    pub fn closes(&self, nodes: &[Node]) {
        let leader = self.leader.expect("somebody leads at the end");
        let name = format!("n{leader}");
        for (number, node) in nodes.iter().enumerate() {
            let known = node.election.leader().map(|(id, _)| id.as_str());
            assert_eq!(known, Some(&*name), "node {number} follows another");
            assert_eq!(node.tenure.term(), self.last_elected, "node {number} knows another term");
            let role = if number == leader { Role::Leader } else { Role::Follower };
            assert_eq!(self.told[number].role, role, "node {number} was told another role");
        }
    }
}
