use super::{Fact, Glimpse, Invariant, Stage, Touched, Verdict, name};
use crate::election::{Command, InstanceId, Priority};
use crate::simulation::clock::{Nanos, SECOND};
use crate::simulation::scenario::Scenario;

/// Where nothing else is wrong, an heir comes first, and then the highest priority among those who were there.
pub struct Priorities {
    is_calm: bool,
    priorities: Vec<Priority>,
    /// Long enough for all to know who is there.
    settling: Nanos,
    running_since: Vec<Option<Nanos>>,
    /// Whom the last release named.
    heir: Option<InstanceId>,
    /// Who was granted the last term.
    last: Option<usize>,
}

impl Priorities {
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            is_calm: scenario.is_calm,
            priorities: scenario.candidacies.iter().map(|one| one.priority).collect(),
            settling: 2 * scenario.lease + SECOND,
            running_since: vec![None; scenario.timings.len()],
            heir: None,
            last: None,
        }
    }

    fn judge(&self, now: Nanos, node: usize) -> Verdict {
        let was_there = |other: usize| {
            self.running_since[other].is_some_and(|since| now >= since + self.settling)
        };
        let passed_over = (0..self.priorities.len()).find(|other| {
            self.priorities[*other] > self.priorities[node]
                && was_there(*other)
                && self.last != Some(*other)
        });
        match passed_over {
            Some(other) => {
                let (one, other) = (name(node), name(other));
                Err(format!("{one} takes before {other}, whose priority is higher"))
            }
            None => Ok(()),
        }
    }
}

impl Invariant for Priorities {
    fn name(&self) -> &'static str {
        "in calm weather the heir leads, or the highest priority"
    }

    fn heed(&mut self, now: Nanos, fact: &Fact) -> Verdict {
        if !self.is_calm {
            return Ok(());
        }
        match *fact {
            Fact::Granted { command: Command::Release { heir, .. }, .. } => {
                self.heir.clone_from(heir);
            }
            Fact::Granted { node, command: Command::Take { holder, .. }, .. } => {
                let is_heir = self.heir.take() == Some(holder.instance());
                let verdict = if is_heir { Ok(()) } else { self.judge(now, node) };
                self.last = Some(node);
                return verdict;
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&mut self, now: Nanos, nodes: &[Glimpse], _ran: Touched) -> Verdict {
        for (since, node) in self.running_since.iter_mut().zip(nodes) {
            match node.stage {
                Stage::Running => _ = since.get_or_insert(now),
                _ => *since = None,
            }
        }
        Ok(())
    }
}
