use super::{Fact, Invariant, Verdict, name};
use crate::election::{Command, Instant, Role};
use crate::simulation::clock::Nanos;

/// Once the faults are over and a leader stands, it renews, and nobody else sends anything for the election: whoever hears
/// heartbeats need not look, unless it is for the leader's connection.
pub struct Peace {
    since: Option<Nanos>,
    /// When each node last looked.
    looks: Vec<Option<Instant>>,
}

impl Peace {
    pub fn new(nodes: usize) -> Self {
        Self { since: None, looks: vec![None; nodes] }
    }
}

impl Invariant for Peace {
    fn name(&self) -> &'static str {
        "in peace the leader renews and the others listen"
    }

    fn heed(&mut self, now: Nanos, fact: &Fact) -> Verdict {
        match *fact {
            Fact::Quiet { calm_from, .. } => self.since = calm_from,
            Fact::Sent { node, at, role, request, timing, .. }
                if self.since.is_some_and(|at| now >= at) =>
            {
                let is_fit = match (role, &request.command) {
                    (Role::Leader, Command::Renew { over: None, .. }) => true,
                    (Role::Follower, Command::Peek { .. }) if timing.watches_connections() => {
                        let last = self.looks[node].replace(at);
                        last.is_none_or(|last| at.since(last) >= timing.presence_interval(2) / 2)
                    }
                    _ => false,
                };
                if !is_fit {
                    let what = request.command.name();
                    return Err(format!("{}, a {role:?}, sends a {what}", name(node)));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
