//! One node's process: the loop around the core, as the real driver runs it.

use super::commands::registry_patience;
use super::{Happening, Input, World};
use crate::election::{Command, Event, Instant, Reply, RequestId, Role, Term};
use crate::simulation::bug::Bug;
use crate::simulation::invariants::{Fact, Stage};

/// The loop goes round a few times in a turn at most; a core that keeps it going runs hot.
const ROUNDS: usize = 64;

impl World {
    pub(super) fn deliver(&mut self, index: usize, run: u64, input: Input) {
        let node = &mut self.nodes[index];
        if node.run != run || !node.is_running() {
            return;
        }
        // What came during a pause comes first, also at the very moment at which it ends.
        if node.is_frozen(self.now) || node.in_hand.is_some() || !node.inbox.is_empty() {
            return node.inbox.push_back(input);
        }
        let at = node.clock.read(self.now);
        if self.random.chance(self.network.preempts) {
            let lasts = self.random.below(3 * self.scenario.lease / 2);
            self.story.tell(self.now, &self.nodes[index].name, || {
                format!("has read its clock, and loses its processor for {} µs", lasts / 1000)
            });
            self.nodes[index].in_hand = Some((input, at));
            let until = self.before_the_end(lasts);
            return self.freeze(index, until);
        }
        self.apply(index, input, at);
        self.turn(index);
    }

    /// Timers are due: of answers that have not come, and of the core.
    pub(super) fn wake(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let now = node.clock.read(self.now);
        let Some(process) = &mut node.process else { return };
        if process.registry.is_some_and(|(.., deadline)| now >= deadline) {
            process.registry = None;
        }
        if process.outstanding.as_ref().is_some_and(|outstanding| now >= outstanding.deadline) {
            self.story
                .tell(self.now, &node.name, || "has waited for the answer for too long".into());
            self.fail(index, now);
        }
        self.turn(index);
    }

    /// The command under way has failed, as far as this node can know.
    fn fail(&mut self, index: usize, now: Instant) {
        let node = &mut self.nodes[index];
        let Some(process) = &mut node.process else { return };
        let Some(outstanding) = process.outstanding.take() else { return };
        node.failed_once = true;
        self.invariants.heed(self.now, Fact::Failed { node: index });
        if self.bug != Some(Bug::FailureUntold) {
            process.election.handle_failure(now, outstanding.id);
        }
    }

    pub(super) fn apply(&mut self, index: usize, input: Input, now: Instant) {
        let node = &mut self.nodes[index];
        let generation_now = node.commands.generation;
        let Some(process) = &mut node.process else { return };
        let takes_part = matches!(process.stage, Stage::Opening | Stage::Running);
        match input {
            Input::Answer { generation, id, reply } if generation == generation_now => {
                self.take_answer(index, id, reply, now);
            }
            Input::Answer { .. } => {}
            Input::Read { generation, number, reply } => {
                let given_up_at = process.registry.map(|(.., at)| at);
                if generation == generation_now
                    && process.registry.is_some_and(|(_, n, _)| n == number)
                {
                    process.registry = None;
                    if let Some(reply) = reply {
                        let patience = registry_patience(&node.timing);
                        let sent = given_up_at.map_or(now, |at| at - patience);
                        let is_early = self.bug == Some(Bug::SightFromSending);
                        self.observe(index, reply, if is_early { sent } else { now });
                        self.tell_fleet(index, now);
                    }
                }
            }
            Input::Connected => {
                process.election.handle_connected(now);
                if takes_part {
                    process.refresh_at = Some(now);
                    self.spread_news();
                }
                self.tell_fleet(index, now);
            }
            Input::Disconnected { generation } => {
                if process.registry.is_some_and(|(g, ..)| g == generation) {
                    process.registry = None;
                }
                if self.bug != Some(Bug::EndUnheard) {
                    process.election.handle_disconnected(now);
                }
                node.commands.cuts.retain(|(cut, _)| *cut > generation);
                if process.outstanding.as_ref().is_some_and(|o| o.generation == generation) {
                    self.fail(index, now);
                }
            }
            Input::Subscribed if takes_part => {
                process.election.handle_subscribed(now);
                process.stage = Stage::Running;
                self.tell_fleet(index, now);
            }
            Input::Subscribed => {}
            Input::Unsubscribed => process.election.handle_unsubscribed(now),
            Input::Announced(announcement) => {
                process.election.handle_announcement(now, announcement)
            }
            Input::Stop if takes_part => {
                process.stage = Stage::Stopping;
                process.election.handle_stop(now);
            }
            Input::Reelect if takes_part => process.election.handle_reelect(now),
            Input::Transfer(heir) if takes_part => process.election.handle_transfer(now, heir),
            Input::Stop | Input::Reelect | Input::Transfer(_) => {}
            Input::Drained(term) => {
                if process.draining.take_if(|draining| *draining == term).is_some() {
                    process.election.handle_drained(now);
                }
            }
            Input::Overrun(term) => {
                if process.draining.take_if(|draining| *draining == term).is_some() {
                    self.invariants.heed(self.now, Fact::Overran { node: index, term });
                    if self.bug == Some(Bug::OverrunDrains) {
                        process.election.handle_drained(now);
                    } else {
                        process.election.handle_drain_overrun(now);
                    }
                }
            }
            Input::Stalled => process.election.handle_stalled(now),
            Input::Resumed => process.election.handle_resumed(now),
            Input::Fleet => self.tell_fleet(index, now),
        }
    }

    /// The instances that are there, as one that reads the registry knows them.
    fn tell_fleet(&mut self, index: usize, now: Instant) {
        let own = self.nodes[index].candidacy.priority;
        let there: Vec<_> = self.nodes.iter().filter(|node| node.takes_part()).collect();
        let rivals = there
            .iter()
            .filter(|node| node.candidacy.is_eligible && node.candidacy.priority > own)
            .map(|node| (node.id(), node.candidacy.priority))
            .collect();
        let size = if self.scenario.fleet > 8 { self.scenario.fleet } else { there.len() };
        let Some(process) = &mut self.nodes[index].process else { return };
        process.known = size;
        let is_overcounted = self.bug == Some(Bug::FleetOvercounted);
        process.election.handle_fleet_size(now, if is_overcounted { 2 * size } else { size });
        if self.bug != Some(Bug::RivalsUntold) {
            process.election.handle_rivals(rivals);
        }
    }

    /// An instance came or went, and all who hear are told.
    pub(super) fn spread_news(&mut self) {
        for index in 0..self.nodes.len() {
            let delay = self.delay(index);
            let node = &self.nodes[index];
            if node.feed.stands() && self.now >= node.deaf_until {
                let (at, run) = (self.now + delay, node.run);
                let input = Input::Fleet;
                self.agenda.plan(at, Happening::Deliver { node: index, run, input });
            }
        }
    }

    fn take_answer(&mut self, index: usize, id: RequestId, reply: Option<Reply>, now: Instant) {
        let node = &mut self.nodes[index];
        let Some(process) = &mut node.process else { return };
        let Some(outstanding) = process
            .outstanding
            .take_if(|o| o.id == id || self.bug == Some(Bug::AnswerToWhoeverWaits))
        else {
            // It comes too late: the core was told that the command failed, and has to know that by itself.
            if let Some(reply) = reply {
                process.election.handle_reply(now, id, reply);
            }
            return;
        };
        let Some(reply) = reply else {
            process.outstanding = Some(outstanding);
            return self.fail(index, now);
        };
        let (sent, command) = (outstanding.sent, &outstanding.command);
        self.past_grants.note_read(index, reply.shown.record.term);
        let fact = Fact::Answered { node: index, sent, command, reply: &reply };
        self.invariants.heed(self.now, fact);
        let now = if self.bug == Some(Bug::SightFromSending) { sent } else { now };
        if reply.granted {
            node.commands.is_lifeline = reply.shown.record.presence.is_some();
        }
        process.election.handle_reply(now, outstanding.id, reply);
    }

    /// The register, read beside something else.
    fn observe(&mut self, index: usize, reply: Reply, now: Instant) {
        let Some(process) = &mut self.nodes[index].process else { return };
        let is_taking = process
            .outstanding
            .as_ref()
            .is_some_and(|outstanding| matches!(outstanding.command, Command::Take { .. }));
        let is_reigning = matches!(process.election.role(), Role::Leader | Role::Draining);
        if !is_taking && !is_reigning && process.stage != Stage::Stopping {
            self.past_grants.note_read(index, reply.shown.record.term);
        }
        process.election.handle_observation(now, reply);
    }

    /// What the driver does after each input: what is due goes out, and what happened is told.
    pub(super) fn turn(&mut self, index: usize) {
        self.touched.insert(index);
        self.ran.insert(index);
        for _ in 0..ROUNDS {
            let node = &mut self.nodes[index];
            let mut now = node.clock.read(self.now);
            if self.bug == Some(Bug::DatedFromAnswer) {
                now = now + node.timing.command_timeout();
            }
            let Some(process) = &mut node.process else { return };
            let takes_part = matches!(process.stage, Stage::Running | Stage::Stopping);
            let request = takes_part.then(|| process.election.poll_command(now)).flatten();
            let has_sent = request.is_some();
            if let Some(request) = request {
                self.send(index, request);
            }
            self.refresh(index);
            let has_changed = self.tell_events(index);
            if !has_sent && !has_changed {
                return;
            }
        }
    }

    /// True when an event has led to something that the core has to hear of.
    fn tell_events(&mut self, index: usize) -> bool {
        let mut has_changed = false;
        loop {
            let Some(process) = &mut self.nodes[index].process else { return has_changed };
            let Some(event) = process.election.poll_event() else { return has_changed };
            self.tell(index, &event);
            match event {
                Event::Elected { .. } => self.outcome.reigns += 1,
                Event::Draining { term, .. } => has_changed |= self.drain(index, term),
                Event::Stopped => self.close(index),
                _ => {}
            }
        }
    }

    fn tell(&mut self, node: usize, event: &Event) {
        self.story.tell(self.now, &self.nodes[node].name, || format!("tells {event:?}"));
        let is_untold = match event {
            Event::Defeated { .. } => self.bug == Some(Bug::LossUntold),
            Event::Stopped => self.bug == Some(Bug::StopUntold),
            _ => false,
        };
        if !is_untold {
            self.invariants.heed(self.now, Fact::Told { node, event });
        }
        if self.bug == Some(Bug::ToldTwice) {
            self.invariants.heed(self.now, Fact::Told { node, event });
        }
    }

    /// The leader's work settles, at once or after a while.
    fn drain(&mut self, index: usize, term: Term) -> bool {
        let lasts = self.random.below(self.scenario.drain + 1);
        let limit = self.scenario.drain_limit;
        let node = &mut self.nodes[index];
        if lasts > 0 {
            let run = node.run;
            let settled_at = self.now + lasts;
            let mut plan = |at, input| {
                self.last_drain = self.last_drain.max(at);
                self.agenda.plan(at, Happening::Deliver { node: index, run, input });
            };
            if lasts > limit {
                plan(self.now + limit, Input::Overrun(term));
            }
            plan(settled_at, Input::Drained(term));
            if let Some(process) = &mut node.process {
                process.draining = Some(term);
            }
        } else if let Some(process) = &mut node.process {
            process.election.handle_drained(node.clock.read(self.now));
        }
        lasts == 0
    }

    /// The run is over.
    fn close(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.run += 1;
        node.commands.abandon();
        node.feed.close();
        node.inbox.clear();
        if let Some(process) = &mut node.process {
            process.stage = Stage::Down;
            process.outstanding = None;
            process.registry = None;
            process.refresh_at = None;
        }
        if std::mem::take(&mut node.is_start_wanted) {
            self.agenda.plan(self.now, Happening::Start(index));
        }
        self.spread_news();
    }
}
