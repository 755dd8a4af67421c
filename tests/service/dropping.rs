use std::time::{Duration, Instant};

use incumbent::{Candidate, ErrorCode, Event, Options};
use tokio::runtime::Runtime;

use crate::kit::{candidate, eventually, in_memory, kind, next, pair, soon};

#[tokio::test]
async fn a_leader_that_is_dropped_leads_no_more_and_is_followed_before_its_lease_has_run_out() {
    let kind = kind();
    // Whoever finds a kind without a record waits for a lease; this one has a short one.
    let herald = candidate(&kind);
    herald.start().await.unwrap();
    let first = Candidate::new(in_memory(&kind).lease_ms(600_000).renew_ms(100)).unwrap();
    let mut events = first.events();
    first.start().await.unwrap();
    herald.transfer_to(first.id()).await.unwrap();
    herald.stop().await;
    let second = candidate(&kind);
    second.start().await.unwrap();
    let elected = |event| if let Event::Elected(reign) = event { Some(reign) } else { None };
    let reign = next("it is elected", &mut events, elected).await;
    assert!(!reign.is_over());
    drop(first);
    assert!(reign.is_over(), "at once");
    eventually("the other one leads", || second.is_leader()).await;
}

#[tokio::test]
async fn a_clone_keeps_the_candidate_and_neither_a_stream_nor_a_token_does() {
    let candidate = candidate(&kind());
    let mut events = candidate.events();
    let clone = candidate.clone();
    clone.start().await.unwrap();
    drop(candidate);
    assert!(clone.is_leader());
    let elected = |event| if let Event::Elected(reign) = event { Some(reign) } else { None };
    let reign = next("it is elected", &mut events, elected).await;
    drop(clone);
    let rest = soon("the stream ends", async {
        let mut rest = Vec::new();
        while let Some(event) = events.next().await {
            rest.push(event);
        }
        rest
    });
    let defeats = rest.await.iter().filter(|event| matches!(event, Event::Defeated { .. })).count();
    assert_eq!(defeats, 1);
    assert!(reign.check().is_err());
}

#[tokio::test]
async fn a_stream_of_one_that_was_never_started_ends_with_it() {
    let candidate = candidate(&kind());
    let mut events = candidate.events();
    drop(candidate);
    assert!(soon("it ends", events.next()).await.is_none());
}

#[tokio::test]
async fn what_it_runs_is_waited_for_and_then_over() {
    let (first, second) = pair().await;
    let (let_go, held) = tokio::sync::watch::channel(false);
    let (began, mut beginning) = tokio::sync::mpsc::unbounded_channel();
    let mut lead = first.lead(move |reign| {
        let (mut held, began) = (held.clone(), began.clone());
        async move {
            began.send(()).unwrap();
            reign.over().await;
            held.wait_for(|held| *held).await?;
            Ok(())
        }
    });
    beginning.recv().await.unwrap();
    drop(first);
    // Two leases, in which it goes on to hold the register.
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!second.is_leader());
    let_go.send(true).unwrap();
    soon("it is done", lead.done()).await.unwrap();
    eventually("the other one leads", || second.is_leader()).await;
}

#[test]
fn a_runtime_that_ends_with_a_leader_leaves_its_lease_to_lapse() {
    let kind = kind();
    let in_memory = || Candidate::new(in_memory(&kind)).unwrap();
    let (first, second) = (in_memory(), in_memory());
    let mut events = first.events();
    let doomed = Runtime::new().unwrap();
    doomed.block_on(first.start()).unwrap();
    assert!(first.is_leader());
    let ended_at = Instant::now();
    drop(doomed);
    assert!(!first.is_leader());

    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        second.start().await.unwrap();
        eventually("the other one leads", || second.is_leader()).await;
        assert!(ended_at.elapsed() >= Duration::from_millis(160), "nothing is released");
        let defeated = |event| matches!(event, Event::Defeated { .. }).then_some(());
        next("it is told", &mut events, defeated).await;
        // And it can be started again.
        first.start().await.unwrap();
    });
}

#[test]
fn whoever_waits_on_another_runtime_is_told_when_that_of_the_candidate_ends() {
    let doomed = Runtime::new().unwrap();
    let options = Options::new().memory().kind(kind()).runtime(doomed.handle().clone());
    let candidate = Candidate::new(options.eligible(false)).unwrap();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(candidate.start()).unwrap();
    let waiting = candidate.clone();
    let waiting = runtime.spawn(async move { waiting.wait_for_leader().await });
    doomed.shutdown_background();
    runtime.block_on(soon("it is told", waiting)).unwrap().unwrap_err();
}

#[test]
fn a_runtime_that_has_ended_is_refused() {
    let ended = Runtime::new().unwrap();
    let candidate = Candidate::new(in_memory(&kind()).runtime(ended.handle().clone())).unwrap();
    drop(ended);
    let runtime = Runtime::new().unwrap();
    for _ in 0..2 {
        let error = runtime.block_on(soon("it is refused", candidate.start())).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NoRuntime);
    }
    assert!(!candidate.is_leader());
}
