//! A crowd on one connection: what falls due together goes out together, and each call is what it would be by itself.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use redis::Value;

use super::server::RedisServer;
use super::suite::RedisFixture;
use crate::election::{Command, Record, Reply, Stamp, Timing};
use crate::medium::conformance::{Fixture, Node, join};
use crate::medium::redis::RedisMedium;
use crate::medium::redis::hub::CROWD;
use crate::medium::redis::keys::Names;
use crate::medium::{Medium, MediumError, MediumErrorKind, Notice, mailbox};

type Outcome = Result<Reply, MediumError>;

/// A kind each, `kind-0` and on; each leads its own.
async fn leaders(fixture: &RedisFixture, count: usize) -> Vec<Leader> {
    let mut leaders = Vec::new();
    for number in 0..count {
        let node = join(fixture, &format!("kind-{number}"), &format!("i-{number}")).await;
        let record = node.take().await;
        leaders.push(Leader { node, record });
    }
    leaders
}

struct Leader {
    node: Node<RedisMedium>,
    record: Record,
}

impl Leader {
    /// Renews, and gives the stamp that was sent.
    async fn renew(&self, beat: u64) -> (Stamp, Outcome) {
        let command = self.node.renewing(self.record.term, beat);
        let stamp = command.stamp().clone();
        (stamp, self.node.medium.execute(command).await)
    }
}

async fn renew_all(leaders: &[Leader], beat: u64) -> Vec<(Stamp, Outcome)> {
    join_all(leaders.iter().map(|leader| leader.renew(beat))).await
}

/// How many times a script was called since `CONFIG RESETSTAT`.
fn script_calls(server: &RedisServer) -> u64 {
    let text: String = server.query(&["INFO", "commandstats"]);
    let count = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":calls="));
        line.map_or(0, |rest| rest.split(',').next().unwrap().parse::<u64>().unwrap())
    };
    count("cmdstat_evalsha") + count("cmdstat_eval")
}

fn assert_granted(leader: &Leader, beat: u64, stamp: &Stamp, outcome: &Outcome) {
    let reply = outcome.as_ref().expect("the server answers");
    let expected = Record { beat, stamp: stamp.clone(), ..leader.record.clone() };
    assert!(reply.granted && !reply.missing);
    assert_eq!(reply.shown.record, expected);
}

#[tokio::test]
async fn renewals_that_fall_due_together_are_one_call_and_each_has_its_own_outcome() {
    let fixture = RedisFixture::new();
    let leaders = leaders(&fixture, CROWD).await;
    fixture.server.run("CONFIG RESETSTAT");
    let outcomes = renew_all(&leaders, 1).await;
    assert_eq!(script_calls(&fixture.server), 1);
    for (leader, (stamp, outcome)) in leaders.iter().zip(&outcomes) {
        assert_granted(leader, 1, stamp, outcome);
        let shown = leader.node.peek().await.shown.record;
        assert_eq!(shown.stamp, *stamp, "the register has the stamp of its own renewal");
    }
}

#[tokio::test]
async fn refreshes_that_fall_due_together_are_one_call_and_each_has_its_own_outcome() {
    let fixture = RedisFixture::new();
    let leaders = leaders(&fixture, CROWD).await;
    let mut enrolled = Vec::new();
    for (number, leader) in leaders.iter().enumerate() {
        // All but the first: to each its own answer.
        enrolled.push(if number == 0 { None } else { Some(leader.node.enroll("1").await) });
    }
    fixture.server.run("CONFIG RESETSTAT");
    let answers = join_all(leaders.iter().map(|leader| leader.node.refresh())).await;
    assert_eq!(script_calls(&fixture.server), 1);
    for ((leader, enrolment), answer) in leaders.iter().zip(enrolled).zip(answers) {
        assert_eq!(answer.register.shown.record, leader.record);
        assert_eq!(answer.is_enrolled, enrolment.is_some());
        if let Some(enrolment) = enrolment {
            assert_eq!(answer.revision, enrolment.revision);
        }
    }
}

#[tokio::test]
async fn more_than_a_batch_holds_go_out_as_several() {
    let fixture = RedisFixture::new();
    let leaders = leaders(&fixture, 100).await;
    fixture.server.run("CONFIG RESETSTAT");
    let outcomes = renew_all(&leaders, 1).await;
    assert_eq!(script_calls(&fixture.server), 2);
    for (leader, (stamp, outcome)) in leaders.iter().zip(&outcomes) {
        assert_granted(leader, 1, stamp, outcome);
    }
}

#[tokio::test]
async fn a_few_are_no_crowd_and_wait_for_nobody() {
    let fixture = RedisFixture::new();
    let leaders = leaders(&fixture, 3).await;
    assert_eq!(leaders[0].node.medium.slack(), Duration::ZERO);
    fixture.server.run("CONFIG RESETSTAT");
    renew_all(&leaders, 1).await;
    assert_eq!(script_calls(&fixture.server), 3);
}

#[tokio::test]
async fn a_crowd_wakes_in_step_by_a_small_part_of_the_renewal_interval() {
    for (lease, slack_us) in [(800, 5000), (100, 625)] {
        let fixture = RedisFixture::with_lease(lease);
        let mut nodes = Vec::new();
        for number in 0..CROWD {
            nodes.push(join(&fixture, "svc", &number.to_string()).await);
        }
        assert_eq!(nodes[0].medium.slack(), Duration::from_micros(slack_us));
        nodes.pop();
        assert_eq!(nodes[0].medium.slack(), Duration::ZERO);
    }
}

#[tokio::test]
async fn what_is_refused_to_one_is_granted_to_the_others() {
    let fixture = RedisFixture::new();
    let mut leaders = leaders(&fixture, CROWD).await;
    leaders[1].record.term.0 += 1;
    fixture.wipe("kind-2");
    let outcomes = renew_all(&leaders, 1).await;
    for (number, (leader, (stamp, outcome))) in leaders.iter().zip(&outcomes).enumerate() {
        match number {
            1 | 2 => {
                let reply = outcome.as_ref().expect("the server answers");
                assert!(!reply.granted);
                assert_eq!(reply.missing, number == 2);
            }
            _ => assert_granted(leader, 1, stamp, outcome),
        }
    }
}

#[tokio::test]
async fn an_error_of_one_is_that_ones_alone() {
    let fixture = RedisFixture::new().connecting_as(|server| {
        server.run("ACL SETUSER svc on nopass ~* &* +@all");
        let mut target = server.target();
        (target.username, target.password) = (Some("svc".into()), Some("any".into()));
        target
    });
    let leaders = leaders(&fixture, CROWD).await;
    // All kinds but the first may be announced.
    let permitted = (1..CROWD).map(|number| format!("&{}*", announcements(number)));
    let words: Vec<String> = ["ACL", "SETUSER", "svc", "resetchannels"]
        .map(str::to_owned)
        .into_iter()
        .chain(permitted)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let _: Value = fixture.server.query(&words);
    let outcomes = renew_all(&leaders, 1).await;
    let refusal = outcomes[0].1.as_ref().expect_err("its channel is forbidden");
    assert_eq!(refusal.kind, MediumErrorKind::Refused, "{refusal}");
    for (leader, (stamp, outcome)) in leaders.iter().zip(&outcomes).skip(1) {
        assert_granted(leader, 1, stamp, outcome);
    }
    let first = &leaders[0];
    assert_eq!(first.node.peek().await.shown.record, first.record, "nothing of it was changed");
}

fn announcements(number: usize) -> String {
    Names::new("", &format!("kind-{number}"), 0).channel(&crate::medium::Channel::Election)
}

#[tokio::test]
async fn a_batch_that_is_not_answered_in_time_has_timed_out_for_each_and_is_late_for_each() {
    let fixture = RedisFixture::with_lease(5000);
    let mut leaders = leaders(&fixture, CROWD).await;
    fixture.server.pause();
    for (_, outcome) in renew_all(&leaders, 1).await {
        assert_eq!(outcome.unwrap_err().kind, MediumErrorKind::TimedOut);
    }
    fixture.server.resume();
    for leader in &mut leaders {
        let is_late = |notice| matches!(notice, Notice::Late(_)).then_some(());
        leader.node.wait_for(is_late).await;
        assert_eq!(leader.node.peek().await.shown.record.beat, 1, "it was applied all the same");
    }
}

#[tokio::test]
async fn the_hasty_do_not_fail_the_patient() {
    let fixture = RedisFixture::new();
    let patient = leaders(&fixture, CROWD).await;
    let (sender, _mailbox) = mailbox();
    let hasty = RedisMedium::open(
        fixture.target.clone(),
        "hasty",
        &patient[0].node.instance,
        Timing::new(Duration::from_millis(100), None).expect("it is sound"),
        Arc::default(),
        sender,
    );
    let renewal = patient[0].node.renewing(patient[0].record.term, 1);
    fixture.server.pause();
    let in_haste = async {
        let outcome = hasty.execute(renewal).await;
        fixture.server.resume();
        outcome
    };
    let (outcome, outcomes) = tokio::join!(in_haste, renew_all(&patient, 1));
    assert_eq!(outcome.unwrap_err().kind, MediumErrorKind::TimedOut);
    for (leader, (stamp, outcome)) in patient.iter().zip(&outcomes) {
        assert_granted(leader, 1, stamp, outcome);
    }
}

#[tokio::test]
async fn a_batch_on_a_lost_connection_is_lost_for_each() {
    let mut fixture = RedisFixture::new();
    let leaders = leaders(&fixture, CROWD).await;
    fixture.server.pause();
    let kill = async {
        tokio::task::yield_now().await;
        fixture.server.kill();
    };
    let (outcomes, ()) = tokio::join!(renew_all(&leaders, 1), kill);
    for (_, outcome) in outcomes {
        assert_eq!(outcome.unwrap_err().kind, MediumErrorKind::Unreachable);
    }
}

#[tokio::test]
async fn whoever_does_not_wait_any_more_fails_nobody_else() {
    let fixture = RedisFixture::new();
    let leaders = leaders(&fixture, CROWD).await;
    let (gone, staying) = leaders.split_at(CROWD / 2);
    // Both are collected; then half of them are dropped.
    let mut in_vain = Box::pin(renew_all(gone, 1));
    let outcomes = renew_all(staying, 1);
    let dropped = async {
        assert!((&mut in_vain).now_or_never().is_none(), "they wait");
        drop(in_vain);
    };
    let ((), outcomes) = tokio::join!(dropped, outcomes);
    for (leader, (stamp, outcome)) in staying.iter().zip(&outcomes) {
        assert_granted(leader, 1, stamp, outcome);
    }
    for (leader, (stamp, outcome)) in leaders.iter().zip(renew_all(&leaders, 2).await) {
        assert_granted(leader, 2, &stamp, &outcome);
    }
}

/// A cluster permits no script that names the keys of two kinds.
#[tokio::test]
async fn a_server_that_keeps_kinds_apart_gets_each_call_by_itself() {
    let nodes = format!("incumbent-{:016x}.conf", crate::random::bits());
    let server =
        RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-config-file", &nodes]);
    let slots: Vec<String> = (0..16384).map(|slot: u32| slot.to_string()).collect();
    let words = ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str));
    let _: Value = server.query(&words.collect::<Vec<_>>());
    while !server.query::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let fixture = RedisFixture { target: server.target(), server, ..RedisFixture::new() };
    let leaders = leaders(&fixture, CROWD).await;
    let outcomes = renew_all(&leaders, 1).await;
    for (leader, (stamp, outcome)) in leaders.iter().zip(&outcomes) {
        assert_granted(leader, 1, stamp, outcome);
    }
    let _ = std::fs::remove_file(std::env::temp_dir().join(nodes));
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_scripts_gets_the_text() {
    let fixture = RedisFixture::new();
    let leaders = leaders(&fixture, CROWD).await;
    fixture.server.run("SCRIPT FLUSH");
    let outcomes = renew_all(&leaders, 1).await;
    for (leader, (stamp, outcome)) in leaders.iter().zip(&outcomes) {
        assert_granted(leader, 1, stamp, outcome);
    }
}

#[tokio::test]
async fn a_crowds_server_that_is_no_master_any_more_is_told_to_each() {
    let fixture = RedisFixture::new();
    let leaders = leaders(&fixture, CROWD).await;
    fixture.server.run("REPLICAOF 127.0.0.1 1");
    for (_, outcome) in renew_all(&leaders, 1).await {
        assert_eq!(outcome.unwrap_err().kind, MediumErrorKind::Failed);
    }
}

#[tokio::test]
async fn commands_other_than_renewals_go_by_themselves() {
    let fixture = RedisFixture::new();
    let leaders = leaders(&fixture, CROWD).await;
    fixture.server.run("CONFIG RESETSTAT");
    let peeks = leaders.iter().map(|leader| leader.node.medium.execute(peek()));
    assert!(join_all(peeks).await.iter().all(Result::is_ok));
    assert_eq!(script_calls(&fixture.server), CROWD as u64);
}

fn peek() -> Command {
    Command::Peek { stamp: crate::medium::conformance::stamp() }
}
