//! What becomes of events that are not read: each case is told as one word an event.

use std::sync::{Arc, Weak};

use futures_util::FutureExt;

use super::*;
use crate::api::reign::Core;
use crate::api::{Channel, Gap, Instance, LossReason, Reign, State as InstanceState};
use crate::driver::InstanceView;
use crate::election::{Candidacy, Holder, InstanceId, Role, Term};
use crate::wire::InstanceRecord;

/// `E1` elected in term 1, `D1` defeated, `S` and `F` a state, `La` the leader a, `Ja` and `Qa` an instance a that joins and leaves, `G` a gap.
fn event(word: &str) -> Event {
    let rest = &word[1..];
    match &word[..1] {
        "E" => {
            let core = Core::new(Weak::new(), Term(rest.parse().unwrap()), None);
            Event::Elected(Reign::new(Arc::new(core), None))
        }
        "D" => Event::Defeated {
            leader: None,
            term: Some(rest.parse().unwrap()),
            reason: Some(LossReason::Expired),
        },
        "S" => Event::StateChanged(InstanceState::Leader),
        "F" => Event::StateChanged(InstanceState::Follower),
        "L" => Event::LeaderChanged { leader: Some(rest.to_owned()), term: 1 },
        "J" => Event::Joined(instance(rest)),
        "Q" => Event::Left(instance(rest)),
        "G" => Event::Gap(Gap { from: String::new(), channel: Channel::All, missed: 1 }),
        other => panic!("there is no event {other}"),
    }
}

fn instance(id: &str) -> Instance {
    let holder = Holder::new(&InstanceId::new(id), 1);
    let meta = serde_json::value::to_raw_value("").unwrap().into();
    let record = InstanceRecord::of_candidate(&holder, meta, Candidacy::default(), None);
    Instance::of(&InstanceView { record, role: Role::Follower })
}

fn word(event: &Event) -> String {
    match event {
        Event::Elected(reign) => format!("E{}", reign.term()),
        Event::Defeated { term, .. } => format!("D{}", term.unwrap()),
        Event::StateChanged(InstanceState::Leader) => "S".into(),
        Event::StateChanged(_) => "F".into(),
        Event::LeaderChanged { leader, .. } => format!("L{}", leader.as_ref().unwrap()),
        Event::Joined(instance) => format!("J{}", instance.id()),
        Event::Left(instance) => format!("Q{}", instance.id()),
        Event::Gap(_) => "G".into(),
        Event::Lagged(count) => format!("…{count}"),
        other => panic!("{other:?} has no word"),
    }
}

fn words(text: &str) -> VecDeque<Event> {
    text.split_whitespace().map(event).collect()
}

#[tokio::test]
async fn what_lasts_tells_whoever_reads_nothing_else_how_it_is() {
    for (all, expected) in [
        ("", ""),
        ("E1 S", "E1 S"),
        ("E1 S D1 F", "F"),
        ("D1 F", "D1 F"),
        ("D1 F E2 S D2 F", "D1 F"),
        ("D1 F E2 S", "D1 E2 S"),
        ("E1 S D1 F E2 S", "E2 S"),
        ("La Lb Lc", "Lc"),
        ("Ja Qa", ""),
        ("Ja Jb Qa", "Jb"),
        ("Qa", "Qa"),
        ("Qa Ja", "Qa Ja"),
        ("Qa Ja Qa", "Qa"),
        ("Ja Qa Ja", "Ja"),
        ("G La G", "La"),
    ] {
        let events = words(all);
        let lasts = lasting(&events);
        let left = events.iter().zip(lasts).filter(|(_, lasts)| *lasts);
        let left: Vec<String> = left.map(|(event, _)| word(event)).collect();
        assert_eq!(left.join(" "), expected, "{all}");
    }
}

#[tokio::test]
async fn beyond_its_room_a_stream_keeps_what_lasts_and_says_how_much_it_left_out() {
    let broadcast = Broadcast::default();
    let mut events = broadcast.subscribe();
    let mut put = 0;
    let mut tell = |word: &str| {
        broadcast.put(&event(word));
        put += 1;
    };
    tell("Ja");
    for term in 1..=MAX_NEWS {
        for word in [format!("E{term}"), "S".into(), format!("D{term}"), "F".into()] {
            tell(&word);
        }
    }
    tell("E9999");
    tell("S");
    let (mut seen, mut missed) = (Vec::new(), 0);
    while let Some(Some(event)) = events.next().now_or_never() {
        match event {
            Event::Lagged(count) => missed += count,
            event => seen.push(word(&event)),
        }
    }
    assert!(seen.len() <= MAX_NEWS);
    assert_eq!(seen.len() as u64 + missed, put);
    assert_eq!(seen[0], "Ja");
    assert_eq!(seen[seen.len() - 2..], ["E9999", "S"]);
    // And what was told of each reign has a beginning and an end.
    let reigns: Vec<&String> = seen.iter().filter(|word| word.starts_with(['E', 'D'])).collect();
    for pair in reigns.chunks(2) {
        assert!(pair[0].starts_with('E'), "{pair:?}");
        assert!(pair.len() == 1 || pair[1][1..] == pair[0][1..], "{pair:?}");
    }
}

#[tokio::test]
async fn what_says_nothing_that_holds_on_gives_way_first() {
    let broadcast = Broadcast::default();
    let mut events = broadcast.subscribe();
    for _ in 0..MAX_NEWS + 5 {
        broadcast.put(&event("G"));
    }
    broadcast.put(&event("La"));
    let mut last = Vec::new();
    while let Some(Some(event)) = events.next().now_or_never() {
        last.push(word(&event));
    }
    assert_eq!(last, [format!("…{}", MAX_NEWS + 5), "La".into()]);
}

#[tokio::test]
async fn a_stream_that_nobody_holds_takes_no_memory() {
    let broadcast = Broadcast::default();
    drop(broadcast.subscribe());
    let _events = broadcast.subscribe();
    assert_eq!(lock(&broadcast.queues).open.len(), 1);
    broadcast.close();
    assert!(broadcast.subscribe().next().now_or_never().unwrap().is_none());
}
