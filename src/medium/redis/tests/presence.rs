//! Connections that show at the server, so that others see when they are gone.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::{io, thread};

use tokio::runtime::Handle;

use super::connections::{PATIENCE, next};
use super::server::RedisServer;
use crate::candidate::{Candidate, Config, Place, Run};
use crate::driver::{Output, Sink};
use crate::election::{CrashDetection, Holder, InstanceId, Presence, Reply, Seen, Timing};
use crate::lifeline::Lifeline;
use crate::medium::conformance::{Node, seen, shown as shown_by};
use crate::medium::redis::{Endpoint, RedisMedium, Target};
use crate::medium::{Medium, MediumErrorKind, Notice, mailbox};
use crate::random;

/// A node that wants its reigns to end with its connection.
pub struct Watcher {
    pub node: Node<RedisMedium>,
    lifeline: Arc<Lifeline>,
}

/// `host` tells connections apart: those of one process to one server are shared.
async fn connect(server: &RedisServer, host: &str, id: &str) -> Watcher {
    connect_to(Target::new(Endpoint::tcp(host, server.port())), "svc", id).await
}

pub async fn connect_to(target: Target, kind: &str, id: &str) -> Watcher {
    // A whole lease is waited for nowhere.
    let timing = Timing::new(std::time::Duration::from_secs(30), None)
        .expect("it is sound")
        .with_crash_detection(CrashDetection::Connection);
    let (sender, mut mailbox) = mailbox();
    let (instance, lifeline) = (InstanceId::new(id), Arc::new(Lifeline::default()));
    let medium = RedisMedium::open(target, kind, &instance, timing, lifeline.clone(), sender);
    while !matches!(next(&mut mailbox).await, Notice::Connected) {}
    let holder = Holder::new(&instance, random::bits());
    Watcher { node: Node { medium, mailbox, instance, holder }, lifeline }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The names of the channels on which connections show, as the server lists them.
fn shown(server: &RedisServer) -> Vec<String> {
    server.query(&["PUBSUB", "CHANNELS", "incumbent:*:presence:*"])
}

/// Ends the connection that bears `presence`, from the server's side.
fn kill(server: &RedisServer) {
    let list: String = server.query(&["CLIENT", "LIST"]);
    let line = list.lines().find(|line| line.contains(" sub=1 ") && line.contains(" cmd=evalsha "));
    let line = line.unwrap_or_else(|| panic!("no connection shows and calls scripts:\n{list}"));
    let id = line.split(' ').find_map(|field| field.strip_prefix("id=")).expect("it has a number");
    let killed: i64 = server.query(&["CLIENT", "KILL", "ID", id]);
    assert_eq!(killed, 1);
}

impl RedisMedium {
    /// Sees to it that its connection shows, and names it.
    pub async fn shows(&self) -> Presence {
        let link = self.hub.shared.link().expect("it is connected");
        link.show(&self.names.presence_prefix()).await.expect("nothing forbids it").0
    }
}

fn deserted(sight: &Reply) -> Seen {
    Seen { gone: true, ..seen(sight, false) }
}

#[tokio::test]
async fn a_leaders_connection_shows_and_its_end_lets_another_take_at_once() {
    let server = RedisServer::start();
    let a = connect(&server, "127.0.0.1", "a").await;
    let term = a.node.take().await;
    assert!(term.presence.is_some());
    assert!(a.lifeline.holds());

    let b = connect(&server, "localhost", "b").await;
    let sight = b.node.peek().await;
    assert_eq!(sight.is_present, Some(true));
    assert!(!b.node.execute(b.node.taking_seen(deserted(&sight))).await.granted, "it stands");

    kill(&server);
    until("a's host hears of it", async || !a.lifeline.holds()).await;
    let sight = b.node.peek().await;
    assert_eq!(sight.is_present, Some(false));
    let taken = b.node.execute(b.node.taking_seen(deserted(&sight))).await;
    assert!(taken.granted);
    assert!(taken.shown.record.presence.is_some_and(|presence| Some(presence) != term.presence));
}

struct Deaf;

impl Sink for Deaf {
    fn append(&self, _output: Output) {}
}

/// A candidate that has taken the vacancy that it finds.
async fn leading(server: &RedisServer, lease_ms: u64) -> (Candidate, Run) {
    let timing = Timing::new(std::time::Duration::from_millis(lease_ms), None)
        .expect("it is sound")
        .with_crash_detection(CrashDetection::Connection);
    let (place, kind) = (Place::Redis(Box::new(server.target())), "svc".to_owned());
    let candidate = Candidate::new(Config::new(place, kind, timing));
    let meta = serde_json::value::RawValue::NULL.to_owned().into();
    let run = candidate.start(&Handle::current(), meta, Deaf).expect("it was not started yet");
    until("it leads", async || candidate.is_leader()).await;
    (candidate, run)
}

#[tokio::test]
async fn a_leader_whose_own_tasks_do_not_run_says_no_as_soon_as_its_host_hears_of_the_end() {
    let server = RedisServer::start();
    // The vacancy that this one leaves can be taken without waiting for a lease.
    drop(leading(&server, 200).await);
    until("it has released", async || {
        server.query::<String>(&["HGET", "incumbent:{svc}:register", "holder"]).is_empty()
    })
    .await;
    let (candidate, _run) = leading(&server, 600_000).await;
    kill(&server);
    // No task of this runtime gets a turn from here on.
    let began = std::time::Instant::now();
    while candidate.is_leader() {
        assert!(began.elapsed() < PATIENCE, "it believes in itself until its deadline");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_reign_is_not_renewed_over_the_next_connection() {
    let server = RedisServer::start();
    let mut a = connect(&server, "127.0.0.1", "a").await;
    let term = a.node.take().await.term;
    assert!(a.node.execute(a.node.renewing(term, 1)).await.granted);
    kill(&server);
    a.node.next_disconnection().await;
    a.node.wait_for(|notice| matches!(notice, Notice::Connected).then_some(())).await;
    assert!(!a.node.execute(a.node.renewing(term, 2)).await.granted);
    assert!(!a.lifeline.holds(), "the election was not told yet");
    a.lifeline.heed();
    a.node.execute(a.node.releasing(term)).await;
    a.node.take().await;
    assert!(a.lifeline.holds());
}

/// As after a grant on a connection that did not show.
#[tokio::test]
async fn an_assert_over_ones_own_record_names_the_connection_that_it_comes_on() {
    let server = RedisServer::start();
    let a = connect(&server, "127.0.0.1", "a").await;
    let taken = a.node.take().await;
    let _: i64 = server.query(&["HSET", "incumbent:{svc}:register", "presence", ""]);
    let sight = a.node.peek().await;
    assert_eq!(sight.shown.record.presence, None);
    let asserted = a.node.execute(a.node.asserting(taken.term, 1, shown_by(&sight))).await;
    assert!(asserted.granted);
    assert_eq!(asserted.shown.record.presence, taken.presence);
}

#[tokio::test]
async fn through_a_proxy_no_connection_shows_and_the_owner_is_told_once() {
    let server = RedisServer::start();
    let port = relay(server.port());
    let mut a = connect_to(Target::new(Endpoint::tcp("127.0.0.1", port)), "svc", "a").await;
    let granted = a.node.take().await;
    assert_eq!(granted.presence, None);
    let advice = next_advice(&mut a.node).await;
    assert!(advice.contains("crashDetection") && advice.contains("proxy"), "{advice}");
    a.node.execute(a.node.renewing(granted.term, 1)).await;
    assert_eq!(shown(&server), [] as [&str; 0]);
    // The mailbox is in order: an advice given by that renewal would come before this.
    kill_all(&server);
    let next = a.node.wait_for(|notice| match notice {
        Notice::Advice(_) | Notice::Disconnected(_) => Some(matches!(notice, Notice::Advice(_))),
        _ => None,
    });
    assert!(!next.await, "it was told again");
    assert!(a.lifeline.holds(), "its reigns outlive their connections");
}

#[tokio::test]
async fn whoever_writes_the_register_without_knowing_of_connections_names_none() {
    let server = RedisServer::start();
    let a = connect(&server, "127.0.0.1", "a").await;
    let b = connect(&server, "localhost", "b").await;
    let term = a.node.take().await.term.0;
    kill(&server);
    // As an instance of an earlier version takes: it leaves what it does not know as it is.
    let _: i64 = server.query(&[
        "HSET",
        "incumbent:{svc}:register",
        "holder",
        "old:1",
        "term",
        &(term + 1).to_string(),
        "stamp",
        "another",
    ]);
    let sight = b.node.peek().await;
    assert_eq!((sight.shown.record.presence.clone(), sight.is_present), (None, None));
    assert!(!b.node.execute(b.node.taking_seen(deserted(&sight))).await.granted);
}

/// A proxy before the server. It ends with the process.
fn relay(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for inner in listener.incoming().map_while(Result::ok) {
            let Ok(outer) = TcpStream::connect(("127.0.0.1", server)) else { continue };
            for (from, to) in [(inner.try_clone(), outer.try_clone()), (Ok(outer), Ok(inner))] {
                let (Ok(mut from), Ok(mut to)) = (from, to) else { continue };
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    port
}

fn kill_all(server: &RedisServer) {
    for class in ["normal", "pubsub"] {
        let _: i64 = server.query(&["CLIENT", "KILL", "TYPE", class, "SKIPME", "yes"]);
    }
}

/// A node of a user with the least rights that do without crash detection, and these.
async fn connect_with(server: &RedisServer, rights: &str) -> Watcher {
    server.run(&format!(
        "ACL SETUSER poor on >canary-4e1d resetkeys resetchannels -@all ~incumbent:{{svc}}:* &incumbent:{{svc}}:* \
         +hello +ping +info +subscribe +unsubscribe +publish +evalsha +eval +script|load +time +persist +hset +hmget +del{rights}"
    ));
    let (username, password) = (Some("poor".to_owned()), Some("canary-4e1d".to_owned()));
    connect_to(Target { username, password, ..server.target() }, "svc", "a").await
}

async fn next_advice(node: &mut Node<RedisMedium>) -> String {
    let advice = node.wait_for(|notice| match notice {
        Notice::Advice(text) => Some(text),
        _ => None,
    });
    advice.await
}

#[tokio::test]
async fn whoever_may_not_show_is_told_what_is_missing_and_takes_all_the_same() {
    let server = RedisServer::start();
    let mut a = connect_with(&server, "").await;
    assert_eq!(a.node.take().await.presence, None);
    let advice = next_advice(&mut a.node).await;
    assert!(advice.contains("'client"), "{advice}");
}

#[tokio::test]
async fn whoever_may_show_but_not_look_leads_by_the_lease_alone_and_is_told() {
    let server = RedisServer::start();
    let mut a = connect_with(&server, " +client|info").await;
    assert_eq!(a.node.take().await.presence, None);
    let advice = next_advice(&mut a.node).await;
    assert!(advice.contains("PUBSUB NUMSUB"), "{advice}");
    kill_all(&server);
    a.node.next_disconnection().await;
    assert!(a.lifeline.holds(), "its reign outlives the connection");
}

#[tokio::test]
async fn the_last_of_a_kind_takes_its_channel_along_though_the_connection_stays() {
    let server = RedisServer::start();
    let other = connect_to(server.target(), "other", "o").await;
    let a = connect_to(server.target(), "svc", "a").await;
    let b = connect_to(server.target(), "svc", "b").await;
    for watcher in [&a, &b, &other] {
        watcher.node.take().await;
    }
    assert_eq!(shown(&server).len(), 2, "one for a kind and a connection");
    drop(a);
    b.node.peek().await;
    assert_eq!(shown(&server).len(), 2);
    drop(b);
    until("nobody of the kind needs it", async || shown(&server).len() == 1).await;
    assert_eq!(other.node.peek().await.is_present, Some(true));
}

#[tokio::test]
async fn the_channel_stays_for_one_who_comes_before_the_last_one_has_tidied_up() {
    let server = RedisServer::start();
    let other = connect_to(server.target(), "other", "other").await;
    let first = connect_to(server.target(), "svc", "first").await;
    let term = first.node.take().await.term;
    let vacated = first.node.execute(first.node.releasing(term)).await;
    // On this runtime of one thread the task that tidies up gets its turn while the take waits for its answer.
    drop(first);
    let second = connect_to(server.target(), "svc", "second").await;
    let taken = second.node.execute(second.node.taking(&vacated, false)).await;
    assert!(taken.granted && taken.shown.record.presence.is_some());
    // A command on the same connection, after whatever was sent of that task.
    other.node.peek().await;
    assert_eq!(second.node.peek().await.is_present, Some(true));
}

#[tokio::test]
async fn a_take_while_the_server_is_away_fails_as_any_other() {
    let server = RedisServer::start();
    let mut a = connect(&server, "127.0.0.1", "a").await;
    let sight = a.node.sight().await;
    drop(server);
    a.node.next_disconnection().await;
    let error = a.node.medium.execute(a.node.taking(&sight, true)).await.unwrap_err();
    assert_eq!(error.kind, MediumErrorKind::Unreachable);
}
