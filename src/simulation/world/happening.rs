//! What is planned, and what it carries.

use crate::election::{Announcement, Command, InstanceId, Reply, RequestId, Term};
use crate::simulation::clock::Nanos;
use crate::simulation::fault::Keeps;

pub enum Happening {
    /// The planned fault of this number.
    Strike(usize),
    /// A command reaches the server.
    Arrive(Box<Parcel>),
    /// Something reaches a node's process.
    Deliver {
        node: usize,
        run: u64,
        input: Input,
    },
    Start(usize),
    Thaw(usize),
    Ask(usize),
    Connect {
        node: usize,
        wire: Wire,
        generation: u64,
    },
    /// A node notices that a connection is gone.
    Notice {
        node: usize,
        wire: Wire,
        generation: u64,
    },
    /// A broken proxy gives up the connections that it held.
    Break {
        node: usize,
    },
    /// The server is back, or another one is in its place.
    Comeback {
        keeps: Keeps,
        closes_connections: bool,
    },
    Forge {
        until: Nanos,
        every: Nanos,
    },
    /// No fault from here on.
    Heal,
}

/// What reaches a process.
#[derive(Clone, Debug)]
pub enum Input {
    /// The answer to a command; `None` where the server answered with an error.
    Answer {
        generation: u64,
        id: RequestId,
        reply: Option<Reply>,
    },
    /// The register as read by the registry's script.
    Read {
        generation: u64,
        number: u64,
        reply: Option<Reply>,
    },
    Connected,
    Disconnected {
        generation: u64,
    },
    Subscribed,
    Unsubscribed,
    Announced(Announcement),
    Stop,
    Reelect,
    Transfer(InstanceId),
    Drained(Term),
    /// The work of the draining leader of that term is waited for no longer.
    Overrun(Term),
    /// Instances came or went.
    Fleet,
    Stalled,
    Resumed,
}

/// A command on its way.
#[derive(Clone)]
pub struct Parcel {
    pub node: usize,
    pub run: u64,
    pub generation: u64,
    pub epoch: u64,
    pub on_replica: bool,
    pub command: Command,
    pub asked: Asked,
    /// It is the second delivery, or comes from a connection that is gone.
    pub is_stray: bool,
}

#[derive(Clone, Copy)]
pub enum Asked {
    Election(RequestId),
    Registry(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Commands,
    Feed,
}
