//! What happens at the server: commands are applied, answered and announced; servers go and come.

use super::commands::in_words;
use super::{Asked, Happening, Input, Parcel, Wire, World};
use crate::election::{Announcement, Command, Identity, Record, Reply, Term};
use crate::simulation::bug::Bug;
use crate::simulation::clock::Nanos;
use crate::simulation::fault::Keeps;
use crate::simulation::invariants::Fact;
use crate::simulation::server::Circumstances;

/// The highest term granted, and what excuses one that is not higher.
#[derive(Debug, Default)]
pub(super) struct PastGrants {
    highest: Term,
    /// Data were lost since it was granted.
    is_lost: bool,
    /// The highest term that each node read or was granted.
    read: Vec<Term>,
}

impl PastGrants {
    pub fn note_loss(&mut self) {
        self.is_lost = true;
    }

    pub fn note_read(&mut self, node: usize, term: Term) {
        if self.read.len() <= node {
            self.read.resize(node + 1, Term::ZERO);
        }
        if term < Term::LIMIT {
            self.read[node] = self.read[node].max(term);
        }
    }

    pub fn forget_reader(&mut self, node: usize) {
        if let Some(read) = self.read.get_mut(node) {
            *read = Term::ZERO;
        }
    }

    /// Whether a grant to `node` at the server's `time_us` need not be higher than all before.
    fn excuses(&self, node: usize, time_us: u64) -> bool {
        let read = self.read.get(node).copied().unwrap_or_default();
        self.is_lost && time_us <= self.highest.0 && read < self.highest
    }

    fn note_grant(&mut self, term: Term) {
        if term > self.highest {
            (self.highest, self.is_lost) = (term, false);
        }
    }
}

impl World {
    pub(super) fn arrive(&mut self, mut parcel: Box<Parcel>) {
        if self.now < self.server.busy_until {
            let at = self.server.busy_until;
            return self.plan_arrival(at, parcel);
        }
        let stands = self.is_standing(&parcel) && !parcel.is_stray;
        if !stands && !self.outlives_its_connection(&mut parcel) {
            return;
        }
        if !self.server.is_up {
            return;
        }
        let is_refused = self.now < self.server.refuses_until
            || (parcel.on_replica && self.bug != Some(Bug::WritableReplica));
        let reply = if is_refused {
            self.story
                .tell(self.now, "server", || format!("refuses {}", in_words(&parcel.command)));
            None
        } else {
            Some(self.execute(&parcel))
        };
        if stands && !self.random.chance(self.network.loses_answers) {
            self.answer(&parcel, reply);
        }
    }

    /// What was under way on a connection that broke is lost, or lands, or lands much later. Called once for each such moment.
    fn outlives_its_connection(&mut self, parcel: &mut Box<Parcel>) -> bool {
        if self.scenario.hides_identity && parcel.epoch != self.server.epoch() {
            // The identity is the connection, and the connection went down with its server.
            return false;
        }
        if parcel.is_stray || self.quiet_since.is_some() {
            return true;
        }
        match self.random.below(4) {
            0 | 1 => false,
            2 => true,
            _ => {
                let at = self.now + self.random.below(3 * self.scenario.lease);
                parcel.is_stray = true;
                let late = parcel.clone();
                self.story.tell(self.now, "network", || {
                    format!("holds {}'s {} back", self.nodes[late.node].name, late.command.name())
                });
                self.plan_arrival(at, late);
                false
            }
        }
    }

    fn execute(&mut self, parcel: &Parcel) -> Reply {
        let Parcel { node, command, .. } = parcel;
        let number = (*node as u64) << 32 | parcel.generation;
        let identity = self.scenario.hides_identity.then_some(Identity::Connection(number));
        let time_us = self.server.time_us(self.now);
        let circumstances = self.circumstances(parcel, identity);
        let (reply, announcement) =
            self.server.execute(self.now, command, circumstances, parcel.on_replica);
        self.story.tell(self.now, "server", || {
            let verdict = match (reply.granted, reply.missing) {
                (true, _) => "grants",
                (false, true) => "has no register for",
                (false, false) if matches!(command, Command::Peek { .. }) => "answers",
                (false, false) => "refuses",
            };
            let stray = if parcel.is_stray { " (late or doubled)" } else { "" };
            let shown = record_in_words(&reply.shown.record);
            format!("{verdict} {}'s {}{stray}: {shown}", self.nodes[*node].name, in_words(command))
        });
        if reply.granted {
            let fact = Fact::Granted { node: *node, command, reply: &reply };
            self.invariants.heed(self.now, fact);
        }
        if reply.granted && matches!(command, Command::Take { .. }) {
            let term = reply.shown.record.term;
            let is_excused = self.past_grants.excuses(*node, time_us);
            self.past_grants.note_grant(term);
            self.invariants.heed(self.now, Fact::Taken { node: *node, term, is_excused });
        }
        if let Some(announcement) = announcement {
            self.announce(announcement);
        }
        reply
    }

    /// Who is connected to the server at this moment, and which of them speaks.
    fn circumstances(&self, parcel: &Parcel, identity: Option<Identity>) -> Circumstances {
        if !self.scenario.shows_connections {
            return Circumstances { identity, ..Circumstances::default() };
        }
        let standing = self.nodes.iter().enumerate().filter(|(_, node)| node.commands.stands());
        Circumstances {
            identity,
            caller: self.nodes[parcel.node].presence(parcel.node, parcel.generation),
            present: standing
                .filter_map(|(index, node)| node.presence(index, node.commands.generation))
                .collect(),
        }
    }

    fn answer(&mut self, parcel: &Parcel, reply: Option<Reply>) {
        let Parcel { node, run, generation, asked, .. } = *parcel;
        let delay = self.delay(node);
        let at = self.nodes[node].commands.arrival_down(self.now + delay);
        let input = match asked {
            Asked::Election(id) => Input::Answer { generation, id, reply },
            Asked::Registry(number) => Input::Read { generation, number, reply },
        };
        self.agenda.plan(at, Happening::Deliver { node, run, input });
    }

    pub(super) fn announce(&mut self, announcement: Announcement) {
        if self.announced.len() == 8 {
            self.announced.remove(0);
        }
        self.announced.push(announcement.clone());
        for node in 0..self.nodes.len() {
            self.carry(node, &announcement);
        }
    }

    /// To one node, if it is subscribed, in order, unless something goes wrong.
    pub(super) fn carry(&mut self, node: usize, announcement: &Announcement) {
        let is_lost = self.now < self.nodes[node].deaf_until
            || self.random.chance(self.network.loses_announcements);
        if !self.nodes[node].feed.stands() || is_lost || self.bug == Some(Bug::Unheard) {
            return;
        }
        let delay = self.delay(node);
        let mut at = self.nodes[node].feed.arrival_down(self.now + delay);
        if self.random.chance(self.network.delays_announcements) {
            at += self.random.below(2 * self.scenario.lease);
        }
        let run = self.nodes[node].run;
        let input = Input::Announced(announcement.clone());
        if self.random.chance(self.network.doubles_announcements) {
            let later = self.random.below(2 * self.scenario.lease);
            self.plan_hint(at + later, Happening::Deliver { node, run, input: input.clone() });
        }
        self.plan_hint(at, Happening::Deliver { node, run, input });
    }

    fn plan_hint(&mut self, at: Nanos, delivery: Happening) {
        if self.quiet_since.is_none() {
            self.last_hint = self.last_hint.max(at);
        }
        self.agenda.plan(at, delivery);
    }

    pub(super) fn come_back(&mut self, keeps: Keeps, closes_connections: bool) {
        if keeps != Keeps::All {
            self.past_grants.note_loss();
        }
        self.server.replace(keeps);
        self.story.tell(self.now, "server", || {
            let stored = self.server.stored().map(record_in_words);
            format!(
                "serves again as {}: {}",
                self.server.epoch(),
                stored.unwrap_or("no register".into())
            )
        });
        if closes_connections || self.scenario.hides_identity {
            self.break_all();
        }
    }

    pub(super) fn break_all(&mut self) {
        for node in 0..self.nodes.len() {
            self.break_line(node, Wire::Commands);
            self.break_line(node, Wire::Feed);
        }
    }
}

fn record_in_words(record: &Record) -> String {
    let stamp = record.stamp.as_str();
    match &record.holder {
        Some(holder) => {
            format!(
                "{} holds term {} at beat {} [{stamp}]",
                holder.as_str(),
                record.term,
                record.beat
            )
        }
        None if record.is_placeholder() => format!("a placeholder [{stamp}]"),
        None => format!("vacant after term {} [{stamp}]", record.term),
    }
}
