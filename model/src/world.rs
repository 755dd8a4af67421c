//! The state: servers, nodes, and commands on their way. Small values, copied freely.

use crate::configuration::Limits;
use crate::order::Order;

pub const MAX_NODES: usize = 3;
pub const MAX_LATE: usize = 3;

/// A stamp; 0 stands for "there is no register" where placeholders are switched off.
pub type Stamp = u8;
pub type Term = u8;
/// The name of a server and one history of its data; 0 is none.
pub type Identity = u8;
/// The token of one run of one node; 0 is none.
pub type Token = u8;

/// No term may reach it. The poison that a fault writes is just below.
pub const TERM_LIMIT: Term = 100;

const RUNS: u8 = 8;

pub fn token(node: usize, run: u8) -> Token {
    1 + node as u8 * RUNS + run
}

pub fn node_of(token: Token) -> Option<usize> {
    (token > 0).then(|| usize::from((token - 1) / RUNS))
}

pub fn run_of(token: Token) -> u8 {
    (token - 1) % RUNS
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub holder: Token,
    pub term: Term,
    pub beat: u8,
    pub stamp: Stamp,
    pub server: Identity,
    pub lease: u8,
}

impl Record {
    pub fn placeholder(stamp: Stamp) -> Self {
        Self { holder: 0, term: 0, beat: 0, stamp, server: 0, lease: 0 }
    }

    pub fn is_placeholder(&self) -> bool {
        self.holder == 0 && self.term == 0
    }
}

/// What is named of a register by whoever wants to replace exactly that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub identity: Identity,
    pub holder: Token,
    pub term: Term,
    pub stamp: Stamp,
    /// Seen unchanged for a whole lease.
    pub watched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Peek,
    Renew { beat: u8, over: Option<Seen> },
    Take { seen: Seen, floor: Term },
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    pub holder: Token,
    pub term: Term,
    pub stamp: Stamp,
    pub lease: u8,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    pub granted: bool,
    pub missing: bool,
    pub record: Record,
    pub identity: Identity,
}

/// A command that its sender still waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    pub command: Command,
    /// `None` until the command is applied.
    pub answer: Option<Reply>,
    /// `sent + D` has passed: a grant is void.
    pub stale: bool,
    /// The clock was read for this answer, which is not acted upon yet (rule 11).
    pub judged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reign {
    pub term: Term,
    pub beat: u8,
    pub over: Option<Seen>,
    /// The work settles before the release; `isLeader()` says no.
    pub draining: bool,
    /// The deadline has passed, and the core has not noticed (rule 11; elsewhere the reign ends at once).
    pub past: bool,
    /// The answer "no" was given by the deadline, and latched.
    pub latched: bool,
    /// The answer "no" was given in this term.
    pub told_no: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    pub record: Record,
    pub identity: Identity,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub stamp: Stamp,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Idle,
    Running,
    Stopping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    pub phase: Phase,
    pub run: u8,
    pub lease: u8,
    /// The longest lease that was read, or its own.
    pub patience: u8,
    /// `stop()` was called; the core may not have heard of it.
    pub closed: bool,
    pub reign: Option<Reign>,
    /// A record that names this node wrongly: to be released.
    pub owed: Option<(Token, Term)>,
    pub pending: Option<Pending>,
    /// A command that is answered beside `pending`; never in use while all rules hold.
    pub lingering: Option<Pending>,
    pub sight: Option<Sight>,
    pub heard: Option<Heard>,
    pub announced: Option<Stamp>,
    pub floor: Term,
    pub in_doubt: bool,
    /// The server that its connection leads to.
    pub server: u8,
    /// The stamp to use again (only where `FreshStamp` is off).
    pub again: Option<Stamp>,
    /// The term of the last reign that ended.
    pub ended: Term,
}

impl Node {
    pub fn new(lease: u8) -> Self {
        Self {
            phase: Phase::Running,
            run: 0,
            lease,
            patience: lease,
            closed: false,
            reign: None,
            owed: None,
            pending: None,
            lingering: None,
            sight: None,
            heard: None,
            announced: None,
            floor: 0,
            in_doubt: false,
            server: 0,
            again: None,
            ended: 0,
        }
    }

    /// Whether it may still believe in its reign, draining included.
    pub fn reigns(&self) -> bool {
        self.reign.is_some_and(|reign| !reign.past && !reign.latched)
    }

    /// The answer of `isLeader()`.
    pub fn is_leader(&self) -> bool {
        self.reigns() && !self.closed && !self.reign.is_some_and(|reign| reign.draining)
    }

    pub fn forget_sights(&mut self) {
        self.sight = None;
        self.heard = None;
        self.announced = None;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    pub record: Option<Record>,
    pub identity: Identity,
    /// The name of its process, which a promotion does not change.
    pub process: Identity,
    pub is_master: bool,
    /// A replica that also admits writes.
    pub is_writable: bool,
    pub snapshot: Option<Record>,
}

/// What must never be. The first of them stays in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    TwoLeaders,
    TermTwice,
    TermBackwards,
    NotGranted,
    Revived,
    LedAfterStop,
    TwoTakes,
}

/// The past, as far as the properties ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ghost {
    pub highest: Term,
    /// Which token was granted each term.
    pub owners: [Token; 8],
    pub broken: Option<Broken>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    pub count: u8,
    pub nodes: [Node; MAX_NODES],
    pub servers: [Server; 2],
    /// Commands that nobody waits for, and that may be applied yet.
    pub late: [Option<Command>; MAX_LATE],
    /// Faults that are left.
    pub left: Limits,
    pub ghost: Ghost,
    pub next_stamp: Stamp,
    pub next_identity: Identity,
    /// Whether floors decide anything here: with a server clock that is right they do not.
    pub floors_count: bool,
    /// Whether what is certain to be refused counts as absent.
    pub is_reduced: bool,
    /// The one violation that counts, where a certain one is looked for.
    pub wanted: Option<Broken>,
}

impl World {
    pub fn nodes(&self) -> &[Node] {
        &self.nodes[..usize::from(self.count)]
    }

    pub fn fresh_stamp(&mut self) -> Stamp {
        self.next_stamp =
            self.next_stamp.checked_add(1).expect("a run is shorter than 250 commands");
        self.next_stamp
    }

    pub fn fresh_identity(&mut self) -> Identity {
        self.next_identity += 1;
        self.next_identity
    }

    pub fn break_with(&mut self, broken: Broken) {
        if self.wanted.is_none_or(|wanted| wanted == broken) {
            self.ghost.broken.get_or_insert(broken);
        }
    }

    pub fn leaders(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes().iter().enumerate().filter(|(_, node)| node.is_leader())
    }

    /// Keeps a copy of a command on its way. False when there is no room.
    pub fn keep_late(&mut self, command: Command) -> bool {
        let slot = self.late.iter_mut().find(|slot| slot.is_none());
        slot.map(|slot| *slot = Some(command)).is_some()
    }
}
