//! Credentials that are asked for, and change.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::connections::{failures, next, node_of, open};
use super::server::RedisServer;
use crate::medium::redis::{Credentials, Provider, Refusal, Target};
use crate::medium::{MediumErrorKind, Notice};

/// A provider, and how often it was asked.
fn provider(
    answer: impl Fn(usize) -> Result<String, Refusal> + Send + Sync + 'static,
) -> (Provider, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let provider = Provider::new(move || {
        let answer = answer(count.fetch_add(1, Ordering::SeqCst));
        let username = Some("svc".to_owned());
        let answer = answer.map(|password| Credentials { username, password });
        Box::pin(async { answer })
    });
    (provider, asked)
}

fn permit(server: &RedisServer, password: &str) {
    server.run(&format!("ACL SETUSER svc reset on >{password} ~* &* +@all"));
}

#[tokio::test]
async fn they_are_asked_for_anew_with_each_connection() {
    let server = RedisServer::start();
    permit(&server, "first");
    let (provider, asked) = provider(|time| Ok(if time < 2 { "first" } else { "second" }.into()));
    let (medium, mailbox) = open(Target { credentials: Some(provider), ..server.target() }, 800);
    let mut node = node_of(medium, mailbox);
    node.wait_for(|notice| matches!(notice, Notice::Connected).then_some(())).await;
    node.listen([crate::medium::Channel::All]).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2, "once for each connection");

    permit(&server, "second");
    node.peek().await;
    server.run("CLIENT KILL USER svc");
    let begun = Instant::now();
    while asked.load(Ordering::SeqCst) < 4 {
        assert!(begun.elapsed() < Duration::from_secs(20), "both connections are made anew");
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_provider_that_refuses_is_a_failed_attempt_and_asked_again() {
    let server = RedisServer::start();
    permit(&server, "secret");
    let (provider, _) = provider(|time| match time {
        0..4 => Err("threw: no network".into()),
        _ => Ok("secret".into()),
    });
    let (_medium, mut mailbox) =
        open(Target { credentials: Some(provider), ..server.target() }, 800);
    let (commands, subscriptions) = failures(&mut mailbox).await;
    for error in [commands, subscriptions] {
        assert_eq!(error.kind, MediumErrorKind::NoCredentials);
        let expected = "the function in option redis.credentials threw: no network";
        assert_eq!(error.message, expected);
    }
    while !matches!(next(&mut mailbox).await, Notice::Connected) {}
}

#[tokio::test]
async fn those_who_ask_another_provider_share_no_connection() {
    let server = RedisServer::start();
    permit(&server, "secret");
    let (one, asked) = provider(|_| Ok("secret".into()));
    let (other, asked_other) = provider(|_| Ok("secret".into()));
    let mut all = Vec::new();
    for provider in [&one, &one, &other] {
        let credentials = Some(provider.clone());
        let (medium, mut mailbox) = open(Target { credentials, ..server.target() }, 800);
        assert!(matches!(next(&mut mailbox).await, Notice::Connected));
        all.push((medium, mailbox));
    }
    for (medium, _) in &all {
        use crate::medium::Medium;
        medium.subscribe(vec![crate::medium::Channel::All]).await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(asked_other.load(Ordering::SeqCst), 2);
}
