use super::{Fact, Glimpse, Invariant, Stage, Touched, Verdict, name};
use crate::election::{Instant, Timing};
use crate::simulation::clock::Nanos;

/// A running core waits for an answer or for a moment to come, unless its process does not answer; and it does not run hot.
pub struct Awake {
    nodes: Vec<Pace>,
}

#[derive(Clone, Default)]
struct Pace {
    since: Instant,
    commands: u32,
}

/// What a node may send in a renewal interval: eight hints that it follows at the end of one window, eight at the beginning of the
/// next, and as much again for takes, releases, reads, and what a new connection or subscription prompts.
const COMMANDS_PER_INTERVAL: u32 = 24;

/// Whoever watches the leader's connection looks at it as well, at least half of an interval apart.
fn limit(timing: &Timing) -> u32 {
    let looks = match timing.watches_connections() {
        true => {
            2 * timing.renewal_interval().as_nanos() / timing.presence_interval(2).as_nanos() + 1
        }
        false => 0,
    };
    COMMANDS_PER_INTERVAL + looks as u32
}

impl Awake {
    pub fn new(nodes: usize) -> Self {
        Self { nodes: vec![Pace::default(); nodes] }
    }
}

impl Invariant for Awake {
    fn name(&self) -> &'static str {
        "no node is stuck or runs hot"
    }

    fn heed(&mut self, _now: Nanos, fact: &Fact) -> Verdict {
        if let Fact::Sent { node, at, timing, .. } = *fact {
            let pace = &mut self.nodes[node];
            if at.since(pace.since) >= timing.renewal_interval() {
                *pace = Pace { since: at, commands: 0 };
            }
            pace.commands += 1;
            if pace.commands > limit(timing) {
                let sent = pace.commands;
                return Err(format!("{} sends {sent} commands in an interval", name(node)));
            }
        }
        Ok(())
    }

    fn check(&mut self, now: Nanos, nodes: &[Glimpse], ran: Touched) -> Verdict {
        for node in ran.iter() {
            let glimpse = &nodes[node];
            if !matches!(glimpse.stage, Stage::Running | Stage::Stopping) {
                continue;
            }
            match glimpse.wakes {
                None if !glimpse.is_waiting_for_answer && !glimpse.is_onlooker => {
                    return Err(format!("{} waits for nothing", name(node)));
                }
                Some(at) if at <= now => {
                    return Err(format!("{} wants to be woken at once, for nothing", name(node)));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
