//! The register itself, in plain code: what every medium's own implementation is held to. Media in memory use it as it is.

use std::cmp::max;

use super::command::{Announcement, Command, Reply, Seen, Shown};
use super::record::{
    Checkpoint, Holder, Identity, InstanceId, Observation, Presence, Record, Stamp, Term,
};

/// One kind's register, and what a leader left beside it. It knows no time: `server_time_us` enters terms and placeholders alone, and need not be right.
#[derive(Clone, Debug, Default)]
pub struct Register {
    stored: Option<Record>,
    checkpoint: Option<Checkpoint>,
}

/// Whether what only the leader may do is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// The register names the caller, under this very identity.
    Open,
    /// It names another, or nobody.
    Shut,
    /// It names the caller, and another identity: data may have been lost, and with them a successor. A caller that still leads asserts itself
    /// with its next renewal.
    Unconfirmed,
}

/// The server at the moment of a command.
#[derive(Clone, Debug)]
pub struct Server {
    pub identity: Identity,
    pub time_us: u64,
    /// The connection that the command came on, if its owner wants the reign to end with it.
    pub caller: Option<Presence>,
    /// All connections that show and stand.
    pub present: Vec<Presence>,
}

impl Server {
    /// One that knows of no connections that show.
    pub fn new(identity: Identity, time_us: u64) -> Self {
        Self { identity, time_us, caller: None, present: Vec::new() }
    }

    fn is_present(&self, presence: &Presence) -> bool {
        self.present.contains(presence)
    }

    /// What a grant to the caller names. Nothing where the server hides its identity: nobody could be replaced there.
    fn presence_of_caller(&self) -> Option<Presence> {
        let tells_identity = !name_of(&self.identity).is_empty();
        self.caller.clone().filter(|caller| tells_identity && self.is_present(caller))
    }
}

impl Register {
    pub fn stored(&self) -> Option<&Record> {
        self.stored.as_ref()
    }

    pub fn wipe(&mut self) {
        *self = Self::default();
    }

    /// Whether the holder of `term` may do what only the leader may. `stamp` is the command's own.
    pub fn fence(&mut self, holder: &Holder, term: Term, stamp: Stamp, server: &Server) -> Fence {
        let (reply, _) = self.execute(&Command::Peek { stamp }, server);
        let record = reply.shown.record;
        if record.holder.as_ref() != Some(holder) || record.term != term {
            Fence::Shut
        } else if record.names_server(&server.identity) {
            Fence::Open
        } else {
            Fence::Unconfirmed
        }
    }

    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    pub fn set_checkpoint(&mut self, checkpoint: Checkpoint) {
        self.checkpoint = Some(checkpoint);
    }

    /// Applies `command`, and says what is to be announced.
    pub fn execute(&mut self, command: &Command, server: &Server) -> (Reply, Option<Announcement>) {
        let found = self.stored.take().filter(|record| is_well_formed(record, server.time_us));
        let missing = found.is_none();
        let record = found.unwrap_or_else(|| {
            Record::placeholder(Stamp::of_placeholder(command.stamp(), server.time_us))
        });
        let granted = match command {
            _ if missing => None,
            Command::Peek { .. } => None,
            Command::Renew { holder, term, beat, stamp, lease, over } => {
                let renewed = Record { beat: *beat, stamp: stamp.clone(), ..record.clone() };
                // Over one's own record too: that is how the name of a new server gets into it.
                if over.as_ref().is_some_and(|over| is_as_shown(&record, over, server)) {
                    Some(Record {
                        holder: Some(holder.clone()),
                        term: *term,
                        server: name_of(&server.identity),
                        lease: *lease,
                        heir: None,
                        presence: server.presence_of_caller(),
                        ..renewed
                    })
                } else if record.holder.as_ref() == Some(holder)
                    && record.term == *term
                    && *beat > record.beat
                    && (record.presence.is_none() || record.presence == server.caller)
                {
                    // A name that shows no more would only mislead those who look.
                    let presence = record.presence.clone().filter(|own| server.is_present(own));
                    Some(Record { presence, ..renewed })
                } else {
                    None
                }
            }
            Command::Take { seen, holder, floor, stamp, lease } => may_take(&record, seen, server)
                .then(|| Record {
                    holder: Some(holder.clone()),
                    term: next_term(record.term, *floor, server.time_us),
                    beat: 0,
                    stamp: stamp.clone(),
                    server: name_of(&server.identity),
                    lease: *lease,
                    heir: None,
                    presence: server.presence_of_caller(),
                }),
            Command::Release { holder, term, stamp, heir } => {
                let is_own = record.holder.as_ref() == Some(holder) && record.term == *term;
                // Under another identity a vacancy is watched as long as a holder is: a new stamp would only begin that anew.
                let is_of_use = record.names_server(&server.identity);
                (is_own && is_of_use).then(|| Record {
                    holder: None,
                    stamp: stamp.clone(),
                    heir: heir.clone(),
                    presence: None,
                    ..record.clone()
                })
            }
        };
        let announcement = granted.as_ref().map(announce);
        let is_granted = granted.is_some();
        let record = granted.unwrap_or(record);
        let mut reply = Reply {
            granted: is_granted,
            missing,
            is_present: record.presence.as_ref().map(|presence| server.is_present(presence)),
            shown: Observation { record, identity: server.identity.clone() },
            checkpoint: None,
        };
        if is_granted && matches!(command, Command::Take { .. }) {
            reply.checkpoint.clone_from(&self.checkpoint);
        }
        self.stored = Some(reply.shown.record.clone());
        (reply, announcement)
    }

    /// Puts `record` in place, as a restart from a snapshot would.
    pub fn restore(&mut self, record: Option<Record>) {
        self.stored = record;
    }
}

/// A term far ahead of the server's time was forged: every take raises the term by one, the time by a million a second. Were
/// it let in, it would enter every floor, and close to the limit no term could follow it.
fn is_well_formed(record: &Record, time_us: u64) -> bool {
    record.term.0 <= time_us.saturating_add(Term::LEAD)
        && record.term < Term::LIMIT
        && record.lease <= super::timing::Timing::MAX_LEASE
}

fn is_as_shown(record: &Record, over: &Shown, server: &Server) -> bool {
    record.term == over.term && record.stamp == over.stamp && server.identity == over.identity
}

fn may_take(record: &Record, seen: &Seen, server: &Server) -> bool {
    let unchanged = server.identity == seen.identity
        && record.holder == seen.holder
        && record.term == seen.term
        && record.stamp == seen.stamp;
    let granted_here = record.was_granted_under(&server.identity);
    let vacated_here = record.holder.is_none() && granted_here;
    unchanged
        && (seen.watched
            || vacated_here
            || (seen.gone && granted_here && is_deserted(record, server)))
}

/// The holder's connection is gone, and the taker's own shows: so it is not this server that has forgotten who is connected.
fn is_deserted(record: &Record, server: &Server) -> bool {
    record.presence.as_ref().is_some_and(|presence| !server.is_present(presence))
        && server.presence_of_caller().is_some()
}

fn next_term(stored: Term, floor: Term, server_time_us: u64) -> Term {
    Term(max(max(stored.0 + 1, floor.0 + 1), server_time_us.min(Term::LIMIT.0 - 1)))
}

fn name_of(identity: &Identity) -> std::sync::Arc<str> {
    match identity {
        Identity::Server(id) => id.clone(),
        Identity::Connection(_) => "".into(),
    }
}

fn announce(record: &Record) -> Announcement {
    match &record.holder {
        Some(holder) => Announcement::Heartbeat {
            holder: holder.clone(),
            term: record.term,
            beat: record.beat,
            stamp: record.stamp.clone(),
        },
        None => Announcement::Vacancy {
            term: record.term,
            stamp: record.stamp.clone(),
            heir: record.heir.clone(),
        },
    }
}

/// The instance that holds `record`, if any.
pub fn leader_of(record: &Record) -> Option<InstanceId> {
    record.holder.as_ref().map(Holder::instance)
}
