//! One node's service: when it starts, what it asks, and when nothing of it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::node::Process;
use super::{Happening, NEVER, Wire, World};
use crate::election::{Election, Tenure};
use crate::simulation::bug::Bug;
use crate::simulation::clock::Nanos;
use crate::simulation::invariants::{Fact, Stage};

impl World {
    /// `start()`, in a new process if there is none.
    pub(super) fn start(&mut self, index: usize) {
        let frozen_until = self.nodes[index].frozen_until.max(self.nodes[index].silent_until);
        if self.now < frozen_until {
            return self.agenda.plan(frozen_until, Happening::Start(index));
        }
        self.touched.insert(index);
        if self.nodes[index].process.is_none() {
            let process = self.new_process(index);
            self.past_grants.forget_reader(index);
            self.nodes[index].process = Some(process);
        }
        let node = &mut self.nodes[index];
        let Some(process) = &mut node.process else { return };
        match process.stage {
            Stage::Down => {}
            Stage::Stopping => {
                node.is_start_wanted = true;
                return;
            }
            Stage::Opening | Stage::Running => return,
        }
        node.run += 1;
        node.is_start_wanted = false;
        process.stage = Stage::Opening;
        process.is_stopping = false;
        process.draining = None;
        process.known = 1;
        process.tenure.open();
        process.election.handle_start(node.clock.read(self.now));
        process.election.handle_fleet_size(node.clock.read(self.now), 1);
        self.invariants.heed(self.now, Fact::Started { node: index });
        self.story.tell(self.now, &node.name, || "starts".into());
        self.plan_connect(index, Wire::Commands, 0);
        self.plan_connect(index, Wire::Feed, 0);
    }

    fn new_process(&mut self, index: usize) -> Process {
        let draw = self.draw_of(index);
        let node = &mut self.nodes[index];
        node.born += 1;
        let id = node.id();
        let bond = Arc::new(AtomicBool::new(true));
        let asked = bond.clone();
        let tenure = Arc::new(Tenure::bound_to(move || asked.load(Ordering::SeqCst)));
        Process {
            election: Election::new(id, node.timing, tenure.clone(), draw)
                .with_candidacy(node.candidacy),
            tenure,
            bond,
            stage: Stage::Down,
            outstanding: None,
            registry: None,
            refresh_at: None,
            is_stopping: false,
            draining: None,
            known: 1,
        }
    }

    /// Asks whether it leads, now and at some later moment: at random, or when the deadline is near.
    pub(super) fn ask(&mut self, index: usize) {
        if self.ends_at == NEVER || self.now < self.ends_at {
            let until = self.nodes[index].leads_until();
            let near_deadline = until > self.now && self.random.one_in(2);
            let at = if near_deadline {
                until - 1 + self.random.below(3)
            } else {
                self.now + self.random.below(self.scenario.lease)
            };
            self.agenda.plan(at.max(self.now + 1), Happening::Ask(index));
        }
        self.ask_now(index);
    }

    fn ask_now(&mut self, index: usize) {
        let (now, node) = (self.now, &self.nodes[index]);
        let Some(process) = node.process.as_ref().filter(|_| now >= node.silent_until) else {
            return;
        };
        process.bond.store(node.holds(now), Ordering::SeqCst);
        let answer = process.tenure.is_valid(|| node.clock.read(now));
        let term = process.tenure.term();
        self.touched.insert(index);
        self.invariants.heed(now, Fact::Asked { node: index, term, answer });
    }

    // ---- Pauses -----------------------------------------------------------------------------------------------------

    /// The election's thread does not run until then.
    pub(super) fn freeze(&mut self, index: usize, until: Nanos) {
        let node = &mut self.nodes[index];
        node.frozen_until = node.frozen_until.max(until);
        self.agenda.plan(until, Happening::Thaw(index));
        self.touched.insert(index);
    }

    pub(super) fn thaw(&mut self, index: usize) {
        if self.nodes[index].is_frozen(self.now) {
            return;
        }
        self.touched.insert(index);
        if let Some(since) = self.nodes[index].asleep_since.take()
            && self.bug == Some(Bug::ClockSleeps)
        {
            self.nodes[index].clock.skip(since, self.now);
        }
        if self.scenario.asks && self.random.one_in(2) {
            self.ask_now(index);
        }
        if let Some((input, at)) = self.nodes[index].in_hand.take() {
            self.apply(index, input, at);
            self.turn(index);
        }
        // Timers and bytes are both due, and either may be seen first.
        if self.random.one_in(2) {
            self.wake(index);
        }
        while let Some(input) = self.nodes[index].inbox.pop_front() {
            let at = self.nodes[index].clock.read(self.now);
            self.apply(index, input, at);
            self.turn(index);
        }
        self.wake(index);
    }
}
