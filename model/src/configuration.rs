//! What one run of the checker explores: who takes part, which faults, how many of each.

use crate::rules::Off;
use crate::world::{Broken, MAX_NODES, Node, Record, Reign, Server, World, token};

/// How many of each fault a run may bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// FLUSHALL, or DEL of the register.
    pub wipes: u8,
    /// Restarts under a new identity: with all data, with those of an earlier moment, with none.
    pub restarts: u8,
    /// Commands that are given up and applied later.
    pub late: u8,
    /// Commands that are applied twice.
    pub doubles: u8,
    /// Connections that come to lead to another server, unnoticed.
    pub moves: u8,
    /// Promotions of the replica, whatever it lacks. The old master becomes its replica.
    pub promotions: u8,
    pub stops: u8,
    pub starts: u8,
    pub crashes: u8,
    /// Leaders that give up and go on as candidates: `reelect()`, a stalled process.
    pub resignations: u8,
    /// A term just below the limit, written into the register.
    pub poisons: u8,
    /// Announcements that are forged: stamps read off the wire or from channels, claims of a vacancy.
    pub forgeries: u8,
}

#[derive(Clone, Copy, Debug)]
pub struct Configuration {
    pub name: &'static str,
    pub nodes: u8,
    /// 1, or 2 for a longer one.
    pub leases: [u8; MAX_NODES],
    /// Node A leads at the beginning, as after any undisturbed election. Otherwise the register is missing.
    pub is_led: bool,
    /// Terms that are granted in one run, the one at the beginning included.
    pub terms: u8,
    /// Renewals in one term.
    pub beats: u8,
    pub limits: Limits,
    pub off: Off,
    /// The server does not tell its identity; the connection stands for it.
    pub anonymous: bool,
    /// The server's clock rises from grant to grant. It need not, where no data are lost.
    pub clock_is_right: bool,
    /// `isLeader()` is asked between the reading of the clock and the storing of an extension.
    pub asks: bool,
    /// Peeks are on their way like other commands. Otherwise a look at the register takes no time: see the crate's page.
    pub peeks_travel: bool,
    /// Answers are on their way too. Otherwise each comes at once, or never: see the crate's page.
    pub answers_travel: bool,
    /// Whether there is a replica, and whether it admits writes.
    pub replica: Option<bool>,
    /// The one violation that is looked for; `None`: any.
    pub wanted: Option<Broken>,
}

impl Configuration {
    pub const PLAIN: Configuration = Configuration {
        name: "",
        nodes: 3,
        leases: [1; MAX_NODES],
        is_led: true,
        terms: 3,
        beats: 2,
        limits: Limits {
            wipes: 0,
            restarts: 0,
            late: 0,
            doubles: 0,
            moves: 0,
            promotions: 0,
            stops: 0,
            starts: 0,
            crashes: 0,
            resignations: 0,
            poisons: 0,
            forgeries: 0,
        },
        off: Off::NONE,
        anonymous: false,
        clock_is_right: true,
        asks: false,
        peeks_travel: false,
        answers_travel: false,
        replica: None,
        wanted: None,
    };

    pub fn first_world(&self) -> World {
        let mut nodes = [Node::new(1); MAX_NODES];
        for (node, lease) in nodes.iter_mut().zip(self.leases) {
            *node = Node::new(lease);
        }
        let mut record = None;
        let mut ghost = crate::world::Ghost::default();
        if self.is_led {
            let holder = token(0, 0);
            let server = if self.anonymous { 0 } else { 1 };
            record =
                Some(Record { holder, term: 1, beat: 0, stamp: 1, server, lease: self.leases[0] });
            let reign = Reign {
                term: 1,
                beat: 0,
                over: None,
                draining: false,
                past: false,
                latched: false,
                told_no: false,
            };
            nodes[0].reign = Some(reign);
            nodes[0].floor = 1;
            ghost.highest = 1;
            ghost.owners[1] = holder;
        }
        let master = Server {
            record,
            identity: 1,
            process: 1,
            is_master: true,
            is_writable: true,
            snapshot: None,
        };
        let replica = Server {
            process: 2,
            is_master: false,
            is_writable: self.replica.unwrap_or(false),
            ..master
        };
        World {
            count: self.nodes,
            nodes,
            servers: [master, replica],
            late: [None; crate::world::MAX_LATE],
            left: self.limits,
            ghost,
            next_stamp: 1,
            next_identity: 2,
            is_reduced: self.off == Off::NONE && !self.answers_travel && self.limits.forgeries == 0,
            wanted: self.wanted,
            floors_count: !self.clock_is_right || self.limits.poisons > 0 || self.off != Off::NONE,
        }
    }
}
