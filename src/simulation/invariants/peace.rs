use super::{Fact, Invariant, Verdict, name};
use crate::election::{Command, Role};
use crate::simulation::clock::Nanos;

/// Once the faults are over and a leader stands, it renews, and nobody else sends anything for the election: whoever hears
/// heartbeats need not look.
#[derive(Default)]
pub struct Peace {
    since: Option<Nanos>,
}

impl Invariant for Peace {
    fn name(&self) -> &'static str {
        "in peace the leader renews and the others listen"
    }

    fn heed(&mut self, now: Nanos, fact: &Fact) -> Verdict {
        match *fact {
            Fact::Quiet { calm_from, .. } => self.since = calm_from,
            Fact::Sent { node, role, request, .. } if self.since.is_some_and(|at| now >= at) => {
                let is_renewal = matches!(request.command, Command::Renew { over: None, .. });
                if role != Role::Leader || !is_renewal {
                    let what = request.command.name();
                    return Err(format!("{}, a {role:?}, sends a {what}", name(node)));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
