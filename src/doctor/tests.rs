//! The doctor on real servers, each with something wrong.

use super::*;
use crate::medium::redis::rights::{Need, Trial, needed};
use crate::medium::redis::tests::server::RedisServer;
use crate::medium::redis::{Endpoint, Place};

const SECRET: &str = "canary-4e1d-of-a-user";

fn subject(target: Target) -> Subject {
    let purpose = Purpose {
        kind: "a b".into(),
        watches_connections: true,
        fences: true,
        waits: true,
        migrates: true,
    };
    Subject { target, purpose, renewal_interval: Duration::from_secs(60) }
}

async fn examine_at(target: Target) -> Report {
    examine(&subject(target)).await
}

fn check<'a>(report: &'a Report, name: &str) -> &'a Check {
    let found = report.checks.iter().find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("no check {name} in {report:#?}"))
}

/// Makes a user with these rules; the target that logs in as that user.
fn permit(server: &RedisServer, rules: &[String]) -> Target {
    let mut words = vec!["ACL", "SETUSER", "limited", "reset"];
    let password = format!(">{SECRET}");
    words.extend(["on", &password, "resetkeys", "resetchannels", "-@all"]);
    words.extend(rules.iter().map(String::as_str));
    let _: () = server.query(&words);
    Target { username: Some("limited".into()), password: Some(SECRET.into()), ..server.target() }
}

fn rules(subject: &Subject) -> Vec<String> {
    needed(&subject.target, &subject.purpose, &Greeting::default())
        .into_iter()
        .map(|right| right.rule)
        .collect()
}

#[tokio::test]
async fn a_sound_server_passes_and_nothing_is_left_behind() {
    let server = RedisServer::start();
    let report = examine_at(server.target()).await;
    let is_fine = |check: &&Check| check.status == Status::Ok;
    assert!(
        report.ok && report.checks.iter().filter(is_fine).count() == report.checks.len(),
        "{report:#?}"
    );
    for name in AFTER_REACHABLE.iter().filter(|name| **name != RIGHT) {
        check(&report, name);
    }
    assert_eq!(server.query::<u64>(&["DBSIZE"]), 0);
}

#[tokio::test]
async fn a_user_with_the_least_rights_passes_and_what_it_may_not_read_is_skipped() {
    let server = RedisServer::start();
    let target = permit(&server, &rules(&subject(server.target())));
    let report = examine_at(target).await;
    assert!(report.ok, "{report:#?}");
    for check in report.checks.iter().filter(|check| check.name.starts_with(RIGHT)) {
        assert_eq!(check.status, Status::Ok, "{check:?}");
    }
    assert_eq!(check(&report, "output buffers").status, Status::Skipped);
    assert!(!format!("{report:?}").contains(SECRET));
}

/// The line that the report prints does what it says.
#[tokio::test]
async fn the_least_acl_is_taken_as_it_is_printed() {
    let server = RedisServer::start();
    let report = examine_at(server.target()).await;
    server.run(&report.least_acl);
    let target = Target {
        username: Some("incumbent".into()),
        password: Some("password".into()),
        ..server.target()
    };
    assert!(examine_at(target).await.ok);
}

#[tokio::test]
async fn each_right_that_is_missing_is_named_and_no_other() {
    let server = RedisServer::start();
    let subject = subject(server.target());
    for right in needed(&subject.target, &subject.purpose, &Greeting::default()) {
        if right.trial == Trial::Connecting {
            continue;
        }
        let mut rules = rules(&subject);
        rules.retain(|rule| *rule != right.rule);
        let target = permit(&server, &rules);
        let subject = Subject { target, ..subject.clone() };
        let mut visit =
            Visit::open(&subject.target, &subject.key()).await.expect("the user may connect");
        let checks = access::rights(&subject, &mut visit).await;
        let wrong: Vec<&Check> = checks
            .iter()
            .filter(|check| matches!(check.status, Status::Failure | Status::Warning))
            .collect();
        let expected = if right.need == Need::Always { Status::Failure } else { Status::Warning };
        let [only] = wrong[..] else { panic!("without {}: {wrong:#?}", right.rule) };
        assert_eq!((&only.name, only.status), (&format!("{RIGHT} {}", right.rule), expected));
    }
    assert_eq!(server.query::<u64>(&["DBSIZE"]), 0);
}

#[tokio::test]
async fn without_a_connection_it_says_why_and_skips_the_rest() {
    let mut server = RedisServer::start();
    let (nobody, password) = (Some("nobody".into()), Some(SECRET.into()));
    let wrong = Target { username: nobody, password, ..server.target() };
    let report = examine_at(wrong).await;
    assert_eq!(check(&report, REACHABLE).status, Status::Failure);
    assert!(check(&report, REACHABLE).found.contains("refused the password"), "{report:#?}");
    assert!(!format!("{report:?}").contains(SECRET));
    server.kill();
    let report = examine_at(server.target()).await;
    assert!(check(&report, REACHABLE).found.contains("connection refused"), "{report:#?}");
    assert!(!report.ok);
    let skipped = report.checks.iter().filter(|check| check.status == Status::Skipped).count();
    assert_eq!(skipped, AFTER_REACHABLE.len());
}

#[tokio::test]
async fn a_replica_is_no_server_for_it() {
    let server = RedisServer::start();
    server.run("REPLICAOF 127.0.0.1 1");
    let report = examine_at(server.target()).await;
    assert_eq!(check(&report, "role").status, Status::Failure);
    assert!(!report.ok);
}

#[tokio::test]
async fn eviction_of_what_bears_no_expiry_is_warned_of() {
    let server =
        RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let report = examine_at(server.target()).await;
    let eviction = check(&report, "eviction");
    assert_eq!(eviction.status, Status::Warning);
    assert!(eviction.found.contains("allkeys-lru"));
    assert!(report.ok, "it works until the memory is full");
}

#[tokio::test]
async fn refused_writes_and_short_buffers_and_a_long_way_are_told() {
    let server = RedisServer::start();
    server.run("CONFIG SET min-replicas-to-write 1");
    let _: () =
        server.query(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 1000 1000 1"]);
    let mut subject = subject(server.target());
    subject.renewal_interval = Duration::from_nanos(1);
    let report = examine(&subject).await;
    assert_eq!(check(&report, "min-replicas").status, Status::Failure);
    assert_eq!(check(&report, "output buffers").status, Status::Warning);
    assert_eq!(check(&report, "round trip").status, Status::Failure);
    // What a server refuses for another reason is not taken for a missing right.
    assert_eq!(check(&report, &format!("{RIGHT} +hset")).status, Status::Ok);
}

#[tokio::test]
async fn replicas_that_are_to_be_waited_for_and_are_not_there_are_a_failure() {
    let (server, replica) = (RedisServer::start(), RedisServer::start());
    let target = Target { wait_replicas: 1, ..server.target() };
    let report = examine_at(target.clone()).await;
    let alone = check(&report, "replicas");
    assert_eq!((alone.status, report.ok), (Status::Failure, false));
    assert!(alone.found.starts_with("0 of 1"), "{alone:?}");

    replica.run(&format!("REPLICAOF 127.0.0.1 {}", server.port()));
    for _ in 0..1000 {
        let state: String = server.query(&["INFO", "replication"]);
        if state.contains("state=online") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let report = examine_at(target).await;
    assert_eq!(check(&report, "replicas").status, Status::Ok, "{report:#?}");
}

/// By HLEN it is found which node has the kind.
#[tokio::test]
async fn without_the_right_by_which_the_node_of_a_kind_is_found_that_right_is_named() {
    let server = RedisServer::start();
    let mut rules = rules(&subject(server.target()));
    rules.retain(|rule| rule != "+hlen");
    let limited = permit(&server, &rules);
    let nodes = vec![Endpoint::tcp("127.0.0.1", server.port())];
    let report = examine_at(Target { place: Place::Cluster(nodes), ..limited }).await;
    let reachable = check(&report, REACHABLE);
    assert_eq!(reachable.status, Status::Failure);
    assert!(reachable.found.contains("'hlen'"), "{reachable:?}");
    assert!(report.least_acl.contains(" +hlen "));
}

#[tokio::test]
async fn a_node_of_a_cluster_is_asked_for_its_own_rights() {
    let file = format!("nodes-{:016x}.conf", crate::random::bits());
    let server =
        RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-config-file", &file]);
    // One node that keeps all slots.
    server.keep_all_slots();
    for _ in 0..1000 {
        let state: String = server.query(&["CLUSTER", "INFO"]);
        if state.contains("cluster_state:ok") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let report = examine_at(server.target()).await;
    let _ = std::fs::remove_file(std::env::temp_dir().join(file));
    assert!(report.ok, "{report:#?}");
    assert_eq!(check(&report, &format!("{RIGHT} +asking")).status, Status::Ok);
    assert_eq!(check(&report, "pub/sub").status, Status::Ok);
    // Channels that belong to slots are there from 7.0 on.
    let is_old = check(&report, "version").found.contains(" 6.");
    let sharded = " +ssubscribe +sunsubscribe +spublish +asking +cluster|slots";
    assert_eq!(report.least_acl.contains(sharded), !is_old);
}
