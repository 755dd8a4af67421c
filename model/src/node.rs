//! What a node sends, and what it makes of the answers. As in the library: one decision by level, one verb for each answer.

use crate::configuration::Configuration;
use crate::order;
use crate::register::{is_vacated_here, names_server};
use crate::rules::Rule;
use crate::world::{
    Broken, Command, Heard, Kind, Pending, Phase, Reign, Reply, Seen, Sight, Term, World, node_of,
    run_of, token,
};

/// The ground of a take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    Read,
    Heard,
    Announced,
    /// Its own record (only where `OwnRecord` is off).
    Own,
}

pub struct Part<'a> {
    pub world: &'a mut World,
    pub i: usize,
    pub configuration: &'a Configuration,
}

impl Part<'_> {
    fn holds(&self, rule: Rule) -> bool {
        self.configuration.off.holds(rule)
    }

    pub fn node(&mut self) -> &mut crate::world::Node {
        &mut self.world.nodes[self.i]
    }

    fn token(&self) -> u8 {
        token(self.i, self.world.nodes[self.i].run)
    }

    fn send(&mut self, holder: u8, term: Term, kind: Kind) {
        let reused = self.node().again.take().filter(|_| matches!(kind, Kind::Renew { .. }));
        let stamp = reused.unwrap_or_else(|| self.world.fresh_stamp());
        let i = self.i;
        if self.node().pending.is_some() {
            order::lingers(self.world, i);
            let before = self.node().pending.take();
            self.node().lingering = before;
        }
        order::sends(self.world, i);
        let lease = self.node().lease;
        let command = Command { holder, term, stamp, lease, kind };
        self.node().pending = Some(Pending { command, answer: None, stale: false, judged: false });
        let is_take =
            |p: &Option<Pending>| p.is_some_and(|p| matches!(p.command.kind, Kind::Take { .. }));
        if is_take(&self.node().pending) && is_take(&self.node().lingering) {
            self.world.break_with(Broken::TwoTakes);
        }
    }

    pub fn send_peek(&mut self) {
        let holder = self.token();
        self.send(holder, 0, Kind::Peek);
    }

    pub fn send_renewal(&mut self) {
        let holder = self.token();
        let Some(reign) = &mut self.node().reign else { return };
        reign.beat += 1;
        let kind = Kind::Renew { beat: reign.beat, over: reign.over.take() };
        let term = reign.term;
        self.send(holder, term, kind);
    }

    /// A drained reign ends here, before the release is sent.
    pub fn send_release(&mut self) {
        let holder = self.token();
        if let Some(reign) = self.node().reign.take() {
            self.node().ended = reign.term;
            self.node().owed = Some((holder, reign.term));
        }
        if let Some((holder, term)) = self.node().owed {
            self.send(holder, term, Kind::Release);
        }
    }

    pub fn send_take(&mut self, ground: Ground) {
        let Some((seen, watched_since)) = permit(self.world, self.i, self.configuration, ground)
        else {
            return;
        };
        if let Some(order) = watched_since {
            order::has_elapsed(self.world, self.i, order);
        }
        self.node().announced = None;
        let (holder, floor) = (self.token(), self.node().floor);
        self.send(holder, 0, Kind::Take { seen, floor });
    }

    /// The deadline has passed, and the core has noticed; the register may still name this node.
    pub fn expire(&mut self) {
        let (holder, owes) = (self.token(), self.holds(Rule::OwnRecord));
        if let Some(reign) = self.node().reign.take() {
            self.node().ended = reign.term;
            self.node().owed = owes.then_some((holder, reign.term));
        }
    }

    /// Every entrance of the core looks at the clock first.
    pub fn settle(&mut self) {
        if self.node().reign.is_some_and(|reign| reign.past || reign.latched) {
            self.expire();
        }
    }

    pub fn fail(&mut self, answer_may_come: bool) {
        let i = self.i;
        let Some(pending) = self.node().pending.take() else { return };
        match pending.command.kind {
            Kind::Take { .. } => self.node().in_doubt = true,
            Kind::Peek if self.node().phase == Phase::Stopping => self.node().in_doubt = false,
            Kind::Renew { .. } if !self.holds(Rule::FreshStamp) => {
                self.node().again = Some(pending.command.stamp);
            }
            _ => {}
        }
        if answer_may_come {
            order::lingers(self.world, i);
            self.node().lingering = Some(pending);
        }
    }

    pub fn receive(&mut self, lingering: bool) {
        let taken =
            if lingering { self.node().lingering.take() } else { self.node().pending.take() };
        let Some(pending) = taken else { return };
        let Some(reply) = pending.answer else { return };
        match pending.command.kind {
            Kind::Peek => self.see(reply),
            Kind::Renew { beat, .. } => self.conclude_renewal(&pending, beat, reply, lingering),
            Kind::Take { seen, .. } => self.conclude_take(&pending, seen, reply, lingering),
            Kind::Release => {
                self.node().owed = None;
                self.see(reply);
            }
        }
    }

    fn conclude_take(&mut self, pending: &Pending, seen: Seen, mut reply: Reply, lingering: bool) {
        let (holder, i) = (self.token(), self.i);
        let Reply { granted, record, .. } = reply;
        let is_granted = granted
            && record.holder == pending.command.holder
            && record.holder == holder
            && record.stamp == pending.command.stamp
            && (record.term > self.node().floor || !self.holds(Rule::TermFloor))
            && record.term < crate::world::TERM_LIMIT;
        if !is_granted {
            if !self.holds(Rule::SightIdentity) && record.stamp == seen.stamp {
                // The answer does not say under which identity it was read: the sight seems to be the old one.
                if let Some(sight) = &mut self.node().sight {
                    sight.identity = reply.identity;
                }
            }
            reply.granted = false;
            return self.see(reply);
        }
        self.node().floor = record.term;
        self.node().in_doubt = false;
        self.node().forget_sights();
        let closed = self.node().closed && self.holds(Rule::StopCloses);
        let is_running =
            (self.node().phase == Phase::Running || !self.holds(Rule::StopCloses)) && !closed;
        if is_running && !pending.stale {
            self.lead(record.term);
            order::is_valid_by(self.world, i, lingering);
        } else {
            self.node().owed = Some((holder, record.term));
        }
    }

    fn lead(&mut self, term: Term) {
        let holder = self.token();
        if self.world.ghost.owners.get(usize::from(term)) != Some(&holder) {
            self.world.break_with(Broken::NotGranted);
        }
        if self.node().ended == term {
            self.world.break_with(Broken::Revived);
        }
        if self.node().phase != Phase::Running || self.node().closed {
            self.world.break_with(Broken::LedAfterStop);
        }
        self.node().owed = None;
        self.node().reign = Some(Reign {
            term,
            beat: 0,
            over: None,
            draining: false,
            past: false,
            latched: false,
            told_no: false,
        });
    }

    fn conclude_renewal(&mut self, pending: &Pending, beat: u8, reply: Reply, lingering: bool) {
        let (holder, i) = (self.token(), self.i);
        let Reply { granted, record, identity, .. } = reply;
        let over =
            Seen { identity, holder: 0, term: record.term, stamp: record.stamp, watched: false };
        let asserts_own = self.holds(Rule::AssertOwnRecord) && !self.configuration.anonymous;
        let (asserts, latches) = (self.holds(Rule::Assert), self.holds(Rule::Latch));
        let accepts = !self.holds(Rule::EndBeforeRelease);
        let Some(reign) = self.world.nodes[i].reign else {
            let is_own = granted && record.holder == holder && !pending.stale;
            if is_own && accepts && self.node().phase == Phase::Running {
                self.lead(record.term);
                return order::is_valid_by(self.world, i, lingering);
            }
            return self.see(reply);
        };
        let is_ours = record.holder == holder && record.term == reign.term;
        if granted && is_ours {
            if latches && reign.latched {
                return self.expire();
            }
            if !pending.stale {
                if reign.told_no {
                    self.world.break_with(Broken::Revived);
                }
                let reign = self.node().reign.as_mut().expect("it was there above");
                (reign.past, reign.latched) = (false, false);
                if asserts_own && record.server != identity {
                    reign.over = Some(over);
                }
                order::is_valid_by(self.world, i, lingering);
            }
        } else if record.term < reign.term && asserts {
            if let Some(reign) = &mut self.node().reign {
                reign.over = Some(over);
            }
        } else if !(is_ours && record.beat >= beat) {
            self.node().reign = None;
            self.node().ended = reign.term;
            self.see(reply);
        }
    }

    /// Takes note of the register as it was read.
    pub fn see(&mut self, reply: Reply) {
        if self.node().reign.is_some() {
            return;
        }
        let i = self.i;
        let Reply { record, identity, missing, .. } = reply;
        if missing && self.holds(Rule::MissingIsNoSight) {
            return self.node().forget_sights();
        }
        let (waits, owes) = (self.holds(Rule::LongestLease), self.holds(Rule::OwnRecord));
        let names_this_server = names_server(&record, identity, self.configuration);
        let (is_new_elsewhere, missing_counts) =
            (self.holds(Rule::SightIdentity), !self.holds(Rule::MissingIsNoSight));
        let node = self.node();
        node.in_doubt = false;
        node.floor = node.floor.max(record.term);
        if waits {
            node.patience = node.patience.max(record.lease);
        }
        read(node, record, identity, is_new_elsewhere, missing_counts);
        if node_of(record.holder) == Some(i) && node.phase != Phase::Idle {
            if node.owed.is_none() && owes && names_this_server {
                node.owed = Some((record.holder, record.term));
            }
            self.adopt(record.holder, record.term);
        }
    }

    /// What a node must never do: lead by what it reads.
    fn adopt(&mut self, holder: u8, term: Term) {
        let is_this_run = run_of(holder) == self.node().run;
        let adopts =
            if is_this_run { !self.holds(Rule::NoAdoption) } else { !self.holds(Rule::OwnRunOnly) };
        if !adopts || self.node().phase != Phase::Running || self.node().ended == term {
            return;
        }
        let i = self.i;
        self.lead(term);
        self.node().forget_sights();
        if self.node().lingering.is_some() {
            order::is_valid_by(self.world, i, true);
        } else {
            order::is_valid_from_now(self.world, i);
        }
    }
}

/// What a take on this ground would name, and since when it has been watched; `None`: it must not be sent.
pub fn permit(
    world: &World,
    i: usize,
    configuration: &Configuration,
    ground: Ground,
) -> Option<(Seen, Option<order::Order>)> {
    let node = &world.nodes[i];
    let Sight { record, identity, order } = node.sight?;
    // One that another server was given is watched like anybody's.
    let is_to_be_released =
        names_server(&record, identity, configuration) || !configuration.off.holds(Rule::OwnRecord);
    let is_own = node_of(record.holder) == Some(i) && is_to_be_released;
    if is_own != (ground == Ground::Own) {
        return None;
    }
    let seen =
        |holder, stamp, watched| Seen { identity, holder, term: record.term, stamp, watched };
    match ground {
        Ground::Read if is_vacated_here(&record, identity, configuration) => {
            let watched = !configuration.off.holds(Rule::VacancyIdentity);
            Some((seen(0, record.stamp, watched), None))
        }
        Ground::Read => Some((seen(record.holder, record.stamp, true), Some(order))),
        Ground::Heard => {
            let Heard { stamp, order } = node.heard?;
            Some((seen(record.holder, stamp, true), Some(order)))
        }
        Ground::Announced => Some((seen(0, node.announced?, false), None)),
        Ground::Own => Some((seen(record.holder, record.stamp, true), None)),
    }
}

fn read(
    node: &mut crate::world::Node,
    record: crate::world::Record,
    identity: u8,
    is_new_elsewhere: bool,
    missing_counts: bool,
) {
    let before = node.sight;
    if before.is_some_and(|sight| sight.record == record && sight.identity == identity) {
        return;
    }
    if before.is_some_and(|sight| sight.identity != identity) && is_new_elsewhere {
        node.forget_sights();
    }
    let heard = node.heard;
    let mut began = order::begins_now();
    if let Some(heard) = heard.filter(|heard| heard.stamp == record.stamp) {
        began = heard.order;
    }
    if let Some(sight) = before {
        let is_same_elsewhere = !is_new_elsewhere && sight.record.stamp == record.stamp;
        let is_still_missing =
            missing_counts && sight.record.is_placeholder() && record.is_placeholder();
        if is_same_elsewhere || is_still_missing {
            began = sight.order;
        }
        if sight.record.holder != record.holder || sight.record.term != record.term {
            node.heard = None;
        }
    }
    node.announced = None;
    node.sight = Some(Sight { record, identity, order: began });
}
