//! The driver over the memory medium, and over one whose calls a test can hold back or fail.

mod kit;
mod leadership;
mod migration;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::election::{Candidacy, Loss};
use crate::medium::fencing::Work;
use crate::medium::memory::MemoryMedium;
use crate::medium::{MediumErrorKind, Notice, mailbox};
use crate::messaging::Addressee;
use crate::wire::{Format, VERSION};
use kit::*;

#[tokio::test]
async fn the_first_of_a_kind_leads_and_the_next_follows() {
    let first = start("driver-first").started().await;
    let second = start("driver-first").started().await;
    assert!(first.leads() && !second.leads());
    assert_eq!(
        second.ear.count(|o| matches!(o, Output::RoleChanged(_) | Output::Defeated { .. })),
        0
    );
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn elected_is_not_told_before_the_leaders_channel_is_subscribed() {
    let meddling = Arc::new(Meddling::default());
    meddling.withheld.lock().unwrap().insert(Channel::Leader);
    let node = start_with("driver-held", meddling, None);
    eventually("it leads", || node.leads()).await;
    assert_eq!(node.ear.position(is_elected), None);
    node.meddling.release_subscriptions();
    node.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    node.stop().await;
}

#[tokio::test]
async fn a_leader_whose_channel_cannot_be_subscribed_is_told_all_the_same() {
    let meddling = Arc::new(Meddling::default());
    meddling.withheld.lock().unwrap().insert(Channel::Leader);
    let node = start_with("driver-unheld", meddling, None);
    node.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    node.stop().await;
}

#[tokio::test]
async fn a_leader_leaves_the_channel_of_announcements_and_hears_again_when_it_leads_no_more() {
    let first = start("driver-hearing").started().await;
    let hears = || first.meddling.standing.lock().unwrap().contains(&Channel::Election);
    first.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    assert!(first.leads() && !hears());
    let second = start("driver-hearing").started().await;
    first.ask(1, Question::Reelect);
    second.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    eventually("it hears again", hears).await;
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn a_leader_that_leads_no_more_looks_until_it_hears() {
    let first = start("driver-looking").started().await;
    let second = start("driver-looking").started().await;
    first.meddling.withheld.lock().unwrap().insert(Channel::Election);
    first.ask(1, Question::Reelect);
    second.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    let peeks = || first.meddling.peeks.load(Ordering::SeqCst);
    let before = peeks();
    // More than what a lost announcement or a new connection would make it look.
    eventually("it looks, again and again", || peeks() >= before + 20).await;
    first.meddling.release_subscriptions();
    second.stop().await;
    eventually("it leads again", || first.leads()).await;
    first.stop().await;
}

#[tokio::test]
async fn a_leader_that_stops_hands_over_and_its_successor_is_told() {
    let first = start("driver-handover").started().await;
    let second = start("driver-handover").started().await;
    first.stop().await;
    second.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    let reason = first.ear.until("Defeated", |o| match o {
        Output::Defeated { leader: None, reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason.await, Loss::Stopped);
    second.ear.until("Left", |o| matches!(o, Output::Left(_)).then_some(())).await;
    second.stop().await;
}

#[tokio::test]
async fn a_leader_that_is_cut_off_expires_and_comes_back_as_a_follower() {
    let first = start("driver-cut").started().await;
    let second = start("driver-cut").started().await;
    first.meddling.is_cut.store(true, Ordering::SeqCst);
    let reason = first.ear.until("Defeated", |o| match o {
        Output::Defeated { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason.await, Loss::Expired);
    eventually("the other leads", || second.leads()).await;
    first.meddling.is_cut.store(false, Ordering::SeqCst);
    let other = second.instance.clone();
    first
        .ear
        .until("LeaderChanged", move |o| match o {
            Output::LeaderChanged { leader: Some(id), .. } if *id == other => Some(()),
            _ => None,
        })
        .await;
    assert!(second.leads());
    assert_eq!(first.ear.count(|o| matches!(o, Output::Defeated { .. })), 1);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_wiped_medium_changes_no_leader_and_the_registry_fills_again() {
    let first = start("driver-wipe").started().await;
    let second = start("driver-wipe").started().await;
    let (outbox, _inbox) = mailbox();
    let observer = MemoryMedium::open("driver-wipe", &InstanceId::new("observer"), outbox);
    observer.wipe();
    let is_full = || async { observer.roster().await.unwrap().instances.len() == 2 };
    let mut rounds = 0;
    while !is_full().await {
        rounds += 1;
        assert!(rounds < 4000, "the registry did not fill again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(first.leads());
    assert_eq!(first.ear.count(is_elected), 1);
    assert_eq!(second.ear.count(|o| matches!(o, Output::Left(_))), 0);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_roster_that_could_not_be_read_is_asked_for_again() {
    let first = start("driver-roster").started().await;
    let meddling = Arc::new(Meddling::default());
    meddling.rosters_to_fail.store(3, Ordering::SeqCst);
    let second = start_with("driver-roster", meddling.clone(), None);
    let is_first = |output: &Output| match output {
        Output::Joined(view) if view.record.id == first.instance => Some(()),
        _ => None,
    };
    second.ear.until("Joined", is_first).await;
    assert_eq!(meddling.rosters_to_fail.load(Ordering::SeqCst), 0);
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn whoever_has_started_was_told_of_all_who_were_there() {
    let first = start("driver-acquainted").started().await;
    let meddling = Arc::new(Meddling::default());
    meddling.rosters_to_fail.store(3, Ordering::SeqCst);
    let second = start_with("driver-acquainted", meddling, None).started().await;
    let is_first = |output: &Output| matches!(output, Output::Joined(view) if view.record.id == first.instance);
    assert_eq!(second.ear.count(is_first), 1);
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn a_process_that_does_not_answer_gives_up_and_does_not_contend_until_it_does() {
    let limit = Some(Duration::from_millis(400));
    let first = start_with("driver-stall", Arc::default(), limit).started().await;
    first.ear.is_blocked.store(true, Ordering::SeqCst);
    let reason = first.ear.until("Defeated", |o| match o {
        Output::Defeated { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason.await, Loss::Stalled);
    assert!(!first.leads());
    let second = start("driver-stall").started().await;
    assert!(second.leads());
    second.stop().await;
    assert_eq!(first.ear.count(is_elected), 1, "it must not lead while it does not answer");
    first.ear.is_blocked.store(false, Ordering::SeqCst);
    eventually("it leads again", || first.leads()).await;
    first.stop().await;
}

#[tokio::test]
async fn reelect_is_answered_on_a_leader_a_follower_and_a_leader_that_is_cut_off() {
    let first = start("driver-reelect").started().await;
    let second = start("driver-reelect").started().await;
    second.ask(1, Question::Reelect);
    assert_eq!(second.answer(1).await, Ok(()));
    assert!(first.leads());
    first.ask(1, Question::Reelect);
    assert_eq!(first.answer(1).await, Ok(()));
    eventually("the other leads", || second.leads()).await;
    second.meddling.is_cut.store(true, Ordering::SeqCst);
    second.ask(2, Question::Reelect);
    assert_eq!(second.answer(2).await, Ok(()));
    assert!(!second.leads());
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn messages_are_told_in_order_and_a_hole_as_a_gap() {
    let sender = start("driver-messages").started().await;
    let receiver = start("driver-messages").started().await;
    let send = |body: &str| {
        let draft =
            Draft { to: Addressee::All, format: Format::Json, body: body.as_bytes().to_vec() };
        sender.queue.append(draft).unwrap();
        sender.queue.flush();
    };
    (1..=3).for_each(|n| send(&n.to_string()));
    sender.ear.until("Sent", |o| matches!(o, Output::Sent { up_to: 3 }).then_some(())).await;
    // The same sender under a token of its own: the first message begins its count, the second leaves a hole.
    for seq in [3, 9] {
        let payload = wire_message(&sender.instance, seq);
        receiver.outbox.send(Notice::Message { channel: Channel::All, payload });
    }
    receiver.ear.until("Gap", |o| matches!(o, Output::Gap { missed: 5, .. }).then_some(())).await;
    let bodies: Vec<String> = receiver
        .ear
        .outputs
        .lock()
        .unwrap()
        .iter()
        .filter_map(|o| match o {
            Output::Message(m) => Some(String::from_utf8(m.body().to_vec()).unwrap()),
            _ => None,
        })
        // Those that went out together share an envelope.
        .flat_map(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>())
        .take(3)
        .collect();
    assert_eq!(bodies, ["1", "2", "3"]);
    sender.stop().await;
    receiver.stop().await;
}

fn wire_message(sender: &InstanceId, seq: u64) -> Vec<u8> {
    let from = format!("{sender}:0000000000000001").into();
    let format = Format::Json;
    let envelope =
        crate::wire::Envelope { v: VERSION, from, term: 1, leads: false, seq, format, at: None };
    envelope.encode(b"0")
}

#[tokio::test]
async fn what_was_queued_before_a_stop_still_goes_out_and_nothing_after() {
    let sender = start("driver-last-words").started().await;
    let receiver = start("driver-last-words").started().await;
    let draft = || Draft { to: Addressee::All, format: Format::Json, body: b"\"bye\"".to_vec() };
    sender.queue.append(draft()).unwrap();
    sender.stop().await;
    assert_eq!(sender.queue.append(draft()), Err(Refusal::Closed));
    receiver.ear.until("Message", |o| matches!(o, Output::Message(_)).then_some(())).await;
    receiver.stop().await;
}

#[tokio::test]
async fn a_stop_before_anything_could_be_subscribed_ends() {
    let meddling = Arc::new(Meddling::default());
    meddling.withheld.lock().unwrap().insert(Channel::All);
    let node = start_with("driver-early-stop", meddling, None);
    node.stop().await;
    assert_eq!(node.ear.count(|o| matches!(o, Output::Started)), 0);
}

#[tokio::test]
async fn garbage_in_a_message_channel_is_ignored() {
    let node = start("driver-garbage").started().await;
    for payload in [&b""[..], b"\n", b"{}\n{}", b"not json\nnot json", &[0xff; 64]] {
        node.outbox.send(Notice::Message { channel: Channel::All, payload: payload.to_vec() });
    }
    node.ask(1, Question::Instances);
    assert_eq!(node.answer(1).await, Ok(()));
    assert_eq!(node.ear.count(|o| matches!(o, Output::Message(_))), 0);
    node.stop().await;
}

#[tokio::test]
async fn what_is_not_genuine_is_dropped_counted_and_told_once_and_what_is_comes_through() {
    let kind = "genuine";
    let with = |secret: &'static [u8]| Setup {
        authenticator: Authenticator::new([secret]).map(Arc::new),
        ..Setup::default()
    };
    let receiver = start_as(kind, with(b"canary-4e1d of the members")).started().await;
    let member = start_as(kind, with(b"canary-4e1d of the members")).started().await;
    let stranger = start_as(kind, with(b"canary-4e1d of another")).started().await;
    let plain = start(kind).started().await;
    let say = |node: &Node, body: &str| {
        let body = body.as_bytes().to_vec();
        let draft = Draft { to: Addressee::All, format: Format::Json, body };
        node.queue.append(draft).unwrap();
        node.queue.flush();
    };
    let dropped = || receiver.metrics.messages.unauthenticated.get();
    for (before, node) in [&stranger, &plain, &stranger].into_iter().enumerate() {
        say(node, "false");
        eventually("it is dropped", || dropped() > before as u64).await;
    }
    say(&member, "true");
    let bodies = |o: &Output| match o {
        Output::Message(m) => Some(String::from_utf8(m.body().to_vec()).unwrap()),
        _ => None,
    };
    assert_eq!(receiver.ear.until("Message", bodies).await, "true");
    let is_told = |o: &Output| matches!(o, Output::Warning(Failure::Unauthenticated(_)));
    assert_eq!((receiver.ear.count(is_told), dropped()), (1, 3));
}
