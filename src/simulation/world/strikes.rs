//! How each fault is brought about.

use super::node::Node;
use super::{Happening, Input, Wire, World};
use crate::simulation::clock::{MICROSECOND, MILLISECOND, Nanos};
use crate::simulation::fault::{Fault, Keeps, Target};
use crate::simulation::invariants::{Fact, Stage};
use crate::simulation::scenario::{STORM, nanos};

impl World {
    /// False when there was nothing to harm.
    pub(super) fn strike(&mut self, fault: Fault) -> bool {
        let whom = fault.target().map(|target| self.resolve(target));
        let is_effective = match whom {
            Some(node) => self.strike_node(node, &fault),
            None => self.strike_server(&fault),
        };
        if is_effective {
            self.outcome.faults += 1;
            let who = whom.map_or("server", |node| &self.nodes[node].name);
            self.story.tell(self.now, who, || format!("FAULT: {fault}"));
        }
        is_effective
    }

    fn resolve(&mut self, target: Target) -> usize {
        match target {
            Target::Node(node) => node,
            Target::Leader => {
                let leader = self.nodes.iter().position(|node| node.leads(self.now));
                let taker = || self.nodes.iter().position(Node::is_taking);
                leader.or_else(taker).unwrap_or_else(|| self.random.index(self.nodes.len()))
            }
        }
    }

    /// Everything that lasts ends with the storm.
    pub(super) fn before_the_end(&self, lasts: Nanos) -> Nanos {
        let latest = if self.now < STORM - MILLISECOND { STORM - MILLISECOND } else { self.now };
        (self.now + lasts).min(latest)
    }

    fn strike_node(&mut self, index: usize, fault: &Fault) -> bool {
        self.touched.insert(index);
        let node = &mut self.nodes[index];
        let takes_part = node
            .process
            .as_ref()
            .is_some_and(|process| matches!(process.stage, Stage::Opening | Stage::Running));
        if let Fault::ChangeRate { parts_per_million, .. } = fault {
            node.clock.change_rate(self.now, *parts_per_million);
            return true;
        }
        if !node.is_running() {
            return false;
        }
        match *fault {
            Fault::Crash { again, .. } => self.crash(index, again),
            Fault::Stop { again, .. } => return takes_part && self.stop(index, again),
            Fault::Reelect { .. } => return takes_part && self.give_up(index, Input::Reelect),
            Fault::Transfer { heir, .. } => {
                let heir = self.nodes[heir].id();
                return takes_part && self.give_up(index, Input::Transfer(heir));
            }
            Fault::Pause { lasts, .. } => {
                node.asleep_since.get_or_insert(self.now);
                let until = self.before_the_end(lasts);
                self.nodes[index].silent_until = self.nodes[index].silent_until.max(until);
                self.freeze(index, until);
            }
            Fault::Starve { lasts, .. } => {
                let until = self.before_the_end(lasts);
                self.freeze(index, until);
            }
            Fault::Block { lasts, .. } => return self.block(index, lasts),
            Fault::Cut { .. } => self.break_line(index, Wire::Commands),
            Fault::CutFeed { .. } => self.break_line(index, Wire::Feed),
            Fault::Hold { up, down, lasts, breaks, .. } => {
                let until = self.before_the_end(lasts);
                for wire in [Wire::Commands, Wire::Feed] {
                    let line = self.line(index, wire);
                    if up {
                        line.up_held_until = line.up_held_until.max(until);
                    }
                    if down {
                        line.down_held_until = line.down_held_until.max(until);
                    }
                }
                if breaks {
                    self.agenda.plan(until, Happening::Break { node: index });
                }
            }
            Fault::Deafen { lasts, .. } => {
                self.nodes[index].deaf_until = self.before_the_end(lasts);
            }
            Fault::Slow { latency, lasts, .. } => {
                let until = self.before_the_end(lasts);
                let node = &mut self.nodes[index];
                (node.slow_latency, node.slow_until) = (latency, until);
            }
            Fault::MoveToReplica { lasts, .. } => {
                node.commands.is_on_replica = node.commands.stands();
                let until = self.before_the_end(lasts);
                self.agenda.plan(until, Happening::Break { node: index });
            }
            _ => {}
        }
        true
    }

    fn crash(&mut self, index: usize, again: Nanos) {
        let node = &mut self.nodes[index];
        node.run += 1;
        node.process = None;
        node.commands.abandon();
        node.feed.close();
        node.inbox.clear();
        node.in_hand = None;
        node.asleep_since = None;
        (node.frozen_until, node.silent_until) = (0, 0);
        node.is_start_wanted = false;
        node.failed_once = false;
        self.invariants.heed(self.now, Fact::Crashed { node: index });
        self.spread_news();
        self.start_again(index, again);
    }

    fn start_again(&mut self, index: usize, again: Nanos) {
        if self.now + again < STORM {
            self.agenda.plan(self.now + again, Happening::Start(index));
        }
    }

    /// The service calls `stop()`: it reads at once that it does not lead, and the election's thread hears of it.
    fn stop(&mut self, index: usize, again: Nanos) -> bool {
        let node = &mut self.nodes[index];
        let Some(process) = &mut node.process else { return false };
        if self.now < node.silent_until || process.is_stopping {
            return false;
        }
        process.tenure.close();
        process.is_stopping = true;
        let bound = nanos(node.timing.validity() + 3 * node.timing.command_timeout());
        let due = self.due(bound);
        self.invariants.heed(self.now, Fact::StopCalled { node: index, due });
        self.hand_over(index, Input::Stop);
        self.start_again(index, again.max(MILLISECOND));
        true
    }

    /// The service calls `reelect()` or `transferTo()`.
    fn give_up(&mut self, index: usize, input: Input) -> bool {
        let node = &self.nodes[index];
        let is_stopping = node.process.as_ref().is_some_and(|process| process.is_stopping);
        if self.now < node.silent_until || is_stopping {
            return false;
        }
        let due = self.due(nanos(2 * node.timing.command_timeout()));
        self.invariants.heed(self.now, Fact::ReelectCalled { node: index, due });
        self.hand_over(index, input);
        true
    }

    /// When a promise has to have settled that takes `bound` by a clock that may be slow, beside the work of a draining leader.
    fn due(&self, bound: Nanos) -> Nanos {
        let lateness = self.scenario.lease / 5;
        self.now + self.scenario.drain + bound * 10 / 9 + lateness
    }

    /// From the service's thread to the election's.
    fn hand_over(&mut self, index: usize, input: Input) {
        let run = self.nodes[index].run;
        let is_busy = self.random.one_in(4);
        let longest = if is_busy { self.scenario.lease / 10 } else { 100 * MICROSECOND };
        let lasts = self.random.below(longest);
        let at = self.before_the_end(lasts);
        self.agenda.plan(at, Happening::Deliver { node: index, run, input });
    }

    fn block(&mut self, index: usize, lasts: Nanos) -> bool {
        let until = self.before_the_end(lasts);
        let node = &mut self.nodes[index];
        if self.now < node.silent_until {
            return false;
        }
        node.silent_until = until;
        let (run, stalled_at) = (node.run, self.now + self.scenario.max_stall);
        if stalled_at < until {
            for (at, input) in [(stalled_at, Input::Stalled), (until, Input::Resumed)] {
                self.agenda.plan(at, Happening::Deliver { node: index, run, input });
            }
        }
        true
    }

    fn strike_server(&mut self, fault: &Fault) -> bool {
        if !self.server.is_up || self.now < self.server.refuses_until {
            return false;
        }
        match *fault {
            Fault::Restart { keeps, lasts } => {
                self.server.is_up = false;
                self.break_all();
                let at = self.before_the_end(lasts);
                self.agenda.plan(at, Happening::Comeback { keeps, closes_connections: true });
            }
            Fault::Promote { lost, lasts, moves_connections } => {
                let at = self.before_the_end(lasts);
                self.server.refuses_until = at;
                let keeps = if lost > 0 { Keeps::Some(lost) } else { Keeps::All };
                let closes_connections = !moves_connections;
                self.agenda.plan(at, Happening::Comeback { keeps, closes_connections });
            }
            Fault::Wipe => {
                self.past_grants.note_loss();
                self.server.wipe();
            }
            Fault::Corrupt => {
                self.past_grants.note_loss();
                self.server.corrupt();
            }
            Fault::StepClock { seconds } => self.server.step_clock(seconds),
            Fault::Refuse { lasts } => self.server.refuses_until = self.before_the_end(lasts),
            Fault::Busy { lasts } => self.server.busy_until = self.before_the_end(lasts),
            Fault::CutAll => self.break_all(),
            Fault::Forge { lasts, every } => {
                let until = self.before_the_end(lasts);
                self.forge(until, every);
            }
            _ => return false,
        }
        true
    }
}
