use super::{Fact, Invariant, Verdict, name};
use crate::election::{Event, Loss, Role, Term};
use crate::simulation::clock::Nanos;

/// What a node tells its process is a story without holes: a loss comes after a win, once; `elected` comes before its change of
/// role, `defeated` too; nothing is told twice, and nothing after the end.
pub struct Told {
    nodes: Vec<Telling>,
}

#[derive(Clone)]
struct Telling {
    runs: bool,
    role: Role,
    /// What has to come next, after an event that is one half of a change.
    pending: Option<Role>,
    leader: Option<(String, Term)>,
    draining: Option<Term>,
}

impl Telling {
    fn new() -> Self {
        Self { runs: false, role: Role::Follower, pending: None, leader: None, draining: None }
    }

    fn hear(&mut self, event: &Event) -> Verdict {
        if !self.runs {
            return Err(format!("{event:?} after the end"));
        }
        if let Some(role) = self.pending.take()
            && *event != Event::RoleChanged(role)
        {
            return Err(format!("{event:?} where the change to {role:?} was to come"));
        }
        match event {
            Event::Elected { .. } if self.role == Role::Candidate => {
                self.pending = Some(Role::Leader);
                self.role = Role::Leader;
            }
            Event::Elected { .. } => return Err(format!("elected as {:?}", self.role)),
            Event::Defeated { reason, leader } => {
                let fits = match reason {
                    Loss::Lost => self.role == Role::Candidate && leader.is_some(),
                    Loss::Stopped => self.role != Role::Follower,
                    Loss::Replaced
                    | Loss::Expired
                    | Loss::Reelected
                    | Loss::Transferred
                    | Loss::Stalled
                    | Loss::Disconnected => self.role == Role::Leader,
                };
                if !fits {
                    return Err(format!("defeated ({}) as {:?}", reason.as_str(), self.role));
                }
                self.role = Role::Follower;
                self.pending = Some(Role::Follower);
            }
            Event::RoleChanged(role) => self.change(*role)?,
            Event::LeaderChanged { leader, term } => {
                let leader = leader.as_ref().map(|id| (id.to_string(), *term));
                if leader == self.leader {
                    return Err(format!("{event:?} twice"));
                }
                self.leader = leader;
            }
            Event::Draining { .. } if self.role != Role::Leader => {
                return Err(format!("draining as {:?}", self.role));
            }
            Event::Draining { term, .. } => self.draining = Some(*term),
            Event::Overrun { term } if self.draining != Some(*term) => {
                return Err(format!("an overrun of term {term}, which did not drain"));
            }
            Event::Released | Event::Overrun { .. } => self.draining = None,
            Event::UnequalLease { .. } | Event::RegisterLost => {}
            Event::Stopped if self.role != Role::Follower => {
                return Err(format!("stopped as {:?}", self.role));
            }
            Event::Stopped => *self = Self::new(),
        }
        Ok(())
    }

    fn change(&mut self, role: Role) -> Verdict {
        let fits = match role {
            // The other half was told just before.
            Role::Leader | Role::Follower => self.role == role,
            // A follower that contends, or a leader that lets others come first.
            Role::Candidate => self.role != Role::Candidate,
            Role::Draining => false,
        };
        if !fits {
            return Err(format!("the change to {role:?} comes to {:?}", self.role));
        }
        self.role = role;
        Ok(())
    }
}

impl Told {
    pub fn new(nodes: usize) -> Self {
        Self { nodes: vec![Telling::new(); nodes] }
    }
}

impl Invariant for Told {
    fn name(&self) -> &'static str {
        "each loss is told after a win, once"
    }

    fn heed(&mut self, _now: Nanos, fact: &Fact) -> Verdict {
        match *fact {
            Fact::Started { node } => self.nodes[node] = Telling { runs: true, ..Telling::new() },
            Fact::Crashed { node } => self.nodes[node] = Telling::new(),
            Fact::Told { node, event } => {
                let told = self.nodes[node].hear(event);
                return told.map_err(|what| format!("{} tells {what}", name(node)));
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&mut self, _now: Nanos, nodes: &[super::Glimpse], ran: super::Touched) -> Verdict {
        for node in ran.iter() {
            let (glimpse, telling) = (&nodes[node], &self.nodes[node]);
            if let Some(role) = telling.pending {
                return Err(format!("{} does not tell the change to {role:?}", name(node)));
            }
            // Told and true agree whenever the core has just run.
            let leads = glimpse.role == Role::Leader;
            if leads != (telling.role == Role::Leader) {
                return Err(format!(
                    "{} is {:?} and told that it is {:?}",
                    name(node),
                    glimpse.role,
                    telling.role
                ));
            }
        }
        Ok(())
    }
}
