//! Redis passes the suite of all mediums.

use std::sync::Arc;

use super::server::RedisServer;
use crate::election::{InstanceId, Timing};
use crate::medium::MailboxSender;
use crate::medium::conformance::{Fixture, conformance_suite};
use crate::medium::redis::keys::Names;
use crate::medium::redis::{RedisMedium, Target};

pub struct RedisFixture {
    pub server: RedisServer,
    pub target: Target,
    pub timing: Timing,
}

impl RedisFixture {
    pub fn new() -> Self {
        // A whole lease is waited for nowhere; a long one bears a busy machine.
        let timing = Timing::new(std::time::Duration::from_secs(30), None).expect("it is sound");
        let server = RedisServer::start();
        Self { target: server.target(), server, timing }
    }

    /// With a lease of `ms`, by which all waits are measured.
    pub fn with_lease(ms: u64) -> Self {
        let timing = Timing::new(std::time::Duration::from_millis(ms), None).expect("it is sound");
        Self { timing, ..Self::new() }
    }

    /// Connects as the user that `permit` sets up.
    pub fn connecting_as(self, permit: impl FnOnce(&RedisServer) -> Target) -> Self {
        Self { target: permit(&self.server), ..self }
    }
}

impl Fixture for RedisFixture {
    type Medium = RedisMedium;

    fn open(&self, kind: &str, instance: &InstanceId, mailbox: MailboxSender) -> RedisMedium {
        RedisMedium::open(self.target.clone(), kind, instance, self.timing, Arc::default(), mailbox)
    }

    fn wipe(&self, kind: &str) {
        let Names { register, instances, seen, revision, .. } = Names::new("", kind, 0);
        let keys = ["DEL", &register, &instances, &seen, &revision];
        let _: i64 = self.server.query(&keys);
    }

    /// As if a replica had been promoted.
    fn change_identity(&self, _: &str) {
        self.server.run("REPLICAOF 127.0.0.1 1");
        self.server.run("REPLICAOF NO ONE");
    }
}

conformance_suite!(RedisFixture::new());
