//! What an election asks of the register, what it is answered, and what the register announces.

use std::time::Duration;

use super::record::{Checkpoint, Holder, Identity, InstanceId, Observation, Stamp, Term};

/// Names one command, so that its answer finds it and a late answer is known as late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

#[derive(Clone, Debug)]
pub struct Request {
    pub id: RequestId,
    pub command: Command,
}

/// One command to the register. Each is applied whole or not at all, and bears a stamp of its own.
/// One that finds no register, or a malformed one, writes a placeholder in its place and is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Reads the register.
    Peek { stamp: Stamp },
    /// Granted when the register has this holder and term and a lower beat, and comes on the connection that the register names, if
    /// it names one; or when the register is exactly what `over` names.
    Renew {
        holder: Holder,
        term: Term,
        beat: u64,
        stamp: Stamp,
        lease: Duration,
        over: Option<Shown>,
    },
    /// Compare-and-set on what was seen. The term granted is `max(stored + 1, floor + 1, server time in µs)`.
    Take { seen: Seen, holder: Holder, floor: Term, stamp: Stamp, lease: Duration },
    /// Granted when the register has this holder and term, and names the present server: the holder goes, the stamp is new, the term stays.
    Release { holder: Holder, term: Term, stamp: Stamp, heir: Option<InstanceId> },
}

impl Command {
    pub fn stamp(&self) -> &Stamp {
        match self {
            Self::Peek { stamp }
            | Self::Renew { stamp, .. }
            | Self::Take { stamp, .. }
            | Self::Release { stamp, .. } => stamp,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Peek { .. } => "peek",
            Self::Renew { over: None, .. } => "renew",
            Self::Renew { .. } => "assert",
            Self::Take { .. } => "take",
            Self::Release { .. } => "release",
        }
    }
}

/// What a leader was shown in place of its own record, and renews over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub identity: Identity,
    pub term: Term,
    pub stamp: Stamp,
}

/// What a take replaces: the register as the taker has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub identity: Identity,
    pub holder: Option<Holder>,
    pub term: Term,
    pub stamp: Stamp,
    /// Whether it was seen unchanged for a whole lease. Otherwise only a vacancy that was granted under
    /// the server's present identity may be taken.
    pub watched: bool,
    /// Whether the connection that the holder's reign depends on was seen to be gone. The server looks again.
    pub gone: bool,
}

/// The register's answer: whether the command was granted, and the register after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub granted: bool,
    /// The register was missing or malformed, and the placeholder shown was written by this very command.
    pub missing: bool,
    pub shown: Observation,
    /// Whether the connection that the register names as `presence` stands; `None` where it names none, or the server does not tell.
    pub is_present: Option<bool>,
    /// What an earlier leader left, where a take is granted.
    pub checkpoint: Option<Checkpoint>,
}

/// What the register tells all who listen when it changes. It may be late, doubled, lost or forged: a hint, never a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// A take or a renewal was granted.
    Heartbeat { holder: Holder, term: Term, beat: u64, stamp: Stamp },
    /// The holder of `term` released; `stamp` is the register's new one.
    Vacancy { term: Term, stamp: Stamp, heir: Option<InstanceId> },
}

impl Announcement {
    /// The stamp of the command that was granted.
    pub fn stamp(&self) -> &Stamp {
        match self {
            Self::Heartbeat { stamp, .. } | Self::Vacancy { stamp, .. } => stamp,
        }
    }
}
