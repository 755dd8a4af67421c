use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use incumbent::{Candidate, ErrorCode, Event, LeadOptions, LossReason, Reign};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::kit::{candidate, eventually, in_memory, kind, next, pair, soon};

/// Tells the reign of each of its runs, and goes on until that is over.
fn recorder() -> (UnboundedSender<Reign>, UnboundedReceiver<Reign>) {
    unbounded_channel()
}

async fn record(runs: UnboundedSender<Reign>, reign: Reign) -> Result<(), incumbent::BoxError> {
    runs.send(reign.clone())?;
    reign.over().await;
    Ok(())
}

async fn begun(runs: &mut UnboundedReceiver<Reign>) -> Reign {
    soon("it is run", runs.recv()).await.expect("the function is there")
}

#[tokio::test]
async fn it_runs_in_each_reign_and_its_release_waits_for_it() {
    let (first, second) = pair().await;
    let (runs, mut begins) = recorder();
    let lead = first.lead(move |reign| record(runs.clone(), reign));
    let reign = begun(&mut begins).await;
    assert_eq!(reign.term(), first.current_term());
    first.transfer_to(second.id()).await.unwrap();
    assert_eq!(reign.loss(), Some(LossReason::Transferred));
    let error = reign.check().unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotLeader);
    assert!(error.message().contains("handed over"), "{error}");

    second.stop().await;
    let again = begun(&mut begins).await;
    assert!(again.term() > reign.term() && !again.is_over());
    lead.stop().await;
    assert!(again.is_over() && first.is_leader(), "the leadership stays");
}

#[tokio::test]
async fn a_stop_waits_for_what_runs() {
    let (first, second) = pair().await;
    let (is_done, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (began, mut begins) = unbounded_channel();
    let work = is_done.clone();
    let _lead = first.lead(move |reign| {
        let (work, began) = (work.clone(), began.clone());
        async move {
            began.send(())?;
            reign.over().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            work.store(true, Ordering::SeqCst);
            Ok(())
        }
    });
    begins.recv().await.unwrap();
    let observed = (done.clone(), is_done.clone());
    let watch = tokio::spawn(async move {
        eventually("the other one leads", || second.is_leader()).await;
        observed.0.store(observed.1.load(Ordering::SeqCst), Ordering::SeqCst);
    });
    first.stop().await;
    soon("it is followed", watch).await.unwrap();
    assert!(done.load(Ordering::SeqCst), "nobody led before the work was done");
}

#[tokio::test]
async fn what_ignores_the_end_is_dropped_after_the_drain_and_nothing_is_released() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let candidate = Candidate::new(in_memory(&kind()).drain_ms(50)).unwrap();
    let mut events = candidate.events();
    candidate.start().await.unwrap();
    let is_dropped = Arc::new(AtomicBool::new(false));
    let (begun, mut begins) = unbounded_channel();
    let flag = is_dropped.clone();
    let _lead = candidate.lead(move |_| {
        let (begun, dropped) = (begun.clone(), Dropped(flag.clone()));
        async move {
            begun.send(())?;
            let _dropped = dropped;
            std::future::pending().await
        }
    });
    begins.recv().await.unwrap();
    let error = candidate.reelect().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DrainTimeout);
    eventually("it is dropped", || is_dropped.load(Ordering::SeqCst)).await;

    // Where nobody waits, an event tells.
    soon("it is run again", begins.recv()).await.unwrap();
    candidate.stop().await;
    let overrun = next("it is told", &mut events, |event| match event {
        Event::Error(error) => Some(error.code()),
        _ => None,
    });
    assert_eq!(overrun.await, ErrorCode::DrainTimeout);
}

#[tokio::test]
async fn a_failure_gives_the_leadership_up_and_is_told_as_it_was() {
    let (first, second) = pair().await;
    let mut lead = first.lead(|_| async { Err(std::io::Error::other("no disk").into()) });
    let error = soon("it is told", lead.done()).await.unwrap_err();
    assert!(error.downcast_ref::<std::io::Error>().is_some(), "{error}");
    eventually("the other one leads", || second.is_leader()).await;
}

#[tokio::test]
async fn a_failure_that_nobody_waits_for_becomes_an_event_and_so_does_a_panic() {
    for panics in [false, true] {
        let candidate = candidate(&kind());
        let mut events = candidate.events();
        drop(candidate.lead(move |_| async move {
            assert!(!panics, "out of order");
            Err("no disk".into())
        }));
        candidate.start().await.unwrap();
        let failed = next("it is told", &mut events, |event| match event {
            Event::Error(error) => Some(error),
            _ => None,
        });
        let error = failed.await;
        assert_eq!(error.code(), ErrorCode::LeadFailed);
        let word = if panics { "out of order" } else { "no disk" };
        assert!(error.message().contains(word), "{error}");
    }
}

#[tokio::test]
async fn one_that_heeds_its_end_by_an_error_has_not_failed() {
    let candidate = candidate(&kind());
    let runs = Arc::new(AtomicUsize::new(0));
    let count = runs.clone();
    let mut lead = candidate.lead(move |reign| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            loop {
                reign.check()?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    candidate.start().await.unwrap();
    for run in 1..=3 {
        eventually("it is run", || runs.load(Ordering::SeqCst) == run).await;
        candidate.reelect().await.unwrap();
    }
    lead.stop().await;
    lead.done().await.unwrap();
}

#[tokio::test]
async fn without_keep_the_leadership_goes_to_the_next_one_when_it_has_returned() {
    let kind = kind();
    let (worked, mut works) = unbounded_channel();
    let candidates: Vec<Candidate> = (0..3)
        .map(|number| {
            let candidate = candidate(&kind);
            let worked = worked.clone();
            let _goes_on = candidate.lead_with(LeadOptions::new().keep(false), move |_| {
                let worked = worked.clone();
                async move { Ok(worked.send(number)?) }
            });
            candidate
        })
        .collect();
    for candidate in &candidates {
        candidate.start().await.unwrap();
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        seen.insert(soon("one works", works.recv()).await.unwrap());
    }
}

#[tokio::test]
async fn one_that_was_stopped_before_it_ran_is_done() {
    let candidate = candidate(&kind());
    let mut lead = candidate.lead(|_| std::future::pending());
    lead.stop().await;
    lead.done().await.unwrap();
    candidate.start().await.unwrap();
    candidate.stop().await;
}
