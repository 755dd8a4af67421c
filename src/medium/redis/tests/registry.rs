//! The registry on a server where things are not as they should be.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::suite::RedisFixture;
use crate::clock;
use crate::medium::Medium;
use crate::medium::conformance::join;

const INSTANCES: &str = "incumbent:{svc}:instances";
const SEEN: &str = "incumbent:{svc}:seen";
const REVISION: &str = "incumbent:{svc}:revision";

#[tokio::test]
async fn keys_of_a_wrong_type_are_replaced_and_all_are_told_by_the_revision() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    for key in [INSTANCES, SEEN, REVISION] {
        for write in ["SET", "RPUSH", "SADD"] {
            let before = node.enroll("null").await.revision;
            fixture.server.run(&format!("DEL {key}"));
            fixture.server.run(&format!("{write} {key} garbage"));
            let after = node.refresh().await;
            assert_ne!(after.revision, before, "{write} {key}");
            assert_eq!(after.is_enrolled, key != INSTANCES, "{write} {key}");
            assert!(node.enroll("null").await.is_enrolled, "{write} {key}");
            let roster = node.medium.roster().await.unwrap();
            assert_eq!(roster.instances, [node.record("null")], "{write} {key}");
        }
    }
}

#[tokio::test]
async fn a_lost_revision_starts_above_all_before_it() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let before = node.enroll("null").await.revision;
    for loss in ["DEL", "SET"] {
        fixture.server.run(&format!("{loss} {REVISION}{}", if loss == "SET" { " x" } else { "" }));
        let after = node.refresh().await.revision;
        assert!(after > before, "{after} {before}");
    }
}

#[tokio::test]
async fn records_that_cannot_be_read_are_counted_and_skipped() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    node.enroll("null").await;
    let foreign = node.record("1").encode();
    let garbage = ["", "{", "[]", "null", r#"{"v":2,"id":"g","holder":"g:1","meta":1}"#, &foreign];
    for (number, garbage) in garbage.iter().enumerate() {
        let _: i64 = fixture.server.query(&["HSET", INSTANCES, &format!("g{number}"), garbage]);
    }
    let roster = node.medium.roster().await.unwrap();
    assert_eq!(roster.instances, [node.record("null")]);
    assert_eq!(node.mailbox.malformed(), garbage.len() as u64);
}

#[tokio::test]
async fn a_record_of_which_nobody_knows_when_it_was_heard_is_swept_in_the_end() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    node.enroll("null").await;
    let record = node.record("1").encode();
    let _: i64 = fixture.server.query(&["HSET", INSTANCES, "lost", &record]);
    node.medium.roster().await.unwrap();
    let start = Instant::now();
    loop {
        node.refresh().await;
        let known: bool = fixture.server.query(&["HEXISTS", INSTANCES, "lost"]);
        if !known {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "it is swept");
        sleep(Duration::from_millis(100)).await;
    }
}

/// When all are late, the server or its clients have too much to do; to sweep the living would make it worse.
#[tokio::test]
async fn whoever_comes_late_itself_is_patient_with_the_others() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "late").await;
    node.enroll("null").await;
    let seen = |id: &str, ms_ago: u64| {
        let at = (clock::wall_ms() - ms_ago).to_string();
        let _: i64 = fixture.server.query(&["HSET", INSTANCES, id, "{}"]);
        let _: i64 = fixture.server.query(&["ZADD", SEEN, &at, id]);
    };
    let listed = |id: &str| fixture.server.query::<bool>(&["HEXISTS", INSTANCES, id]);
    seen("silent", 3_000);
    seen("dead", 12_000);
    let _: i64 =
        fixture.server.query(&["ZADD", SEEN, &(clock::wall_ms() - 1_800).to_string(), "late"]);
    node.refresh().await;
    assert!(listed("silent") && !listed("dead"));
    node.refresh().await;
    assert!(!listed("silent"), "now it is punctual");
}

#[tokio::test]
async fn a_time_from_the_future_does_not_keep_a_silent_instance() {
    let fixture = RedisFixture::new();
    let (a, b) = (join(&fixture, "svc", "a").await, join(&fixture, "svc", "b").await);
    a.enroll("null").await;
    b.enroll("null").await;
    // As if the server's clock had been set back by an hour since.
    for future in [(clock::wall_ms() + 3_600_000).to_string(), "inf".into()] {
        let _: i64 = fixture.server.query(&["ZADD", SEEN, &future, "a"]);
        b.refresh().await;
        let score: f64 = fixture.server.query(&["ZSCORE", SEEN, "a"]);
        assert!((score as u64).abs_diff(clock::wall_ms()) < 60_000, "{score} is not the time");
    }
}

#[tokio::test]
async fn the_last_to_leave_leaves_the_register_alone_behind() {
    let fixture = RedisFixture::new();
    let (a, b) = (join(&fixture, "svc", "a").await, join(&fixture, "svc", "b").await);
    a.take().await;
    a.enroll("null").await;
    b.enroll("null").await;
    a.medium.withdraw().await.unwrap();
    let keys: Vec<String> = fixture.server.query(&["KEYS", "*"]);
    assert_eq!(keys.len(), 4, "{keys:?}");
    b.medium.withdraw().await.unwrap();
    let keys: Vec<String> = fixture.server.query(&["KEYS", "*"]);
    assert_eq!(keys, ["incumbent:{svc}:register"]);
}

#[tokio::test]
async fn a_crowd_that_died_at_once_is_swept_in_several_steps() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    node.enroll("null").await;
    for number in 0..150 {
        let id = format!("dead{number}");
        let _: i64 = fixture.server.query(&["HSET", INSTANCES, &id, "{}"]);
        let _: i64 = fixture.server.query(&["ZADD", SEEN, "1", &id]);
    }
    for left in [86, 22, 0] {
        node.refresh().await;
        let remaining: i64 = fixture.server.query(&["HLEN", INSTANCES]);
        assert_eq!(remaining, left + 1);
    }
}
