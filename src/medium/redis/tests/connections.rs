//! Connections that are shared, lost, slow, and made again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep};

use super::server::RedisServer;
use super::suite::RedisFixture;
use crate::election::{InstanceId, Timing};
use crate::medium::conformance::{Node, join};
use crate::medium::redis::connection::{Line, Link};
use crate::medium::redis::guide::Guide;
use crate::medium::redis::transport::reach;
use crate::medium::redis::{RedisMedium, Target, late_to};
use crate::medium::{Channel, Mailbox, Medium, MediumError, MediumErrorKind, Notice, mailbox};

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn open(target: Target, lease_ms: u64) -> (RedisMedium, Mailbox) {
    let timing = Timing::new(Duration::from_millis(lease_ms), None).expect("it is sound");
    let (sender, mailbox) = mailbox();
    (
        RedisMedium::open(target, "svc", &InstanceId::new("a"), timing, Arc::default(), sender),
        mailbox,
    )
}

pub async fn next(mailbox: &mut Mailbox) -> Notice {
    let notice = tokio::time::timeout(PATIENCE, mailbox.next(true)).await;
    notice.expect("a notice comes")
}

#[tokio::test]
async fn an_address_of_the_host_that_does_not_answer_costs_no_time_where_another_one_does() {
    let server = RedisServer::start();
    // It listens, and its queue is full: the kernel drops whatever comes.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let silent = silent.listen(0).unwrap();
    let address = silent.local_addr().unwrap();
    let _queued = std::net::TcpStream::connect(address).unwrap();

    let addresses = [address, SocketAddr::from(([127, 0, 0, 1], server.port()))];
    let reached = tokio::time::timeout(PATIENCE, reach(addresses.into_iter())).await;
    assert_eq!(reached.expect("in time").unwrap().peer_addr().unwrap().port(), server.port());
}

/// The first failed attempt of each connection.
pub async fn failures(mailbox: &mut Mailbox) -> (MediumError, MediumError) {
    let (mut commands, mut subscriptions) = (None, None);
    loop {
        match next(mailbox).await {
            Notice::Disconnected(error) => commands = Some(error),
            Notice::Unsubscribed(error) => subscriptions = Some(error),
            Notice::Advice(_) => {}
            other => panic!("{other:?}"),
        }
        if let (Some(commands), Some(subscriptions)) = (&commands, &subscriptions) {
            return (commands.clone(), subscriptions.clone());
        }
    }
}

async fn recover(node: &mut Node<RedisMedium>) {
    let (mut is_connected, mut is_subscribed) = (false, false);
    node.wait_for(|notice| {
        match notice {
            Notice::Connected => is_connected = true,
            Notice::Disconnected(_) => is_connected = false,
            Notice::Subscribed => is_subscribed = true,
            Notice::Unsubscribed(_) => is_subscribed = false,
            _ => {}
        }
        (is_connected && is_subscribed).then_some(())
    })
    .await;
}

/// How many connections of ours the server has.
fn connections(server: &RedisServer) -> usize {
    let list: String = server.query(&["CLIENT", "LIST"]);
    list.lines().filter(|line| line.contains(" name=incumbent ")).count()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn all_of_one_process_share_two_connections() {
    let fixture = RedisFixture::new();
    let mut nodes = Vec::new();
    for (kind, id) in [("svc", "a"), ("svc", "b"), ("other", "c")] {
        let mut node = join(&fixture, kind, id).await;
        node.listen([Channel::All]).await;
        nodes.push(node);
    }
    assert_eq!(connections(&fixture.server), 2);
    nodes.pop();
    nodes.pop();
    nodes[0].publish(&[(Channel::All, b"still here")]).await;
    assert_eq!(nodes[0].next_message().await.1, b"still here");
    drop(nodes);
    until("the last closes them", || connections(&fixture.server) == 0).await;
}

#[tokio::test]
async fn another_database_is_another_world() {
    let fixture = RedisFixture::new();
    let other = Target { db: 1, ..fixture.server.target() };
    let mut zero = join(&fixture, "svc", "a").await;
    let timing = fixture.timing;
    let (sender, mut box_one) = mailbox();
    let one =
        RedisMedium::open(other, "svc", &InstanceId::new("b"), timing, Arc::default(), sender);
    assert!(matches!(next(&mut box_one).await, Notice::Connected));
    zero.listen([Channel::All]).await;
    one.publish(vec![(Channel::All, b"from one".to_vec())]).await.unwrap();
    zero.publish(&[(Channel::All, b"from zero")]).await;
    assert_eq!(zero.next_message().await.1, b"from zero");
    zero.take().await;
    let stamp = crate::medium::conformance::stamp();
    let reply = one.execute(crate::election::Command::Peek { stamp }).await.unwrap();
    assert!(reply.missing);
    assert_eq!(connections(&fixture.server), 4);
}

#[tokio::test]
async fn who_comes_to_a_standing_connection_is_told_at_once() {
    let fixture = RedisFixture::new();
    let _first = join(&fixture, "svc", "a").await;
    let (_medium, mut mailbox) = {
        let (sender, mailbox) = mailbox();
        let instance = InstanceId::new("b");
        let target = fixture.server.target();
        (
            RedisMedium::open(target, "svc", &instance, fixture.timing, Arc::default(), sender),
            mailbox,
        )
    };
    let notice = futures_util::FutureExt::now_or_never(mailbox.next(true));
    assert!(matches!(notice, Some(Notice::Connected)));
}

#[tokio::test]
async fn without_a_server_calls_fail_at_once_and_every_attempt_is_told() {
    let mut server = RedisServer::start();
    server.kill();
    let (medium, mut mailbox) = open(server.target(), 800);
    let expected = format!("cannot reach Redis at 127.0.0.1:{}: connection refused", server.port());
    for _ in 0..3 {
        let (commands, subscriptions) = failures(&mut mailbox).await;
        for error in [commands, subscriptions] {
            assert_eq!(error, MediumError::new(MediumErrorKind::Unreachable, expected.clone()));
        }
    }
    let refresh = futures_util::FutureExt::now_or_never(medium.refresh());
    let Some(Err(error)) = refresh else { panic!("it fails at once") };
    assert_eq!(error.message, expected);
    let subscribe = futures_util::FutureExt::now_or_never(medium.subscribe(vec![Channel::All]));
    let Some(Err(error)) = subscribe else { panic!("it fails at once") };
    assert_eq!(error.message, expected);

    server.restart();
    let mut node = node_of(medium, mailbox);
    recover(&mut node).await;
    node.publish(&[(Channel::All, b"hello")]).await;
    assert_eq!(node.next_message().await.1, b"hello", "what was wanted meanwhile is subscribed");
}

pub fn node_of(medium: RedisMedium, mailbox: Mailbox) -> Node<RedisMedium> {
    let instance = InstanceId::new("a");
    let holder = crate::election::Holder::new(&instance, 1);
    Node { medium, mailbox, instance, holder }
}

#[tokio::test]
async fn killed_connections_are_made_again_with_their_subscriptions() {
    let fixture = RedisFixture::with_lease(800);
    let mut node = join(&fixture, "svc", "a").await;
    node.listen([Channel::All, Channel::Leader]).await;
    let held = node.take().await;
    for round in 0..5u8 {
        fixture.server.run("CLIENT KILL TYPE normal");
        fixture.server.run("CLIENT KILL TYPE pubsub");
        recover(&mut node).await;
        node.publish(&[(Channel::Leader, &[round])]).await;
        assert_eq!(node.next_message().await, (Channel::Leader, vec![round]));
        assert!(node.execute(node.renewing(held.term, u64::from(round) + 1)).await.granted);
        assert_eq!(connections(&fixture.server), 2);
    }
}

#[tokio::test]
async fn a_killed_subscription_alone_leaves_the_commands_alone() {
    let fixture = RedisFixture::with_lease(800);
    let mut node = join(&fixture, "svc", "a").await;
    node.listen([Channel::All]).await;
    fixture.server.run("CLIENT KILL TYPE pubsub");
    let mut is_subscribed = false;
    while !is_subscribed {
        match next(&mut node.mailbox).await {
            Notice::Unsubscribed(error) => {
                assert!(error.message.starts_with("lost the connection"), "{error}");
            }
            Notice::Subscribed => is_subscribed = true,
            other => panic!("{other:?}"),
        }
        node.peek().await;
    }
}

#[tokio::test]
async fn a_restarted_server_is_another_one() {
    let mut fixture = RedisFixture::with_lease(800);
    let mut node = join(&fixture, "svc", "a").await;
    node.listen([Channel::All]).await;
    let before = node.sight().await;
    fixture.server.restart();
    recover(&mut node).await;
    let after = node.peek().await;
    assert!(after.missing);
    assert_ne!(after.shown.identity, before.shown.identity);
    node.publish(&[(Channel::All, b"hello")]).await;
    assert_eq!(node.next_message().await.1, b"hello");
}

#[tokio::test]
async fn an_answer_that_is_late_is_told_with_its_round_trip() {
    let fixture = RedisFixture::with_lease(4000);
    let mut node = join(&fixture, "svc", "a").await;
    node.peek().await;
    fixture.server.pause();
    let start = Instant::now();
    let stamp = crate::medium::conformance::stamp();
    let late = node.medium.execute(crate::election::Command::Peek { stamp }).await.unwrap_err();
    let limit = fixture.timing.command_timeout();
    assert!(start.elapsed() >= limit);
    assert_eq!(late.kind, MediumErrorKind::TimedOut);
    assert!(late.message.contains(&format!("within {} ms", limit.as_millis())), "{late}");
    fixture.server.resume();
    let round_trip = node
        .wait_for(|notice| match notice {
            Notice::Late(round_trip) => Some(round_trip),
            Notice::Disconnected(error) => panic!("{error}"),
            _ => None,
        })
        .await;
    assert!(round_trip > limit && round_trip <= start.elapsed());
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_and_found_again() {
    let fixture = RedisFixture::with_lease(400);
    let mut node = join(&fixture, "svc", "a").await;
    node.listen([Channel::All]).await;
    node.peek().await;
    fixture.server.pause();
    assert_eq!(node.medium.refresh().await.unwrap_err().kind, MediumErrorKind::TimedOut);
    // The subscription is found out by its own probe, though nothing is sent on it otherwise.
    let (mut is_disconnected, mut is_unsubscribed) = (false, false);
    node.wait_for(|notice| {
        is_disconnected |= matches!(notice, Notice::Disconnected(_));
        is_unsubscribed |= matches!(notice, Notice::Unsubscribed(_));
        (is_disconnected && is_unsubscribed).then_some(())
    })
    .await;
    let refusal = futures_util::FutureExt::now_or_never(node.medium.refresh());
    assert!(matches!(refusal, Some(Err(_))), "nothing waits for a connection");
    fixture.server.resume();
    recover(&mut node).await;
    node.publish(&[(Channel::All, b"hello")]).await;
    assert_eq!(node.next_message().await.1, b"hello");
}

#[tokio::test]
async fn an_idle_subscription_is_kept() {
    let fixture = RedisFixture::with_lease(100);
    let mut node = join(&fixture, "svc", "a").await;
    node.listen([Channel::All]).await;
    // Ten times as long as it takes to probe.
    sleep(Duration::from_secs(1)).await;
    node.publish(&[(Channel::All, b"hello")]).await;
    let heard = node.wait_for(|notice| match notice {
        Notice::Message { payload, .. } => Some(payload),
        Notice::Unsubscribed(error) if !error.message.contains("did not answer") => {
            panic!("{error}")
        }
        _ => None,
    });
    assert_eq!(heard.await, b"hello");
}

#[tokio::test]
async fn a_subscription_on_which_something_is_heard_is_not_asked_whether_it_lives() {
    let lease = Duration::from_millis(500);
    let fixture = RedisFixture::with_lease(lease.as_millis() as u64);
    let mut node = join(&fixture, "svc", "a").await;
    node.listen([Channel::All]).await;
    let pings = || {
        let statistics: String = fixture.server.query(&["INFO", "commandstats"]);
        let line = statistics.lines().find_map(|line| line.strip_prefix("cmdstat_ping:calls="));
        line.map_or(0, |line| line.split(',').next().unwrap().parse::<u64>().unwrap())
    };
    // Until it was heard all the time, whatever else this machine had to do.
    let asked = loop {
        let (before, began) = (pings(), Instant::now());
        let mut longest_silence = Duration::ZERO;
        while began.elapsed() < 3 * lease {
            let spoke = Instant::now();
            node.publish(&[(Channel::All, b"still here")]).await;
            node.next_message().await;
            longest_silence = longest_silence.max(spoke.elapsed());
        }
        if longest_silence < lease / 2 {
            break pings() - before;
        }
    };
    assert_eq!(asked, 0);
}

#[tokio::test]
async fn garbage_on_every_channel_is_counted_and_ignored() {
    let fixture = RedisFixture::new();
    let mut node = join(&fixture, "svc", "a").await;
    node.listen([Channel::Election, Channel::Registry, Channel::All]).await;
    let deep = "[".repeat(100_000);
    let garbage =
        ["", "x", "null", "{}", r#"{"v":2,"type":"vacancy","term":1,"stamp":"s"}"#, &deep];
    for garbage in garbage {
        for channel in ["election", "registry"] {
            let channel = format!("incumbent:{{svc}}:0:{channel}");
            let _: i64 = fixture.server.query(&["PUBLISH", &channel, garbage]);
        }
    }
    let too_long = vec![b'x'; crate::wire::MAX_ENVELOPE_BYTES + 1];
    node.publish(&[(Channel::All, &too_long), (Channel::All, b"hello")]).await;
    assert_eq!(node.next_message().await.1, b"hello");
    assert_eq!(node.mailbox.malformed(), 2 * garbage.len() as u64 + 1);
    let held = node.take().await;
    let heard = node.next_announcement().await;
    assert!(
        matches!(heard, crate::election::Announcement::Heartbeat { term, .. } if term == held.term)
    );
}

#[tokio::test]
async fn an_answer_counts_no_more_once_its_connection_is_given_up() {
    let server = RedisServer::start();
    let target = server.target();
    let guide = Arc::new(Guide::new(&target, ""));
    let endpoint = guide.locate(&target, PATIENCE).await.unwrap().endpoint;
    let line = Line::open(&target, &endpoint, PATIENCE, |_| {}).await.unwrap();
    let link = Arc::new(Link::new(&line, guide));
    let (sender, mut mailbox) = mailbox();
    let answered = || async { Ok(()) };
    assert_eq!(link.call(|_| answered(), PATIENCE, PATIENCE, late_to(&sender)).await, Ok(()));
    let (late, is_late) = tokio::sync::oneshot::channel();
    let slow = move |_| async move {
        is_late.await.expect("it is sent");
        Ok(())
    };
    let limit = Duration::from_millis(1);
    let timed_out = link.call(slow, limit, PATIENCE, late_to(&sender)).await.unwrap_err();
    assert_eq!(timed_out.kind, MediumErrorKind::TimedOut);
    link.end();
    let lost = link.call(|_| answered(), PATIENCE, PATIENCE, late_to(&sender)).await.unwrap_err();
    assert_eq!(lost.kind, MediumErrorKind::Unreachable);
    late.send(()).expect("it is waited for");
    tokio::task::yield_now().await;
    assert!(
        futures_util::FutureExt::now_or_never(mailbox.next(true)).is_none(),
        "not even as late"
    );
}
