//! Connections: how they are made, how they break, and how late that is noticed.

use super::node::Line;
use super::{Happening, Input, Wire, World};
use crate::simulation::bug::Bug;
use crate::simulation::clock::{MILLISECOND, Nanos};
use crate::simulation::scenario::{NEWS_OF_CLOSING, nanos};

/// The first wait before another attempt; each later one is twice as long, below a quarter of the lease.
const FIRST_WAIT: Nanos = 10 * MILLISECOND;

impl World {
    pub(super) fn line(&mut self, node: usize, wire: Wire) -> &mut Line {
        match wire {
            Wire::Commands => &mut self.nodes[node].commands,
            Wire::Feed => &mut self.nodes[node].feed,
        }
    }

    /// An attempt, after `wait` and the round trip that it takes.
    pub(super) fn plan_connect(&mut self, node: usize, wire: Wire, wait: Nanos) {
        let round_trip = 2 * self.delay(node);
        let generation = self.line(node, wire).generation;
        let at = self.now + wait + round_trip;
        self.agenda.plan(at, Happening::Connect { node, wire, generation });
    }

    pub(super) fn connect(&mut self, node: usize, wire: Wire, generation: u64) {
        let (now, is_served) =
            (self.now, self.server.is_up && self.now >= self.server.refuses_until);
        let epoch = self.server.epoch();
        let line = self.line(node, wire);
        if line.generation != generation || line.is_up {
            return;
        }
        let is_open = now >= line.up_held_until && now >= line.down_held_until;
        if is_served && is_open {
            line.is_up = true;
            line.is_broken = false;
            line.failures = 0;
            line.epoch = epoch;
            (line.up_free_at, line.down_free_at) = (now, now);
            self.story.tell(now, &self.nodes[node].name, || format!("connects ({wire:?})"));
            let run = self.nodes[node].run;
            let input = match wire {
                Wire::Commands => Input::Connected,
                Wire::Feed => Input::Subscribed,
            };
            self.deliver(node, run, input);
        } else {
            line.failures += 1;
            let doubled = FIRST_WAIT << line.failures.min(8);
            let limit = nanos(self.nodes[node].timing.lease()) / 4;
            let full = doubled.min(limit);
            let wait = full / 2 + self.random.below(full / 2);
            self.plan_connect(node, wire, wait);
        }
    }

    /// The connection is gone; the node notices now, soon, or when it next hears nothing.
    pub(super) fn break_line(&mut self, node: usize, wire: Wire) {
        let lease = self.scenario.lease;
        let delay = match self.random.below(4) {
            0 => 0,
            1 | 2 => self.random.below(20 * MILLISECOND),
            _ if self.quiet_since.is_none() => self.random.below(2 * lease),
            _ => 0,
        };
        let noticed_at = self.before_the_end(delay);
        let news = self.random.below(NEWS_OF_CLOSING);
        let cut_at = self.now + news;
        let is_kernel_asked = self.bug != Some(Bug::KernelUnasked);
        let line = self.line(node, wire);
        if !line.stands() {
            return;
        }
        line.is_broken = true;
        let generation = line.generation;
        if is_kernel_asked {
            line.cuts.push((generation, cut_at));
        }
        self.touched.insert(node);
        self.agenda.plan(noticed_at, Happening::Notice { node, wire, generation });
    }

    pub(super) fn notice_loss(&mut self, node: usize, wire: Wire, generation: u64) {
        let line = self.line(node, wire);
        if line.generation != generation || !line.is_up {
            return;
        }
        line.close();
        self.story.tell(self.now, &self.nodes[node].name, || {
            format!("has lost its connection ({wire:?})")
        });
        if wire == Wire::Feed && self.bug == Some(Bug::NoResubscription) {
            return;
        }
        self.plan_connect(node, wire, FIRST_WAIT / 2);
        let run = self.nodes[node].run;
        let input = match wire {
            Wire::Commands => Input::Disconnected { generation },
            Wire::Feed => Input::Unsubscribed,
        };
        self.deliver(node, run, input);
    }

    /// One way between a node and the server, at this moment.
    pub(super) fn delay(&mut self, node: usize) -> Nanos {
        self.nodes[node].latency_at(self.now) + self.random.below(self.network.jitter + 1)
    }
}
