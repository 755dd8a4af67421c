//! The server: the register, and all that a server does to it.

use std::collections::VecDeque;

use super::bug::{self, Bug};
use super::clock::{MICROSECOND, Nanos};
use super::fault::Keeps;
use crate::election::register::Server as Present;
use crate::election::{Announcement, Command, Identity, Presence, Record, Register, Reply, Term};

/// Where wall clocks start: some day in 2026, in microseconds.
const DAY_ZERO_US: u64 = 1_780_000_000_000_000;
/// So many former states of the register a replica or a snapshot may still have.
const REMEMBERED: usize = 16;

#[derive(Debug)]
pub struct Server {
    register: Register,
    /// What a replica holds that somebody wrote to. No sound server has one.
    forked: Option<Register>,
    identity: Identity,
    /// Counts the servers that stood here, one after another.
    epoch: u64,
    /// The wall clock's error.
    offset_us: i64,
    past: VecDeque<Option<Record>>,
    bug: Option<Bug>,
    pub is_up: bool,
    pub refuses_until: Nanos,
    pub busy_until: Nanos,
}

/// What a command finds beside the register.
#[derive(Default)]
pub struct Circumstances {
    /// The connection's, where the server does not tell its own.
    pub identity: Option<Identity>,
    pub caller: Option<Presence>,
    pub present: Vec<Presence>,
}

impl Server {
    pub fn new(bug: Option<Bug>) -> Self {
        Self {
            register: Register::default(),
            forked: None,
            identity: identity_of(0),
            epoch: 0,
            offset_us: 0,
            past: VecDeque::from([None]),
            bug,
            is_up: true,
            refuses_until: 0,
            busy_until: 0,
        }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn stored(&self) -> Option<&Record> {
        self.register.stored()
    }

    pub fn time_us(&self, now: Nanos) -> u64 {
        (DAY_ZERO_US + now / MICROSECOND).saturating_add_signed(self.offset_us)
    }

    /// Applies a command. `identity` is the connection's, where the server does not tell its own.
    pub fn execute(
        &mut self,
        now: Nanos,
        command: &Command,
        circumstances: Circumstances,
        on_replica: bool,
    ) -> (Reply, Option<Announcement>) {
        let present = Present {
            identity: circumstances.identity.unwrap_or_else(|| self.identity.clone()),
            time_us: self.time_us(now),
            caller: circumstances.caller,
            present: circumstances.present,
        };
        let register = if on_replica {
            self.forked.get_or_insert_with(|| self.register.clone())
        } else {
            &mut self.register
        };
        let outcome = match self.bug {
            Some(bug) => bug::execute_wrongly(bug, register, command, present),
            None => register.execute(command, &present),
        };
        if outcome.1.is_some() || outcome.0.missing {
            if self.past.len() == REMEMBERED {
                self.past.pop_front();
            }
            self.past.push_back(self.register.stored().cloned());
        }
        outcome
    }

    /// What was lost is gone from the register, and it is another server's from now on.
    pub fn replace(&mut self, keeps: Keeps) {
        let record = match keeps {
            Keeps::All => self.register.stored().cloned(),
            Keeps::None => None,
            Keeps::Some(lost) => {
                let kept = self.past.len().saturating_sub(1 + lost);
                self.past.get(kept).cloned().flatten()
            }
        };
        self.register.restore(record.clone());
        self.past = VecDeque::from([record]);
        self.epoch += 1;
        self.identity = identity_of(self.epoch);
        self.is_up = true;
        self.refuses_until = 0;
    }

    pub fn wipe(&mut self) {
        self.register.wipe();
    }

    pub fn corrupt(&mut self) {
        let broken = self.register.stored().map(|record| Record {
            term: Term(Term::LIMIT.0 + record.term.0 % 7),
            ..record.clone()
        });
        self.register.restore(broken);
    }

    pub fn step_clock(&mut self, seconds: i64) {
        self.offset_us += seconds * 1_000_000;
    }
}

fn identity_of(epoch: u64) -> Identity {
    Identity::server(&format!("#{epoch}"))
}
