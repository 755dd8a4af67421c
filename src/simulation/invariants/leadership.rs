use super::{Fact, Glimpse, Invariant, Touched, Verdict, name};
use crate::simulation::clock::Nanos;

/// Once the faults are over, one leader stands within the bound, and goes on to stand.
#[derive(Default)]
pub struct Leadership {
    due: Option<Nanos>,
    leader: Option<usize>,
}

impl Invariant for Leadership {
    fn name(&self) -> &'static str {
        "after the faults one leader stands in time, and stays"
    }

    fn heed(&mut self, _now: Nanos, fact: &Fact) -> Verdict {
        if let Fact::Quiet { due, .. } = *fact {
            self.due = Some(due);
        }
        Ok(())
    }

    fn check(&mut self, now: Nanos, nodes: &[Glimpse], _ran: Touched) -> Verdict {
        if self.due.is_none_or(|due| now < due) {
            return Ok(());
        }
        let Some(leader) = nodes.iter().position(|node| now < node.leads_until) else {
            return Err(match self.leader {
                Some(former) => format!("{} has lost the leadership in peace", name(former)),
                None => "nobody leads".into(),
            });
        };
        match self.leader.replace(leader) {
            Some(former) if former != leader => {
                Err(format!("{} leads in the place of {}, in peace", name(leader), name(former)))
            }
            _ => Ok(()),
        }
    }
}
