use std::collections::HashSet;

use super::{Fact, Invariant, Verdict, name};
use crate::election::{Command, Role, Stamp, Term};
use crate::simulation::clock::Nanos;

/// A node has one command under way at most; every command has a stamp of its own; beats rise within a term; only a leader
/// renews, only one that runs, and may, takes.
pub struct Commands {
    stamps: HashSet<Stamp>,
    nodes: Vec<Sending>,
}

#[derive(Clone, Default)]
struct Sending {
    is_waiting: bool,
    renewed: Option<(Term, u64)>,
}

impl Commands {
    pub fn new(nodes: usize) -> Self {
        Self { stamps: HashSet::new(), nodes: vec![Sending::default(); nodes] }
    }

    fn judge(
        &mut self,
        node: usize,
        role: Role,
        is_stopping: bool,
        may_take: bool,
        command: &Command,
    ) -> Verdict {
        let sending = &mut self.nodes[node];
        if std::mem::replace(&mut sending.is_waiting, true) {
            return Err("while another is under way".into());
        }
        if !self.stamps.insert(command.stamp().clone()) {
            return Err("with a stamp that was used before".into());
        }
        match command {
            Command::Renew { .. } if !matches!(role, Role::Leader | Role::Draining) => {
                return Err(format!("as {role:?}"));
            }
            Command::Renew { term, beat, .. } => {
                if sending.renewed.is_some_and(|(t, b)| t == *term && b >= *beat) {
                    return Err("with a beat that does not rise".into());
                }
                sending.renewed = Some((*term, *beat));
            }
            Command::Take { .. } if matches!(role, Role::Leader | Role::Draining) => {
                return Err(format!("as {role:?}"));
            }
            Command::Take { .. } if is_stopping => return Err("after stop()".into()),
            Command::Take { .. } if !may_take => return Err("although it may not".into()),
            _ => {}
        }
        Ok(())
    }
}

impl Invariant for Commands {
    fn name(&self) -> &'static str {
        "each command is its own"
    }

    fn heed(&mut self, _now: Nanos, fact: &Fact) -> Verdict {
        match *fact {
            Fact::Started { node } | Fact::Crashed { node } => {
                self.nodes[node] = Sending::default();
            }
            Fact::Granted { command, reply, .. }
                if reply.shown.record.stamp != *command.stamp() =>
            {
                return Err(format!("a {} is granted and leaves another stamp", command.name()));
            }
            Fact::Answered { node, .. } | Fact::Failed { node } => {
                self.nodes[node].is_waiting = false;
            }
            Fact::Sent { node, role, is_stopping, may_take, request, .. } => {
                let command = &request.command;
                return self
                    .judge(node, role, is_stopping, may_take, command)
                    .map_err(|what| format!("{} sends a {} {what}", name(node), command.name()));
            }
            _ => {}
        }
        Ok(())
    }
}
