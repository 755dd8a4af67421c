//! Grants that count only once replicas have them.

use std::time::{Duration, Instant};

use super::server::RedisServer;
use super::suite::RedisFixture;
use crate::medium::conformance::{join, seen};
use crate::medium::redis::Target;
use crate::medium::{Medium, MediumErrorKind};

fn waiting_for(replicas: u32) -> RedisFixture {
    // So long that a wait for replicas ends well within the time for an answer.
    RedisFixture::with_lease(5000)
        .connecting_as(|server| Target { wait_replicas: replicas, ..server.target() })
}

fn replica_of(master: &RedisServer) -> RedisServer {
    let replica =
        RedisServer::start_with(&["--replicaof", "127.0.0.1", &master.port().to_string()]);
    let begun = Instant::now();
    loop {
        let role: Vec<redis::Value> = replica.query(&["ROLE"]);
        if role.contains(&redis::Value::BulkString(b"connected".to_vec())) {
            return replica;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the replica has no master's data");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn holder_at(server: &RedisServer) -> Option<String> {
    server.query(&["HGET", "incumbent:{svc}:register", "holder"])
}

#[tokio::test]
async fn a_grant_that_a_replica_has_counts() {
    let fixture = waiting_for(1);
    let replica = replica_of(&fixture.server);
    let node = join(&fixture, "svc", "a").await;
    let record = node.take().await;
    let holder = record.holder.expect("it was granted");
    assert_eq!(holder_at(&replica).as_deref(), Some(holder.as_str()));
    let renewed = node.execute(node.renewing(record.term, 1)).await;
    assert!(renewed.granted);
}

#[tokio::test]
async fn a_grant_that_no_replica_has_is_as_if_no_answer_had_come_and_may_stand() {
    let fixture = waiting_for(1);
    let node = join(&fixture, "svc", "a").await;
    let sight = node.sight().await;
    let error = node.medium.execute(node.taking(&sight, true)).await.unwrap_err();
    assert_eq!(error.kind, MediumErrorKind::TimedOut, "{error}");
    assert!(error.message.contains("waitReplicas"), "{error}");
    assert_eq!(holder_at(&fixture.server).as_deref(), Some(node.holder.as_str()));
}

#[tokio::test]
async fn a_refusal_needs_no_replica_and_nor_does_anything_but_a_grant() {
    let fixture = waiting_for(1);
    let node = join(&fixture, "svc", "a").await;
    let sight = node.sight().await;
    // Refused: it was seen otherwise.
    let refused = node.taking_seen(crate::election::Seen {
        stamp: crate::medium::conformance::stamp(),
        ..seen(&sight, true)
    });
    assert!(!node.execute(refused).await.granted);
    assert!(node.enroll("1").await.is_enrolled);
    assert!(!node.execute(node.releasing(sight.shown.record.term)).await.granted);
}
