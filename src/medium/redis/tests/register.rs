//! The register on a server where things are not as they should be.

use super::server::RedisServer;
use super::suite::RedisFixture;
use crate::election::{Command, Identity, InstanceId};
use crate::medium::conformance::{join, shown, stamp};
use crate::medium::redis::Target;
use crate::medium::{Medium, MediumErrorKind, Notice};

const REGISTER: &str = "incumbent:{svc}:register";

#[tokio::test]
async fn a_malformed_register_is_treated_as_missing() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let long = "x".repeat(300);
    for (field, value) in [
        ("term", "-1"),
        ("term", "1.5"),
        ("term", "1e3"),
        ("term", "0x10"),
        ("term", "inf"),
        ("term", "nan"),
        ("term", " 5"),
        ("term", ""),
        ("term", "4503599627370496"),
        ("term", "9007199254740991"),
        ("term", "99999999999999999999999999"),
        ("beat", "x"),
        ("beat", "4503599627370496"),
        ("lease", "600001"),
        ("lease", "-1"),
        ("lease", ""),
        ("holder", "a b"),
        ("holder", "ä:1"),
        ("holder", &long),
        ("stamp", "\n"),
        ("stamp", &long),
        ("server", "\u{7f}"),
        ("heir", &long),
    ] {
        node.take().await;
        let _: i64 = fixture.server.query(&["HSET", REGISTER, field, value]);
        let reply = node.peek().await;
        assert!(reply.missing && reply.shown.record.is_placeholder(), "{field} {value:?}");
        assert_eq!(node.peek().await.shown, reply.shown, "{field} {value:?}");
    }
    for field in ["holder", "term", "beat", "stamp", "server", "lease", "heir"] {
        node.take().await;
        let _: i64 = fixture.server.query(&["HDEL", REGISTER, field]);
        assert!(node.peek().await.missing, "no {field}");
    }
    node.take().await;
}

#[tokio::test]
async fn a_register_of_a_wrong_type_is_replaced() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    for write in ["SET", "RPUSH", "SADD"] {
        let term = node.take().await.term;
        for command in [
            Command::Peek { stamp: stamp() },
            node.renewing(term, 1),
            node.releasing(term),
            node.taking(&node.peek().await, true),
        ] {
            fixture.server.run(&format!("DEL {REGISTER}"));
            fixture.server.run(&format!("{write} {REGISTER} garbage"));
            let reply = node.execute(command).await;
            assert!(reply.missing && !reply.granted, "{write}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn an_expiry_that_somebody_set_is_taken_away() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let held = node.take().await;
    fixture.server.run(&format!("PEXPIRE {REGISTER} 60000"));
    node.execute(node.renewing(held.term, 1)).await;
    let remaining: i64 = fixture.server.query(&["PTTL", REGISTER]);
    assert_eq!(remaining, -1);
}

#[tokio::test]
async fn a_replica_is_refused_even_if_it_is_writable() {
    let fixture = RedisFixture::new();
    let mut node = join(&fixture, "svc", "a").await;
    let held = node.take().await;
    fixture.server.run("CONFIG SET replica-read-only no");
    fixture.server.run("REPLICAOF 127.0.0.1 1");
    let refusal = node.medium.execute(node.renewing(held.term, 1)).await.unwrap_err();
    assert_eq!(refusal.kind, MediumErrorKind::Failed);
    assert!(refusal.message.contains("READONLY"), "{refusal}");
    // It connects anew, in case that the address leads elsewhere by now; and again, until it finds a master.
    for _ in 0..3 {
        let error = node.next_disconnection().await;
        assert!(error.message.contains("READONLY") || error.message.contains("not a master"));
    }
    fixture.server.run("REPLICAOF NO ONE");
    node.wait_for(|notice| matches!(notice, Notice::Connected).then_some(())).await;
    assert_eq!(node.peek().await.shown.record, held, "the refused renewal changed nothing");
}

#[tokio::test]
async fn a_full_server_goes_on_electing() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    node.enroll("null").await;
    fixture.server.run("CONFIG SET maxmemory-policy noeviction");
    fixture.server.run("CONFIG SET maxmemory 1");
    let held = node.take().await;
    assert!(node.execute(node.renewing(held.term, 1)).await.granted);
    assert!(node.execute(node.releasing(held.term)).await.granted);
    fixture.server.run(&format!("DEL {REGISTER}"));
    assert!(node.peek().await.missing, "and the placeholder is written");
    assert!(node.refresh().await.is_enrolled);
    assert!(node.enroll("1").await.is_enrolled);
}

#[tokio::test]
async fn what_the_server_refuses_is_told_in_its_words() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let held = node.take().await;
    fixture.server.run("CONFIG SET min-replicas-to-write 1");
    let refusal = node.medium.execute(node.renewing(held.term, 1)).await.unwrap_err();
    assert_eq!(refusal.kind, MediumErrorKind::Failed);
    assert!(refusal.message.contains("NOREPLICAS"), "{refusal}");
    fixture.server.run("CONFIG SET min-replicas-to-write 0");
    assert_eq!(node.peek().await.shown.record, held);
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_sent_again() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let held = node.take().await;
    fixture.server.run("SCRIPT FLUSH");
    assert!(node.execute(node.renewing(held.term, 1)).await.granted);
    fixture.server.run("SCRIPT FLUSH");
    assert!(node.enroll("null").await.is_enrolled);
}

/// What PROTOCOL.md asks of a user's rights, for one kind.
const LEAST_RIGHTS: &str = "resetkeys resetchannels -@all ~incumbent:{svc}:* &incumbent:{svc}:* \
    +hello +ping +client|setname +subscribe +unsubscribe +publish +evalsha +eval +script|load \
    +info +time +persist +hmget +hset +del +get +set +hdel +hexists +hlen +hgetall \
    +zadd +zrem +zrange +zrangebyscore";

fn permit(server: &RedisServer, rules: &str) -> Target {
    server.run(
        &format!("ACL SETUSER svc on >secret-canary-4e1d {LEAST_RIGHTS} {rules}")
            .replace("    ", ""),
    );
    Target {
        username: Some("svc".into()),
        password: Some("secret-canary-4e1d".into()),
        ..server.target()
    }
}

#[tokio::test]
async fn the_least_rights_suffice() {
    let fixture = RedisFixture::new();
    let fixture = fixture.connecting_as(|server| permit(server, ""));
    let mut node = join(&fixture, "svc", "a").await;
    node.listen([crate::medium::Channel::Election, crate::medium::Channel::All]).await;
    let held = node.take().await;
    assert!(node.execute(node.renewing(held.term, 1)).await.granted);
    node.enroll("null").await;
    assert_eq!(node.medium.roster().await.unwrap().instances.len(), 1);
    node.publish(&[(crate::medium::Channel::All, b"hello")]).await;
    node.next_message().await;
    fixture.server.run(&format!("DEL {REGISTER}"));
    assert!(node.refresh().await.register.missing);
    node.medium.withdraw().await.unwrap();
}

#[tokio::test]
async fn a_missing_right_is_named_and_changes_nothing() {
    let fixture = RedisFixture::new();
    let fixture = fixture.connecting_as(|server| permit(server, "-publish"));
    let node = join(&fixture, "svc", "a").await;
    let sight = node.sight().await;
    let refusal = node.medium.execute(node.taking(&sight, true)).await.unwrap_err();
    assert_eq!(refusal.kind, MediumErrorKind::Refused);
    assert!(refusal.message.contains("PUBLISH"), "{refusal}");
    assert!(!refusal.message.contains("secret"), "{refusal}");
    assert_eq!(node.peek().await.shown, sight.shown);
    for (right, command) in [("hmget", "HMGET"), ("persist", "persist"), ("evalsha", "evalsha")] {
        permit(&fixture.server, &format!("-{right}"));
        let refusal = node.medium.execute(node.taking(&sight, true)).await.unwrap_err();
        assert_eq!(refusal.kind, MediumErrorKind::Refused, "{refusal}");
        let _ = command;
    }
    permit(&fixture.server, "");
    assert_eq!(node.peek().await.shown, sight.shown);
}

#[tokio::test]
async fn without_info_the_identity_is_the_connection() {
    let fixture = RedisFixture::new();
    let fixture = fixture.connecting_as(|server| permit(server, "-info"));
    let mut node = join(&fixture, "svc", "a").await;
    let held = node.take().await;
    assert_eq!(&*held.server, "");
    let advice = node
        .wait_for(|notice| match notice {
            Notice::Advice(advice) => Some(advice),
            _ => None,
        })
        .await;
    assert!(advice.contains("+info"), "{advice}");
    assert!(node.execute(node.renewing(held.term, 1)).await.granted);

    let vacant = node.execute(node.releasing(held.term)).await;
    assert!(matches!(vacant.shown.identity, Identity::Connection(_)));
    assert!(!node.execute(node.taking(&vacant, false)).await.granted, "no vacancy at sight");

    fixture.server.run("CLIENT KILL TYPE normal");
    node.wait_for(|notice| matches!(notice, Notice::Connected).then_some(())).await;
    assert!(!node.execute(node.taking(&vacant, true)).await.granted, "another connection");
    let asserted = node.asserting(held.term, 9, shown(&vacant));
    assert!(!node.execute(asserted).await.granted, "another connection");
    let sight = node.peek().await;
    assert_ne!(sight.shown.identity, vacant.shown.identity);
    assert!(node.execute(node.taking(&sight, true)).await.granted);
}

#[tokio::test]
async fn an_heir_of_any_name_does_no_harm() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    for heir in ["ä", "a b", &"x".repeat(300)] {
        let (term, heir) = (node.take().await.term, Some(InstanceId::new(heir)));
        let release = Command::Release { holder: node.holder.clone(), term, stamp: stamp(), heir };
        let reply = node.execute(release).await;
        assert!(reply.granted);
        assert_eq!(reply.shown.record.heir, None, "one that cannot be is none");
        assert!(!node.peek().await.missing);
    }
}
