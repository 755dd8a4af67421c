//! A cluster of one node passes the suite of all mediums, by sharded channels.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::server::{RedisServer, free_port};
use crate::election::{InstanceId, Timing};
use crate::medium::MailboxSender;
use crate::medium::conformance::{Fixture, conformance_suite};
use crate::medium::redis::keys::Names;
use crate::medium::redis::{Endpoint, Place, RedisMedium, Target};
use crate::random;

struct ClusterFixture {
    server: RedisServer,
    /// What the node writes of itself.
    file: PathBuf,
}

impl ClusterFixture {
    fn new() -> Self {
        let file = std::env::temp_dir().join(format!("incumbent-{:016x}.conf", random::bits()));
        let (path, bus) = (file.display().to_string(), free_port().to_string());
        let server = RedisServer::start_with(&[
            "--cluster-enabled",
            "yes",
            "--cluster-config-file",
            &path,
            "--cluster-port",
            &bus,
            "--enable-debug-command",
            "yes",
        ]);
        server.run("CLUSTER ADDSLOTSRANGE 0 16383");
        let begun = Instant::now();
        while !server.query::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
            assert!(begun.elapsed() < Duration::from_secs(20), "the cluster is not whole");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { server, file }
    }
}

impl Drop for ClusterFixture {
    fn drop(&mut self) {
        self.server.kill();
        let _ = std::fs::remove_file(&self.file);
    }
}

impl Fixture for ClusterFixture {
    type Medium = RedisMedium;

    fn open(&self, kind: &str, instance: &InstanceId, mailbox: MailboxSender) -> RedisMedium {
        let timing = Timing::new(Duration::from_secs(30), None).expect("it is sound");
        let place = Place::Cluster(vec![Endpoint::tcp("127.0.0.1", self.server.port())]);
        RedisMedium::open(Target::new(place), kind, instance, timing, Arc::default(), mailbox)
    }

    fn wipe(&self, kind: &str) {
        let Names { register, instances, seen, revision, .. } = Names::new("", kind, 0);
        let keys = ["DEL", &register, &instances, &seen, &revision];
        let _: i64 = self.server.query(&keys);
    }

    /// As if a replica had been promoted.
    fn change_identity(&self, _: &str) {
        self.server.run("DEBUG CHANGE-REPL-ID");
    }
}

conformance_suite!(ClusterFixture::new());
