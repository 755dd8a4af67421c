use std::collections::BTreeMap;
use std::time::Duration;

use super::{Fact, Invariant, Verdict, name};
use crate::election::{Command, Instant, Term};
use crate::simulation::clock::Nanos;

/// Where the work of a draining leader did not settle in time, its lease lapses: nothing is renewed any more, and nothing is released before
/// the lease of the last renewal has run out for all, in a later run of the same process either.
pub struct Lapse {
    nodes: Vec<Reigns>,
}

#[derive(Clone, Default)]
struct Reigns {
    lease: Duration,
    /// When each reign was last renewed, as far as that was sent.
    renewed: BTreeMap<Term, Instant>,
    lapsing: BTreeMap<Term, Instant>,
}

impl Lapse {
    pub fn new(nodes: usize) -> Self {
        Self { nodes: vec![Reigns::default(); nodes] }
    }
}

impl Reigns {
    fn judge(&mut self, at: Instant, command: &Command) -> Verdict {
        match command {
            Command::Renew { term, .. } if self.lapsing.contains_key(term) => {
                return Err(format!("renews term {term}, which is to lapse"));
            }
            Command::Renew { term, .. } => {
                self.renewed.insert(*term, at);
            }
            Command::Release { term, .. }
                if self.lapsing.get(term).is_some_and(|end| at < *end) =>
            {
                return Err(format!("releases term {term} before its lease has run out"));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Invariant for Lapse {
    fn name(&self) -> &'static str {
        "after an overrun the lease runs out"
    }

    fn heed(&mut self, _now: Nanos, fact: &Fact) -> Verdict {
        match *fact {
            Fact::Crashed { node } => self.nodes[node] = Reigns::default(),
            Fact::Sent { node, at, request, timing, .. } => {
                let reigns = &mut self.nodes[node];
                reigns.lease = timing.lease();
                let verdict = reigns.judge(at, &request.command);
                return verdict.map_err(|what| format!("{} {what}", name(node)));
            }
            Fact::Answered { node, sent, command: Command::Take { .. }, reply }
                if reply.granted =>
            {
                self.nodes[node].renewed.insert(reply.shown.record.term, sent);
            }
            Fact::Overran { node, term } => {
                let reigns = &mut self.nodes[node];
                let renewed = reigns.renewed.get(&term).copied().unwrap_or_default();
                reigns.lapsing.insert(term, renewed + reigns.lease);
            }
            _ => {}
        }
        Ok(())
    }
}
