use super::{Fact, Glimpse, Invariant, Touched, Verdict, name};
use crate::election::Event;
use crate::simulation::clock::Nanos;

/// `stop()` and `reelect()` end within their bounds, whatever the network does. While nothing of the process runs, no time counts.
pub struct Promises {
    nodes: Vec<Pending>,
    last_look: Nanos,
}

#[derive(Clone, Default)]
struct Pending {
    stop: Option<Nanos>,
    reelect: Option<Nanos>,
}

impl Promises {
    pub fn new(nodes: usize) -> Self {
        Self { nodes: vec![Pending::default(); nodes], last_look: 0 }
    }
}

impl Invariant for Promises {
    fn name(&self) -> &'static str {
        "every promise settles"
    }

    fn heed(&mut self, _now: Nanos, fact: &Fact) -> Verdict {
        match *fact {
            Fact::StopCalled { node, due } => {
                self.nodes[node].stop.get_or_insert(due);
            }
            Fact::ReelectCalled { node, due } => {
                self.nodes[node].reelect.get_or_insert(due);
            }
            Fact::Told { node, event: Event::Released | Event::Overrun { .. } } => {
                self.nodes[node].reelect = None;
            }
            Fact::Told { node, event: Event::Stopped } | Fact::Crashed { node } => {
                self.nodes[node] = Pending::default();
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&mut self, now: Nanos, nodes: &[Glimpse], _ran: Touched) -> Verdict {
        let elapsed = now - std::mem::replace(&mut self.last_look, now);
        for (node, pending) in self.nodes.iter_mut().enumerate() {
            let Pending { stop, reelect } = pending;
            for (what, due) in [("stop()", stop), ("reelect()", reelect)] {
                let Some(due) = due else { continue };
                if nodes[node].frozen_until > now - elapsed {
                    *due += elapsed;
                } else if now > *due {
                    return Err(format!("{what} of {} has not ended", name(node)));
                }
            }
        }
        Ok(())
    }
}
