//! The user's own commands in Redis: all of them while the register names their sender, none of them otherwise.

use super::server::RedisServer;
use super::suite::RedisFixture;
use crate::election::{Checkpoint, Term};
use crate::medium::conformance::{Fixture, Node, join};
use crate::medium::fencing::{Data, Fenced, Replies, UserCommand, Work};
use crate::medium::redis::{RedisMedium, Target};
use crate::medium::{Medium, MediumError, MediumErrorKind};
use crate::random;

fn commands(lines: &[&str]) -> Vec<UserCommand> {
    let words = |line: &&str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    lines.iter().map(words).collect()
}

async fn run(
    node: &Node<RedisMedium>,
    term: Term,
    lines: &[&str],
) -> Result<Fenced<Replies>, MediumError> {
    let work = Work { commands: commands(lines), checkpoint: None };
    node.medium.run_fenced(&node.holder, term, work).await
}

async fn replies(node: &Node<RedisMedium>, term: Term, lines: &[&str]) -> Vec<Data> {
    match run(node, term, lines).await {
        Ok(Fenced::Done(Ok(replies))) => replies,
        other => panic!("{other:?}"),
    }
}

fn bytes(text: &str) -> Data {
    Data::Bytes(text.as_bytes().to_vec())
}

#[tokio::test]
async fn a_leaders_commands_run_in_order_and_their_replies_come_back_in_order() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    let all = ["SET cursor 42", "LPUSH jobs a b", "GET cursor", "get nothing", "LRANGE jobs 0 -1"];
    let expected = [
        Data::Status("OK".into()),
        Data::Number(2),
        bytes("42"),
        Data::Nothing,
        Data::List(vec![bytes("b"), bytes("a")]),
    ];
    assert_eq!(replies(&node, term, &all).await, expected);
    assert_eq!(replies(&node, term, &all[2..3]).await, [bytes("42")], "the second time as well");
    assert_eq!(replies(&node, term, &[]).await, []);
}

#[tokio::test]
async fn any_bytes_pass_unchanged() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    let (key, value) = (vec![0, 0xff, b'\r', b'\n'], (0..=255).collect::<Vec<u8>>());
    let set = vec![b"SET".to_vec(), key.clone(), value.clone()];
    let get = vec![b"GET".to_vec(), key];
    let work = Work { commands: vec![set, get], checkpoint: None };
    let came = node.medium.run_fenced(&node.holder, term, work).await;
    let expected = vec![Data::Status("OK".into()), Data::Bytes(value)];
    assert_eq!(came, Ok(Fenced::Done(Ok(expected))));
}

#[tokio::test]
async fn who_does_not_hold_the_register_with_that_term_writes_nothing() {
    let fixture = RedisFixture::new();
    let a = join(&fixture, "svc", "a").await;
    let b = join(&fixture, "svc", "b").await;
    let first = a.take().await.term;
    let second = b.take().await.term;
    for (node, term) in [(&a, first), (&a, second), (&b, first)] {
        assert_eq!(run(node, term, &["SET mark 1"]).await, Ok(Fenced::NotLeader));
    }
    b.execute(b.releasing(second)).await;
    assert_eq!(run(&b, second, &["SET mark 1"]).await, Ok(Fenced::NotLeader));
    fixture.wipe("svc");
    assert_eq!(run(&b, second, &["SET mark 1"]).await, Ok(Fenced::NotLeader));
    let exists: i64 = fixture.server.query(&["EXISTS", "mark"]);
    assert_eq!(exists, 0);
}

#[tokio::test]
async fn a_leader_of_before_a_failover_writes_nothing_until_it_has_asserted_itself() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    fixture.change_identity("svc");
    assert_eq!(run(&node, term, &["SET mark 1"]).await, Ok(Fenced::Unconfirmed));
    let exists: i64 = fixture.server.query(&["EXISTS", "mark"]);
    assert_eq!(exists, 0);
}

#[tokio::test]
async fn a_server_that_has_become_a_replica_is_as_good_as_away() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    fixture.server.query::<String>(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = run(&node, term, &["GET mark", "SET mark 1"]).await.unwrap_err();
    assert_eq!(error.kind, MediumErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("READONLY"), "{error}");
    assert!(error.message.contains("nothing was written"), "{error}");
    let checkpoint = Checkpoint { term, value: "1".into() };
    let error = node.medium.set_checkpoint(&node.holder, checkpoint).await.unwrap_err();
    assert_eq!(error.kind, MediumErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn a_command_that_fails_is_told_by_its_number_and_is_the_last() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    for (failing, words) in [
        ("LPUSH text x", "WRONGTYPE"),
        ("NOSUCHCOMMAND x", "nknown"),
        ("GET", "rong number of args"),
        ("SUBSCRIBE channel", "not allowed from script"),
        ("EVAL return 0", "not allowed from script"),
        ("OBJECT NOSUCH s", "nknown"),
    ] {
        let all = ["SET text a", failing, "SET after 1"];
        let Ok(Fenced::Done(Err(failed))) = run(&node, term, &all).await else {
            panic!("{failing} was done")
        };
        assert_eq!(failed.number, 2, "{failed:?}");
        assert!(failed.message.contains(words), "{failed:?}");
    }
    let (text, after): (String, i64) =
        (fixture.server.query(&["GET", "text"]), fixture.server.query(&["EXISTS", "after"]));
    assert_eq!((text.as_str(), after), ("a", 0));
}

#[tokio::test]
async fn a_checkpoint_among_them_is_left_once_all_are_done_and_not_where_one_failed() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    let with = |lines: &[&str], value: &str| {
        let work = Work { commands: commands(lines), checkpoint: Some(value.into()) };
        node.medium.run_fenced(&node.holder, term, work)
    };
    let left = async || {
        let checkpoint = node.medium.checkpoint().await.unwrap();
        checkpoint.map(|left| (left.term, left.value.to_string()))
    };
    assert_eq!(
        with(&["SET step 1"], "1").await.unwrap(),
        Fenced::Done(Ok(vec![Data::Status("OK".into())]))
    );
    assert_eq!(left().await, Some((term, "1".to_owned())));
    let failed = with(&["SET step 2", "LPUSH step x"], "2").await.unwrap();
    assert!(matches!(failed, Fenced::Done(Err(_))));
    assert_eq!(left().await, Some((term, "1".to_owned())));
    assert_eq!(with(&[], "3").await.unwrap(), Fenced::Done(Ok(vec![])));
    assert_eq!(left().await, Some((term, "3".to_owned())));
    let other = Work { commands: vec![], checkpoint: Some("4".into()) };
    let refused = node.medium.run_fenced(&node.holder, Term(term.0 + 1), other).await;
    assert_eq!(refused.unwrap(), Fenced::NotLeader);
    assert_eq!(left().await, Some((term, "3".to_owned())));
}

const REGISTER: &str = "incumbent:{svc}:register";

#[tokio::test]
async fn a_checkpoint_outlives_a_register_that_somebody_has_spoilt() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    let left = Checkpoint { term, value: format!("\"{}\"", "x".repeat(60_000)).into() };
    node.medium.set_checkpoint(&node.holder, left.clone()).await.unwrap();
    fixture.server.run(&format!("HSET {REGISTER} term -1"));
    let spoilt = node.peek().await;
    assert!(spoilt.missing);
    assert_eq!(node.medium.checkpoint().await.unwrap().as_ref(), Some(&left));
    let sight = node.sight().await;
    assert_eq!(node.execute(node.taking(&sight, true)).await.checkpoint, Some(left));
}

#[tokio::test]
async fn what_cannot_be_a_checkpoint_is_none() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    let sound = Checkpoint { term, value: "1".into() };
    let (foul, long) = ("[".to_owned(), format!("\"{}\"", "x".repeat(65_536)));
    for (field, value) in [
        ("checkpoint-term", "-1"),
        ("checkpoint-term", "4503599627370496"),
        ("checkpoint", ""),
        ("checkpoint", &foul),
        ("checkpoint", &long),
    ] {
        node.medium.set_checkpoint(&node.holder, sound.clone()).await.unwrap();
        assert_eq!(node.medium.checkpoint().await.unwrap(), Some(sound.clone()));
        let _: i64 = fixture.server.query(&["HSET", REGISTER, field, value]);
        assert_eq!(node.medium.checkpoint().await.unwrap(), None, "{field}");
    }
    assert_eq!(node.peek().await.shown.record.term, term, "the register is as it was");
}

#[tokio::test]
async fn commands_whose_keys_only_the_server_finds_are_run() {
    let fixture = RedisFixture::new();
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    let all = [
        "ZADD one 1 x",
        "ZADD two 2 x",
        "ZUNIONSTORE sum 2 one two",
        "XGROUP CREATE stream group $ MKSTREAM",
        "PING",
    ];
    let came = replies(&node, term, &all).await;
    assert_eq!(came[2], Data::Number(1));
    assert_eq!(came[3], Data::Status("OK".into()));
}

#[tokio::test]
async fn in_a_cluster_the_keys_lie_in_the_kinds_slot_or_nothing_is_written() {
    let file = std::env::temp_dir().join(format!("incumbent-{:016x}.conf", random::bits()));
    let name = file.to_str().expect("the folder's name is text");
    let server =
        RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-config-file", name]);
    server.keep_all_slots();
    let fixture = RedisFixture::new().connecting_as(|_| server.target());
    let node = join(&fixture, "svc", "a").await;
    let term = served(&node).await;
    assert_eq!(replies(&node, term, &["SET {svc}cursor 1"]).await.len(), 1);
    let error = run(&node, term, &["SET {svc}cursor 2", "SET elsewhere 1"]).await.unwrap_err();
    assert_eq!(error.kind, MediumErrorKind::Unfit);
    assert!(error.message.contains("hash tag"), "{error}");
    let cursor: String = server.query(&["GET", "{svc}cursor"]);
    assert_eq!(cursor, "1");
    drop(server);
    std::fs::remove_file(&file).expect("the server has written it");
}

/// Takes the register as soon as a cluster that has just been formed serves.
async fn served(node: &Node<RedisMedium>) -> Term {
    let peek = || crate::election::Command::Peek { stamp: crate::medium::conformance::stamp() };
    for _ in 0..4000 {
        if node.medium.execute(peek()).await.is_ok() {
            return node.take().await.term;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the cluster does not serve");
}

#[tokio::test]
async fn a_right_that_is_missing_is_told_and_nothing_is_written() {
    let fixture = RedisFixture::new().connecting_as(|server| {
        server.run(
            "ACL SETUSER limited on >secret-canary-4e1d resetchannels ~incumbent:* &incumbent:* +@all -command",
        );
        let (username, password) =
            (Some("limited".to_owned()), Some("secret-canary-4e1d".to_owned()));
        Target { username, password, ..server.target() }
    });
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    let error = run(&node, term, &["SET mark 1"]).await.unwrap_err();
    assert_eq!(error.kind, MediumErrorKind::Refused, "{error}");
    assert!(error.message.contains("command"), "{error}");
}

#[tokio::test]
async fn without_an_answer_it_is_said_that_it_may_have_been_done() {
    let fixture = RedisFixture::with_lease(1000);
    let node = join(&fixture, "svc", "a").await;
    let term = node.take().await.term;
    // What it has to know of the command it knows by now.
    replies(&node, term, &["INCR count"]).await;
    fixture.server.pause();
    let error = run(&node, term, &["INCR count"]).await.unwrap_err();
    assert!(error.message.contains("may have been done"), "{error}");
    fixture.server.resume();
}
