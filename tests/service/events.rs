use incumbent::{Candidate, Event, State};

use crate::kit::{candidate, in_memory, kind, next, pair, soon, text};

#[tokio::test]
async fn a_reign_is_told_from_its_beginning_to_its_end_in_order() {
    let candidate = candidate(&kind());
    let mut events = candidate.events();
    candidate.start().await.unwrap();
    let term = candidate.current_term();
    candidate.stop().await;
    drop(candidate);
    let mut told = Vec::new();
    while let Some(event) = soon("the stream ends", events.next()).await {
        match event {
            Event::Elected(reign) => told.push(format!("elected {}", reign.term() == term)),
            Event::Defeated { term: of, reason, .. } => {
                told.push(format!("defeated {} {}", of == Some(term), reason.unwrap()));
            }
            Event::StateChanged(state) if state != State::Candidate => {
                told.push(state.to_string());
            }
            _ => {}
        }
    }
    assert_eq!(told, ["elected true", "leader", "defeated true stopped", "follower"]);
}

#[tokio::test]
async fn each_stream_has_every_event_and_is_a_stream_for_those_who_combine_them() {
    use futures_util::StreamExt;

    let (leader, follower) = pair().await;
    let (mut one, other) = (follower.events(), follower.events());
    let texts = other.filter_map(|event| async { text(event) });
    leader.message_all("hello").await.unwrap();
    assert_eq!(next("it comes", &mut one, text).await, "hello");
    let texts: Vec<String> = soon("it comes", Box::pin(texts).take(1).collect()).await;
    assert_eq!(texts, ["hello"]);
}

#[tokio::test]
async fn one_that_is_not_read_loses_messages_and_no_role() {
    const COUNT: usize = 20_000;
    let (leader, follower) = pair().await;
    let (mut read, mut unread) = (follower.events(), follower.events());
    for first in (0..COUNT).step_by(500) {
        let sent: Vec<_> = (first..first + 500).map(|it| leader.message_all(&it)).collect();
        for one in sent {
            soon("it is taken", one).await.unwrap();
        }
        for expected in first..first + 500 {
            let received = next("it comes", &mut read, |event| match event {
                Event::Message(message) => Some(message.json::<usize>().unwrap()),
                _ => None,
            });
            assert_eq!(received.await, expected, "the other stream keeps nothing from this one");
        }
    }
    leader.stop().await;
    crate::kit::eventually("it leads", || follower.is_leader()).await;
    follower.stop().await;
    drop(follower);

    let (mut messages, mut missed, mut told) = (0, 0, Vec::new());
    while let Some(event) = soon("the stream ends", unread.next()).await {
        match event {
            Event::Message(_) => messages += 1,
            Event::Lagged(count) => missed += count,
            Event::Elected(_) => told.push("elected"),
            Event::Defeated { .. } => told.push("defeated"),
            _ => {}
        }
    }
    assert_eq!(messages, 16_384);
    assert_eq!(messages + missed, COUNT as u64);
    assert_eq!(told, ["elected", "defeated"]);
}

#[tokio::test]
async fn instances_with_another_lease_are_warned_of() {
    let kind = kind();
    let first = candidate(&kind);
    first.start().await.unwrap();
    let second = Candidate::new(in_memory(&kind).lease_ms(800)).unwrap();
    let mut events = second.events();
    second.start().await.unwrap();
    let warned = next("it is told", &mut events, |event| match event {
        Event::Warning(warning) => Some(warning),
        _ => None,
    });
    assert_eq!(warned.await.code().as_str(), "WARN_UNEQUAL_LEASE");
}
