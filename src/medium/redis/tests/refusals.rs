//! Servers that refuse, or that cannot be used.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::connections::{PATIENCE, failures, next, node_of, open};
use super::server::RedisServer;
use super::suite::RedisFixture;
use crate::medium::conformance::{Node, join};
use crate::medium::redis::{RedisMedium, Target};
use crate::medium::{Channel, Medium, MediumErrorKind, Notice};

#[tokio::test]
async fn a_wrong_password_is_told_at_every_attempt_and_never_repeated() {
    let server = RedisServer::start_with(&["--requirepass", "canary-4e1d-the-right-one"]);
    for (password, words) in [
        (Some("canary-4e1d-a-wrong-one"), "refused the password (WRONGPASS"),
        (None, "wants a password (NOAUTH"),
    ] {
        let target = Target { password: password.map(str::to_owned), ..server.target() };
        let (_medium, mut mailbox) = open(target, 800);
        for _ in 0..2 {
            let (commands, subscriptions) = failures(&mut mailbox).await;
            for error in [commands, subscriptions] {
                assert_eq!(error.kind, MediumErrorKind::Refused, "{error}");
                assert!(error.message.contains(words), "{error}");
                assert!(!error.message.contains("-one"), "{error}");
            }
        }
    }
    let target = Target { password: Some("canary-4e1d-the-right-one".into()), ..server.target() };
    let (_medium, mut mailbox) = open(target, 800);
    assert!(matches!(next(&mut mailbox).await, Notice::Connected));
}

/// A server that answers whatever it is sent by `answer`. Its threads end with the connections, the first with the process.
fn impostor(answer: impl Fn(&str) -> String + Clone + Send + 'static) -> Target {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("some port is free");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut bytes = vec![0; 65_536];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    let answer = answer(&String::from_utf8_lossy(&bytes[..count]));
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    Target::parse(&format!("redis://127.0.0.1:{port}")).expect("the URL is sound")
}

#[tokio::test]
async fn an_old_server_is_told_by_its_version() {
    let target = impostor(|asked| {
        let greeting = "%2\r\n$7\r\nversion\r\n$6\r\n6.0.16\r\n$4\r\nrole\r\n$6\r\nmaster\r\n";
        greeting.repeat(asked.matches("HELLO").count())
            + &"+OK\r\n".repeat(asked.matches("SETNAME").count())
    });
    let (_medium, mut mailbox) = open(target, 800);
    let (error, _) = failures(&mut mailbox).await;
    assert_eq!(error.kind, MediumErrorKind::TooOld);
    assert!(error.message.ends_with("is version 6.0.16; Incumbent needs 6.2 or newer"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_know_the_greeting_is_too_old() {
    for words in [
        "-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n",
        "-ERR unknown command 'HELLO'\r\n",
    ] {
        let target = impostor(|_| words.to_owned());
        let (_medium, mut mailbox) = open(target, 800);
        let (error, _) = failures(&mut mailbox).await;
        assert_eq!(error.kind, MediumErrorKind::TooOld, "{error}");
    }
}

#[tokio::test]
async fn what_is_not_redis_is_unreachable() {
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\0\0\r\n", ""] {
        let target = impostor(|_| answer.to_owned());
        let (_medium, mut mailbox) = open(target, 100);
        let (error, _) = failures(&mut mailbox).await;
        assert_eq!(error.kind, MediumErrorKind::Unreachable, "{error}");
        assert!(error.message.starts_with("cannot reach Redis at 127.0.0.1:"), "{error}");
    }
}

#[tokio::test]
async fn tls_to_a_server_without_it_is_unreachable() {
    let server = RedisServer::start();
    let (_medium, mut mailbox) = open(Target { tls: Some(Arc::default()), ..server.target() }, 800);
    let (error, _) = failures(&mut mailbox).await;
    assert_eq!(error.kind, MediumErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn a_replica_is_not_connected_to() {
    let server = RedisServer::start();
    server.run("REPLICAOF 127.0.0.1 1");
    let (medium, mut mailbox) = open(server.target(), 800);
    let (error, _) = failures(&mut mailbox).await;
    assert_eq!(error.kind, MediumErrorKind::NotMaster);
    assert!(error.message.contains("is not a master"), "{error}");
    server.run("REPLICAOF NO ONE");
    recover_commands(&mut node_of(medium, mailbox)).await;
}

async fn recover_commands(node: &mut Node<RedisMedium>) {
    node.wait_for(|notice| matches!(notice, Notice::Connected).then_some(())).await;
    node.peek().await;
}

#[tokio::test]
async fn a_forbidden_channel_costs_no_other_and_is_tried_again() {
    let server = RedisServer::start();
    let user = "ACL SETUSER svc on >secret-canary-4e1d ~* +@all resetchannels";
    server.run(&format!("{user} &incumbent:{{svc}}:0:all"));
    let target = Target {
        username: Some("svc".into()),
        password: Some("secret-canary-4e1d".into()),
        ..server.target()
    };
    let (medium, mailbox) = open(target, 800);
    let mut node = node_of(medium, mailbox);
    recover_commands(&mut node).await;
    node.listen([Channel::All]).await;
    let refusal = node.medium.subscribe(vec![Channel::All, Channel::Leader]).await.unwrap_err();
    assert_eq!(refusal.kind, MediumErrorKind::Refused, "{refusal}");
    for _ in 0..2 {
        let refusal = node.wait_for(|notice| match notice {
            Notice::Unsubscribed(error) => Some(error),
            Notice::Subscribed => panic!("one channel is forbidden"),
            _ => None,
        });
        assert_eq!(refusal.await.kind, MediumErrorKind::Refused);
    }
    node.publish(&[(Channel::All, b"hello")]).await;
    assert_eq!(node.next_message().await.1, b"hello");
    server.run(&format!("{user} &*"));
    node.wait_for(|notice| matches!(notice, Notice::Subscribed).then_some(())).await;
    node.publish(&[(Channel::Leader, b"at last")]).await;
    assert_eq!(node.next_message().await.1, b"at last");
}

#[tokio::test]
async fn a_busy_server_is_told_and_waited_for() {
    let fixture = RedisFixture::with_lease(4000);
    let node = join(&fixture, "svc", "a").await;
    node.peek().await;
    fixture.server.run("CONFIG SET lua-time-limit 1");
    let url = fixture.server.url();
    let busy = thread::spawn(move || {
        let client = redis::Client::open(url).expect("the URL is sound");
        let mut connection = client.get_connection().expect("the server is up");
        redis::cmd("EVAL").arg("while true do end").arg(0).query::<()>(&mut connection)
    });
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "the server gets busy");
        let stamp = crate::medium::conformance::stamp();
        match node.medium.execute(crate::election::Command::Peek { stamp }).await {
            Ok(_) => sleep(Duration::from_millis(5)).await,
            Err(error) => {
                assert_eq!(error.kind, MediumErrorKind::Failed, "{error}");
                assert!(error.message.contains("BUSY"), "{error}");
                break;
            }
        }
    }
    fixture.server.run("SCRIPT KILL");
    assert!(busy.join().expect("the thread ends").is_err());
    node.peek().await;
}

/// What was told by way of advice until the medium was connected, or an attempt failed.
async fn advice(mailbox: &mut crate::medium::Mailbox) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        match next(mailbox).await {
            Notice::Advice(text) => told.push(text),
            Notice::Connected | Notice::Disconnected(_) => return told,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_server_that_may_evict_the_register_is_warned_of_once_in_a_process() {
    let limit = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let server = RedisServer::start_with(&limit);
    let (_first, mut mailbox) = open(server.target(), 800);
    let told = advice(&mut mailbox).await;
    let [text] = &told[..] else { panic!("{told:?}") };
    assert!(text.contains("allkeys-lru") && text.contains("volatile-*"), "{text}");
    // Another connection of the same process, and one to a sound server.
    let elsewhere = Target { db: 1, ..server.target() };
    let (_second, mut mailbox) = open(elsewhere, 800);
    assert_eq!(advice(&mut mailbox).await, Vec::<String>::new());
    let sound = RedisServer::start();
    let (_third, mut mailbox) = open(sound.target(), 800);
    assert_eq!(advice(&mut mailbox).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_replica_is_warned_of_once_though_every_attempt_fails() {
    let server = RedisServer::start();
    server.run("REPLICAOF 127.0.0.1 1");
    let (_medium, mut mailbox) = open(server.target(), 800);
    let told = advice(&mut mailbox).await;
    assert!(matches!(&told[..], [text] if text.contains("name the master")), "{told:?}");
    for _ in 0..3 {
        assert_eq!(advice(&mut mailbox).await, Vec::<String>::new());
    }
}
