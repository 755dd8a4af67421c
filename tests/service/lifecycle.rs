use incumbent::{Candidate, ErrorCode, Event, State, Status};

use crate::kit::{candidate, in_memory, kind, next, pair, soon};

#[tokio::test]
async fn one_of_two_leads_and_the_other_follows_once_both_have_started() {
    let (first, second) = pair().await;
    assert_eq!((first.state(), second.state()), (State::Leader, State::Follower));
    assert_eq!(first.current_term(), second.current_term());
    assert_eq!(second.wait_for_leader().await.as_deref(), Ok(first.id()));
    assert!(!second.is_leader());
    assert!(!first.valid_for().is_zero() && second.valid_for().is_zero());
}

#[tokio::test]
async fn calls_of_start_share_one_start_and_a_started_one_starts_at_once() {
    let candidate = candidate(&kind());
    let mut events = candidate.events();
    let (one, other) = tokio::join!(candidate.start(), candidate.start());
    assert_eq!((one, other), (Ok(()), Ok(())));
    assert_eq!(candidate.start().await, Ok(()));
    let elected = |event| matches!(event, Event::Elected(_)).then_some(());
    next("it is elected", &mut events, elected).await;
    candidate.stop().await;
    assert_eq!(candidate.stats().takeovers, 1);
}

#[tokio::test]
async fn a_stop_before_the_start_has_ended_refuses_it() {
    let candidate = Candidate::new(in_memory(&kind()).min_instances(2)).unwrap();
    let starting = candidate.clone();
    let started = tokio::spawn(async move { starting.start().await });
    let lonely = crate::kit::candidate(&kind());
    lonely.start().await.unwrap();
    // One that may not lead yet starts without a leader, so the start is caught on its way, or has just ended.
    candidate.stop().await;
    match soon("the start ends", started).await.unwrap() {
        Ok(()) => {}
        Err(error) => assert_eq!(error.code(), ErrorCode::Stopped),
    }
    assert_eq!(candidate.health().status, Status::Down);
}

#[tokio::test]
async fn a_stopped_leader_is_followed_and_may_start_again_in_a_higher_term() {
    let (first, second) = pair().await;
    let term = first.current_term();
    first.stop().await;
    assert!(!first.is_leader());
    soon("the other one leads", async {
        while second.wait_for_leader().await.unwrap() != second.id() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    first.start().await.unwrap();
    assert!(second.is_leader() && !first.is_leader());
    assert!(first.current_term() > term);
    second.stop().await;
    first.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn a_start_during_a_stop_waits_for_its_end() {
    let candidate = candidate(&kind());
    candidate.start().await.unwrap();
    let leader = candidate.wait_for_leader();
    assert_eq!(leader.await.as_deref(), Ok(candidate.id()));
    // They are polled in this order, so the third one waits for the run that begins with the second.
    let ((), started, leader) =
        tokio::join!(biased; candidate.stop(), candidate.start(), candidate.wait_for_leader());
    assert_eq!((started, leader.as_deref()), (Ok(()), Ok(candidate.id())));
    assert!(candidate.is_leader());
}

#[tokio::test]
async fn what_needs_a_started_candidate_says_so() {
    let candidate = candidate(&kind());
    let codes = [
        candidate.instances().await.map(drop),
        candidate.leader().await.map(drop),
        candidate.wait_for_leader().await.map(drop),
        candidate.transfer_to("other").await.map(drop),
        candidate.set_meta("new").await,
        candidate.message_all("hello").await,
        candidate.set_checkpoint(&1).await,
        candidate.checkpoint::<u32>().await.map(drop),
    ]
    .map(|result| result.unwrap_err().code());
    assert_eq!(codes, [ErrorCode::NotStarted; 8]);
    assert_eq!(candidate.reelect().await, Ok(()));
}

#[tokio::test]
async fn whoever_waits_for_a_leader_is_told_of_a_stop() {
    let candidate = Candidate::new(in_memory(&kind()).eligible(false)).unwrap();
    candidate.start().await.unwrap();
    let waiting = candidate.clone();
    let waiting = tokio::spawn(async move { waiting.wait_for_leader().await });
    tokio::task::yield_now().await;
    candidate.stop().await;
    let error = soon("it is told", waiting).await.unwrap().unwrap_err();
    // It may have asked only after the stop.
    assert!(matches!(error.code(), ErrorCode::Stopped | ErrorCode::NotStarted), "{error}");
}

#[tokio::test]
async fn the_instances_are_listed_with_their_meta_and_their_state() {
    let kind = kind();
    let first = Candidate::new(in_memory(&kind).meta(&("a", 1))).unwrap();
    first.start().await.unwrap();
    let mut events = first.events();
    let second = candidate(&kind);
    second.start().await.unwrap();
    let joined = next("the other one joins", &mut events, |event| match event {
        Event::Joined(instance) => Some(instance),
        _ => None,
    });
    assert_eq!(joined.await.id(), second.id());
    let instances = second.instances().await.unwrap();
    let leader = instances.iter().find(|one| one.state() == State::Leader).unwrap();
    assert_eq!((leader.id(), leader.meta::<(&str, u32)>().unwrap()), (first.id(), ("a", 1)));
    assert_eq!(leader.meta::<u32>().unwrap_err().code(), ErrorCode::InvalidMessage);

    first.set_meta("b").await.unwrap();
    let leader = second.leader().await.unwrap().unwrap();
    assert_eq!(leader.meta_json(), r#""b""#);
    let error = first.set_meta(&"x".repeat(20_000)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::LimitExceeded);

    second.stop().await;
    let left = next("it leaves", &mut events, |event| match event {
        Event::Left(instance) => Some(instance.id().to_owned()),
        _ => None,
    });
    assert_eq!(left.await, second.id());
}

#[tokio::test]
async fn the_leadership_is_handed_over_to_whom_is_named() {
    let (first, second) = pair().await;
    let term = first.current_term();
    assert_eq!(first.transfer_to(second.id()).await.as_deref(), Ok(second.id()));
    assert!(second.is_leader() && second.current_term() > term);
    let error = first.transfer_to(second.id()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotLeader);
    let error = second.transfer_to("nobody").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(second.is_leader());
}

#[tokio::test]
async fn another_one_comes_first_after_a_reelection() {
    let (first, second) = pair().await;
    first.reelect().await.unwrap();
    assert!(!first.is_leader());
    crate::kit::eventually("the other one leads", || second.is_leader()).await;
}

#[tokio::test]
async fn the_health_says_who_leads_and_the_stats_what_was_counted() {
    let (first, second) = pair().await;
    let health = second.health();
    assert_eq!((health.status, health.role), (Status::Up, State::Follower));
    assert_eq!(health.leader.as_deref(), Some(first.id()));
    crate::kit::eventually("it renews", || first.stats().renewals.granted > 0).await;
    assert_eq!(first.stats().instances, 2);
    assert!(first.stats().round_trips.is_some());
    first.stop().await;
    assert_eq!(first.health().status, Status::Down);
}
