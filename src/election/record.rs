//! What the register holds, and the small values that it is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a node is at one moment. `Draining` is a leader that is about to release: towards the register it still leads and
/// renews, towards its own process it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Follower,
    Candidate,
    Leader,
    Draining,
}

/// The name of one instance; it stays the same over stop and start.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The token under which one run (one `start()`) of an instance holds the register: `<instance id>:<nonce>`.
///
/// A run has a token of its own so that what an earlier run left in the register, or in flight, is never taken for its own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Holder(Arc<str>);

impl Holder {
    pub fn new(instance: &InstanceId, nonce: u64) -> Self {
        Self(format!("{}:{nonce:016x}", instance.0).into())
    }

    /// A token as it was read. `None` for the empty text, which means that nobody holds the register.
    pub fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn instance(&self) -> InstanceId {
        let id = self.0.rsplit_once(':').map_or(&*self.0, |(id, _)| id);
        InstanceId::new(id)
    }

    pub fn belongs_to(&self, instance: &InstanceId) -> bool {
        self.0.rsplit_once(':').is_some_and(|(id, _)| id == &*instance.0)
    }
}

/// The number of one reign, and its fencing token: of two reigns the later has the higher term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Term(pub u64);

impl Term {
    pub const ZERO: Term = Term(0);
    /// Terms stay below 2^52, so that they pass through Lua and JavaScript numbers unharmed. One at or above it is malformed.
    pub const LIMIT: Term = Term(1 << 52);
    /// How far a stored term may be ahead of the server's time in µs: 35 years. One further ahead is malformed.
    pub const LEAD: u64 = 1 << 50;
}

/// 64 random bits, drawn anew for every command. A changed stamp proves that a command was applied since;
/// and nobody can name a stamp before the command that bears it was sent.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Stamp(Arc<str>);

impl Stamp {
    pub fn new(bits: u64) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |place: usize| DIGITS[(bits >> (60 - 4 * place)) as usize % 16];
        let text: [u8; 16] = std::array::from_fn(digit);
        Self(str::from_utf8(&text).expect("digits are ASCII").into())
    }

    pub fn parse(text: &str) -> Self {
        Self(text.into())
    }

    /// The stamp of the placeholder that a command leaves where it found no register. The server's time keeps it apart
    /// from the placeholder that a second delivery of the same command would write.
    pub fn of_placeholder(stamp: &Stamp, server_time_us: u64) -> Self {
        Self(format!("{}-{server_time_us}", stamp.0).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names one connection of a holder, so that the server can tell whether it stands. No two connections have the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Presence(Arc<str>);

impl Presence {
    /// A name as it was read. `None` for the empty text, which names no connection.
    pub fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    pub fn of_connection(number: u64) -> Self {
        Self(format!("{number:016x}").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which server, and which history of its data, an answer comes from. What was seen under one identity proves nothing under another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Read by the server itself in the same step as the register (Redis: `master_replid`). It changes on restart and on promotion.
    Server(Arc<str>),
    /// Where a server does not tell: the connection. Every new connection is a new identity, and no vacancy is taken at once.
    Connection(u64),
}

impl Identity {
    pub fn server(text: &str) -> Self {
        Self::Server(text.into())
    }
}

/// The register's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `None`: vacant.
    pub holder: Option<Holder>,
    pub term: Term,
    /// Counts the renewals of one term.
    pub beat: u64,
    pub stamp: Stamp,
    /// The identity under which the term was granted, or last asserted; empty where it was not known.
    pub server: Arc<str>,
    /// The holder's lease.
    pub lease: Duration,
    /// Whom a leader that released wants as successor; the others stand back for one renewal interval.
    pub heir: Option<InstanceId>,
    /// The connection on which the term was granted, or last asserted, if its holder ends the reign with it. `None`: the reign outlives its connection.
    pub presence: Option<Presence>,
}

impl Record {
    /// What a command writes where it found no register: vacant, of no term, granted by nobody.
    pub fn placeholder(stamp: Stamp) -> Self {
        Self {
            holder: None,
            term: Term::ZERO,
            beat: 0,
            stamp,
            server: "".into(),
            lease: Duration::ZERO,
            heir: None,
            presence: None,
        }
    }

    pub fn is_placeholder(&self) -> bool {
        self.holder.is_none() && self.term == Term::ZERO
    }

    /// Whether it names the server of `identity`. One that does not tell its identity has no name, so that this proves nothing there.
    pub fn names_server(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Server(id) => *id == self.server,
            Identity::Connection(_) => self.server.is_empty(),
        }
    }

    /// Whether the term was granted under `identity`, so that no data were lost since.
    pub fn was_granted_under(&self, identity: &Identity) -> bool {
        !self.server.is_empty() && self.names_server(identity)
    }
}

/// What a leader leaves for the next one. The election carries it, and never looks into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Of the leader that left it.
    pub term: Term,
    /// JSON.
    pub value: Arc<str>,
}

/// A record together with the identity under which it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    pub record: Record,
    pub identity: Identity,
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(id) => write!(f, "server {id}"),
            Self::Connection(number) => write!(f, "connection {number}"),
        }
    }
}
