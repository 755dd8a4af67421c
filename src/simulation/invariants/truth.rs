use super::{Fact, Glimpse, Invariant, Touched, Verdict, name};
use crate::election::{Command, Instant, Role, Term};
use crate::simulation::clock::Nanos;
use std::time::Duration;

/// What a leader's code reads is true: it is told yes exactly as long as the core reigns, which is no longer than D after the
/// sending of a command that was granted; never after `stop()`; and never again within a term after it was told no.
pub struct Truth {
    nodes: Vec<Known>,
}

#[derive(Clone, Default)]
struct Known {
    /// The latest deadline that its granted commands permit.
    permitted: Instant,
    validity: Duration,
    denied: Term,
}

impl Truth {
    pub fn new(nodes: usize) -> Self {
        Self { nodes: vec![Known::default(); nodes] }
    }
}

impl Invariant for Truth {
    fn name(&self) -> &'static str {
        "a leader's code reads the truth"
    }

    fn heed(&mut self, _now: Nanos, fact: &Fact) -> Verdict {
        match *fact {
            Fact::Started { node } | Fact::Crashed { node } => self.nodes[node] = Known::default(),
            Fact::Sent { node, timing, .. } => self.nodes[node].validity = timing.validity(),
            Fact::Answered { node, sent, command, reply } if reply.granted => {
                let known = &mut self.nodes[node];
                if matches!(command, Command::Take { .. }) {
                    known.permitted = sent + known.validity;
                } else if matches!(command, Command::Renew { .. }) {
                    known.permitted = known.permitted.max(sent + known.validity);
                }
            }
            Fact::Asked { node, term, answer } => {
                let known = &mut self.nodes[node];
                if answer && known.denied == term {
                    return Err(format!(
                        "{} is told that it leads in term {term}, after it was told that it does not",
                        name(node)
                    ));
                }
                if !answer {
                    known.denied = term;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&mut self, now: Nanos, nodes: &[Glimpse], ran: Touched) -> Verdict {
        for node in ran.iter() {
            let Glimpse { role, leads_until, deadline, is_stopping, is_cut, .. } = nodes[node];
            let leads = now < leads_until;
            if leads && is_stopping {
                return Err(format!("{} reads that it leads after stop()", name(node)));
            }
            if let Some(deadline) = deadline
                && leads
                && deadline > self.nodes[node].permitted
            {
                return Err(format!("{} leads for longer than its grants permit", name(node)));
            }
            if leads && role != Role::Leader {
                return Err(format!(
                    "{} reads that it leads, but its core is {role:?}",
                    name(node)
                ));
            }
            // Until the core hears that its connection is cut, the kernel knows more than it.
            if role == Role::Leader && !leads && !is_stopping && !is_cut && deadline.is_some() {
                return Err(format!("{}'s core leads, but it reads that it does not", name(node)));
            }
        }
        Ok(())
    }
}
