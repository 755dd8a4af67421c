use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use incumbent::{Candidate, Credentials, ErrorCode, Event, Options, Redis, Status};

use crate::kit::{eventually, kind, next, secret, soon, text};
use crate::redis_server::{RedisServer, free_port};

#[tokio::test]
async fn over_a_server_one_leads_the_other_takes_over_and_they_talk() {
    let server = RedisServer::start();
    let candidate = || Candidate::new(Options::new().redis(server.url()).kind("talkers")).unwrap();
    let (first, second) = (candidate(), candidate());
    first.start().await.unwrap();
    second.start().await.unwrap();
    assert!(first.is_leader() && !second.is_leader());
    let mut events = second.events();
    first.message_followers("hello").await.unwrap();
    assert_eq!(next("it comes", &mut events, text).await, "hello");
    first.stop().await;
    eventually("the other one leads", || second.is_leader()).await;
    second.stop().await;
}

#[tokio::test]
async fn a_server_that_is_away_is_told_of_and_waited_for() {
    let mut server = RedisServer::start();
    let options = Options::new().redis(server.url()).kind("patient").lease_ms(200);
    let candidate = Candidate::new(options).unwrap();
    let mut events = candidate.events();
    candidate.start().await.unwrap();
    server.kill();
    let told = next("it is told", &mut events, |event| match event {
        Event::Error(error) => Some(error.code()),
        _ => None,
    });
    assert_eq!(told.await, ErrorCode::RedisUnreachable);
    eventually("it is down", || candidate.health().status == Status::Down).await;
    assert!(!candidate.is_leader());
    let error = candidate.message_all("hello").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RedisUnreachable);

    server.restart();
    eventually("it leads again", || candidate.is_leader()).await;
    let again = |event| matches!(event, Event::Reconnected).then_some(());
    next("it is told", &mut events, again).await;
    candidate.stop().await;
}

#[tokio::test]
async fn credentials_are_asked_for_before_each_connection() {
    let password = secret("redis");
    let server = RedisServer::start_with(&["--requirepass", &password]);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let ask = move || {
        let (count, password) = (count.clone(), password.clone());
        async move {
            if count.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err("no token yet\nand more");
            }
            Ok(Credentials::new(password).username("default"))
        }
    };
    let redis = Redis::url(server.url()).credentials(ask);
    let candidate = Candidate::new(Options::new().redis(redis)).unwrap();
    let mut events = candidate.events();
    soon("it starts", candidate.start()).await.unwrap();
    let failed = next("it is told", &mut events, |event| match event {
        Event::Error(error) => Some(error),
        _ => None,
    });
    let error = failed.await;
    assert_eq!(error.code(), ErrorCode::Credentials);
    assert!(error.message().ends_with("no token yet"), "{error}");
    assert!(asked.load(Ordering::SeqCst) > 2);
    candidate.stop().await;
}

#[tokio::test]
async fn sentinels_and_nodes_of_a_cluster_that_are_away_are_named_in_the_error() {
    let port = free_port();
    let node = ("127.0.0.1", port);
    let sentinels = incumbent::Sentinels::new([node], "mymaster");
    for redis in [Redis::sentinels(sentinels), Redis::cluster([node])] {
        let candidate = Candidate::new(Options::new().redis(redis).kind(kind())).unwrap();
        let mut events = candidate.events();
        let starting = candidate.clone();
        let start = tokio::spawn(async move { starting.start().await });
        let told = next("it is told", &mut events, |event| match event {
            Event::Error(error) => Some(error),
            _ => None,
        });
        let error = told.await;
        assert!(error.message().contains(&port.to_string()), "{error}");
        candidate.stop().await;
        assert_eq!(start.await.unwrap().unwrap_err().code(), ErrorCode::Stopped);
    }
}
