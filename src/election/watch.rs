//! What a node has seen of the register, and since when: the ground on which it may take over.

use std::cmp::max;
use std::time::Duration;

use super::command::Seen;
use super::record::{Holder, InstanceId, Observation, Stamp, Term};
use super::timing::Instant;

/// Everything in here belongs to one identity, the one last read. A read under another identity starts the watch anew.
#[derive(Debug, Default)]
pub(super) struct Watch {
    read: Option<Sight>,
    heard: Option<Heard>,
    announced: Option<Announced>,
    /// Since when the connection that the holder's reign depends on is known to be gone.
    deserted: Option<Instant>,
}

/// The register as last read.
#[derive(Debug)]
pub(super) struct Sight {
    pub observation: Observation,
    /// The receipt of the first read that showed this stamp.
    pub since: Instant,
    /// The receipt of the last one.
    pub latest: Instant,
    doubt: Doubt,
}

/// Whether a hint said that the register is not any more as it was read. Anybody may give hints, so one sight is doubted once at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    None,
    Raised,
    /// Another read has shown the same.
    Settled,
}

/// A heartbeat of the holder and term that were read: a sight of its own.
#[derive(Debug)]
struct Heard {
    stamp: Stamp,
    beat: u64,
    received: Instant,
}

#[derive(Debug)]
struct Announced {
    stamp: Stamp,
    received: Instant,
    heir: Option<InstanceId>,
}

/// The earliest moment at which the register may be taken, as far as the watch goes.
#[derive(Debug)]
pub(super) struct Permit {
    pub at: Instant,
    pub seen: Seen,
    /// Whom it was left to.
    pub heir: Option<InstanceId>,
}

impl Watch {
    pub fn sight(&self) -> Option<&Sight> {
        self.read.as_ref()
    }

    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// A read of the register. An unchanged stamp keeps the moment of its first receipt.
    /// Tells whether it showed anything new.
    pub fn read(&mut self, now: Instant, observation: Observation) -> bool {
        if let Some(sight) = &mut self.read {
            if sight.observation == observation {
                sight.latest = now;
                if sight.doubt == Doubt::Raised {
                    sight.doubt = Doubt::Settled;
                }
                return false;
            }
            if sight.observation.identity != observation.identity {
                self.forget();
            }
        }
        let record = &observation.record;
        // A heartbeat may overtake the answer to a read; it stays only while it is ahead of what was read.
        let is_ahead = |heard: &Heard| {
            self.read.as_ref().is_some_and(|sight| {
                sight.observation.record.holder == record.holder
                    && sight.observation.record.term == record.term
            }) && heard.beat > record.beat
        };
        // Nobody knows a stamp before it is sent, so one that was heard first was seen then.
        let heard_before = self.heard.as_ref().filter(|heard| heard.stamp == record.stamp);
        let since = heard_before.map_or(now, |heard| heard.received);
        self.heard = self.heard.take().filter(is_ahead);
        self.announced = None;
        self.deserted = None;
        self.read = Some(Sight { observation, since, latest: now, doubt: Doubt::None });
        true
    }

    /// Whether `shown` is of the reign that was read last, on the same server, and later: its holder lives, or did since.
    pub fn shows_to_go_on(&self, shown: &Observation) -> bool {
        self.read.as_ref().is_some_and(
            |Sight { observation: Observation { record, identity }, .. }| {
                *identity == shown.identity
                    && record.holder == shown.record.holder
                    && record.term == shown.record.term
                    && record.stamp != shown.record.stamp
            },
        )
    }

    /// Whether the connection that the last read named stood at that moment.
    pub fn note_presence(&mut self, now: Instant, is_present: Option<bool>) {
        self.deserted = match is_present {
            Some(false) => Some(self.deserted.unwrap_or(now)),
            _ => None,
        };
    }

    /// Whether `holder` and `term` are those last read, so that a heartbeat of theirs counts.
    pub fn confirms(&self, holder: &Holder, term: Term) -> bool {
        self.read.as_ref().is_some_and(|sight| {
            let record = &sight.observation.record;
            record.holder.as_ref() == Some(holder) && record.term == term
        })
    }

    /// Whether the register was last read with `stamp`.
    pub fn shows(&self, stamp: &Stamp) -> bool {
        self.read.as_ref().is_some_and(|sight| sight.observation.record.stamp == *stamp)
    }

    /// A hint says that the register has changed.
    pub fn doubt(&mut self) {
        if let Some(sight) = &mut self.read
            && sight.doubt == Doubt::None
        {
            sight.doubt = Doubt::Raised;
        }
    }

    pub fn is_doubted(&self) -> bool {
        self.read.as_ref().is_some_and(|sight| sight.doubt == Doubt::Raised)
    }

    pub fn hear(&mut self, now: Instant, stamp: Stamp, beat: u64) {
        let is_new =
            !self.shows(&stamp) && self.heard.as_ref().is_none_or(|heard| heard.stamp != stamp);
        // A stamp heard twice keeps the moment of its first receipt: a replayed heartbeat defers nothing.
        if is_new {
            self.heard = Some(Heard { stamp, beat, received: now });
        }
    }

    /// An announced vacancy of the term last read: a hint that spares the wait, while the register's compare decides.
    pub fn announce(
        &mut self,
        now: Instant,
        term: Term,
        stamp: Stamp,
        heir: Option<InstanceId>,
    ) -> bool {
        let is_plausible = self.read.as_ref().is_some_and(|sight| {
            let Observation { record, identity } = &sight.observation;
            record.term == term && record.holder.is_some() && record.was_granted_under(identity)
        });
        if is_plausible {
            self.announced = Some(Announced { stamp, received: now, heir });
        }
        is_plausible
    }

    /// A hint is used once.
    pub fn drop_announcement(&mut self) {
        self.announced = None;
    }

    /// When, and over what, this node may take. `hears` tells whether heartbeats reach it: where they do not, an old sight
    /// proves nothing about a leader that goes on, and only two reads of the same stamp, `patience` apart, do.
    pub fn permit(&self, patience: Duration, hears: bool) -> Option<Permit> {
        let Sight { observation, since, latest, .. } = self.read.as_ref()?;
        let Observation { record, identity } = observation;
        let seen = |holder: &Option<Holder>, stamp: &Stamp, watched| Seen {
            identity: identity.clone(),
            holder: holder.clone(),
            term: record.term,
            stamp: stamp.clone(),
            watched,
            gone: false,
        };
        if record.holder.is_none() {
            let vacated_here = record.was_granted_under(identity);
            let at = if vacated_here { *since } else { *since + patience };
            let seen = seen(&None, &record.stamp, !vacated_here);
            return Some(Permit { at, seen, heir: record.heir.clone() });
        }
        // Two reads stand against any number of heartbeats, so a flood of forged ones blocks nobody.
        if self.has_stood_still(patience) {
            let seen = seen(&record.holder, &record.stamp, true);
            return Some(Permit { at: *latest, seen, heir: None });
        }
        if let Some(announced) = &self.announced {
            let seen = seen(&None, &announced.stamp, false);
            return Some(Permit { at: announced.received, seen, heir: announced.heir.clone() });
        }
        if !hears {
            return None;
        }
        let (stamp, received) = match &self.heard {
            Some(heard) => (&heard.stamp, heard.received),
            None => (&record.stamp, *since),
        };
        let seen = seen(&record.holder, stamp, true);
        Some(Permit { at: received + patience, seen, heir: None })
    }

    /// When, and over what, this node may take because the holder's connection is gone.
    pub fn permit_to_replace_deserter(&self, grace: Duration) -> Option<Permit> {
        let (Sight { observation, .. }, since) = (self.read.as_ref()?, self.deserted?);
        let Observation { record, identity } = observation;
        if !record.was_granted_under(identity) {
            // Under another identity everybody's connection is gone.
            return None;
        }
        let seen = Seen {
            identity: identity.clone(),
            holder: record.holder.clone(),
            term: record.term,
            stamp: record.stamp.clone(),
            watched: false,
            gone: true,
        };
        Some(Permit { at: since + grace, seen, heir: None })
    }

    /// Whether two reads, `patience` apart, have shown the same.
    pub fn has_stood_still(&self, patience: Duration) -> bool {
        self.read.as_ref().is_some_and(|sight| sight.latest.since(sight.since) >= patience)
    }

    /// Whether the last read named a connection on which the reign depends.
    pub fn names_presence(&self) -> bool {
        self.read.as_ref().is_some_and(|sight| sight.observation.record.presence.is_some())
    }

    /// The last moment at which the holder was seen to be alive.
    pub fn last_sign_of_life(&self) -> Option<Instant> {
        let since = self.read.as_ref().map(|sight| sight.since);
        max(since, self.heard.as_ref().map(|heard| heard.received))
    }
}
