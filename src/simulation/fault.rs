//! What can go wrong, one entry for each kind of fault.

use std::fmt;

use super::clock::{MILLISECOND, Nanos};

/// Whom a fault meets. `Leader` is whoever leads at that moment, or is about to, or else a node at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Leader,
    Node(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    // The process.
    /// Killed; another one is started in its place after a while.
    Crash {
        whom: Target,
        again: Nanos,
    },
    Stop {
        whom: Target,
        again: Nanos,
    },
    Reelect {
        whom: Target,
    },
    /// It is asked to hand over to another node, whether that one is there or not.
    Transfer {
        whom: Target,
        heir: usize,
    },
    /// Nothing of the process runs, as after SIGSTOP or in a machine that sleeps.
    Pause {
        whom: Target,
        lasts: Nanos,
    },
    /// The election's thread gets no time; the service's code runs on.
    Starve {
        whom: Target,
        lasts: Nanos,
    },
    /// The service's code is blocked; the election's thread runs on.
    Block {
        whom: Target,
        lasts: Nanos,
    },
    /// The clock's rate changes, in millionths.
    ChangeRate {
        whom: Target,
        parts_per_million: i64,
    },

    // The network of one node.
    /// The command connection breaks.
    Cut {
        whom: Target,
    },
    /// The subscription's connection breaks.
    CutFeed {
        whom: Target,
    },
    /// Bytes stand still in one direction or both; afterwards they come in a burst, or the connections break.
    Hold {
        whom: Target,
        up: bool,
        down: bool,
        lasts: Nanos,
        breaks: bool,
    },
    /// Announcements vanish, and nobody notices.
    Deafen {
        whom: Target,
        lasts: Nanos,
    },
    Slow {
        whom: Target,
        latency: Nanos,
        lasts: Nanos,
    },
    /// A proxy moves the command connection to a replica.
    MoveToReplica {
        whom: Target,
        lasts: Nanos,
    },

    // The server.
    Restart {
        keeps: Keeps,
        lasts: Nanos,
    },
    /// A replica becomes the master, without the last `lost` writes; no server serves writes meanwhile.
    Promote {
        lost: usize,
        lasts: Nanos,
        moves_connections: bool,
    },
    Wipe,
    /// Something that is no register is written in its place.
    Corrupt,
    StepClock {
        seconds: i64,
    },
    /// Every command is answered with an error.
    Refuse {
        lasts: Nanos,
    },
    /// Every command waits, as behind a slow script.
    Busy {
        lasts: Nanos,
    },
    CutAll,

    // Whoever may publish.
    /// Forged announcements, some a second.
    Forge {
        lasts: Nanos,
        every: Nanos,
    },
}

/// What a restarted server still knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    All,
    /// All but the last writes.
    Some(usize),
    None,
}

impl Fault {
    /// Whether it may take a grant out of the register.
    pub fn loses_data(&self) -> bool {
        match self {
            Self::Restart { keeps, .. } => *keeps != Keeps::All,
            Self::Promote { lost, .. } => *lost > 0,
            Self::Wipe | Self::Corrupt => true,
            _ => false,
        }
    }

    pub fn target(&self) -> Option<Target> {
        match self {
            Self::Crash { whom, .. }
            | Self::Stop { whom, .. }
            | Self::Reelect { whom }
            | Self::Transfer { whom, .. }
            | Self::Pause { whom, .. }
            | Self::Starve { whom, .. }
            | Self::Block { whom, .. }
            | Self::ChangeRate { whom, .. }
            | Self::Cut { whom }
            | Self::CutFeed { whom }
            | Self::Hold { whom, .. }
            | Self::Deafen { whom, .. }
            | Self::Slow { whom, .. }
            | Self::MoveToReplica { whom, .. } => Some(*whom),
            _ => None,
        }
    }
}

/// A sentence without its subject, which is the node that it meets, or the server.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |nanos: &Nanos| format!("{} ms", nanos / MILLISECOND);
        match self {
            Self::Crash { again, .. } => {
                write!(f, "is killed; another process starts in {}", ms(again))
            }
            Self::Stop { again, .. } => write!(f, "is told to stop, and to start in {}", ms(again)),
            Self::Reelect { .. } => write!(f, "is told to let others lead"),
            Self::Transfer { heir, .. } => {
                write!(f, "is told to hand over to node {}", heir + 1)
            }
            Self::Pause { lasts, .. } => write!(f, "is paused as a whole for {}", ms(lasts)),
            Self::Starve { lasts, .. } => {
                write!(f, "its election's thread gets no time for {}", ms(lasts))
            }
            Self::Block { lasts, .. } => {
                write!(f, "its service's code is blocked for {}", ms(lasts))
            }
            Self::ChangeRate { parts_per_million, .. } => {
                write!(f, "its clock runs off by {parts_per_million} millionths from now on")
            }
            Self::Cut { .. } => write!(f, "its command connection breaks"),
            Self::CutFeed { .. } => write!(f, "its subscription breaks"),
            Self::Hold { up, down, lasts, breaks, .. } => {
                let what = match (up, down) {
                    (true, true) => "bytes both ways stand still",
                    (true, false) => "what it sends stands still",
                    _ => "what is sent to it stands still",
                };
                let end =
                    if *breaks { "then its connections break" } else { "then all comes at once" };
                write!(f, "{what} for {}, {end}", ms(lasts))
            }
            Self::Deafen { lasts, .. } => write!(f, "hears no announcement for {}", ms(lasts)),
            Self::Slow { latency, lasts, .. } => {
                write!(f, "its way to the server takes {} for {}", ms(latency), ms(lasts))
            }
            Self::MoveToReplica { lasts, .. } => {
                write!(f, "a proxy moves its connection to a replica for {}", ms(lasts))
            }
            Self::Restart { keeps, lasts } => {
                let what = match keeps {
                    Keeps::All => "all its data".to_owned(),
                    Keeps::Some(lost) => format!("all but the last {lost} writes"),
                    Keeps::None => "no data".to_owned(),
                };
                write!(f, "goes down, to come back in {} with {what}", ms(lasts))
            }
            Self::Promote { lost, lasts, moves_connections } => {
                let way = if *moves_connections {
                    "behind the same connections"
                } else {
                    "and all connections break"
                };
                write!(
                    f,
                    "serves no writes for {}, then a replica that lacks the last {lost} is promoted, {way}",
                    ms(lasts)
                )
            }
            Self::Wipe => write!(f, "loses the register (FLUSHALL)"),
            Self::Corrupt => write!(f, "holds something else in the register's place"),
            Self::StepClock { seconds } => write!(f, "its wall clock is set by {seconds} s"),
            Self::Refuse { lasts } => {
                write!(f, "answers every command with an error for {}", ms(lasts))
            }
            Self::Busy { lasts } => write!(f, "runs a slow script for {}", ms(lasts)),
            Self::CutAll => write!(f, "closes every connection"),
            Self::Forge { lasts, every } => {
                write!(
                    f,
                    "somebody publishes a forged announcement every {} for {}",
                    ms(every),
                    ms(lasts)
                )
            }
        }
    }
}
