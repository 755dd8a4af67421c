use super::{Glimpse, Invariant, Touched, Verdict, name};
use crate::simulation::clock::Nanos;

/// At no moment two nodes would answer `isLeader()` with yes: not even while one of them is paused and cannot be asked.
pub struct OneLeader;

impl Invariant for OneLeader {
    fn name(&self) -> &'static str {
        "at most one leader at any moment"
    }

    fn check(&mut self, now: Nanos, nodes: &[Glimpse], _ran: Touched) -> Verdict {
        let mut leaders = nodes.iter().enumerate().filter(|(_, node)| now < node.leads_until);
        match (leaders.next(), leaders.next()) {
            (Some((one, first)), Some((other, second))) => Err(format!(
                "{} leads in term {} until {} ns and {} in term {} until {} ns",
                name(one),
                first.term,
                first.leads_until,
                name(other),
                second.term,
                second.leads_until
            )),
            _ => Ok(()),
        }
    }
}
