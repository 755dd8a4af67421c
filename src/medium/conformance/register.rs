//! The register: what is granted and what is refused.

use super::*;

pub async fn a_missing_register_is_shown_as_a_placeholder<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let reply = node.peek().await;
    assert!(reply.missing && !reply.granted);
    assert!(reply.shown.record.is_placeholder());
    assert_eq!((reply.shown.record.beat, &*reply.shown.record.server), (0, ""));
}

pub async fn a_placeholder_stays_until_it_is_taken<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let first = node.peek().await;
    let second = node.peek().await;
    assert!(!second.missing);
    assert_eq!(first.shown, second.shown);
}

pub async fn two_placeholders_differ_even_by_the_same_command<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let peek = Command::Peek { stamp: stamp() };
    let first = node.execute(peek.clone()).await;
    fixture.wipe("svc");
    let second = node.execute(peek).await;
    assert!(first.missing && second.missing);
    assert_ne!(first.shown.record.stamp, second.shown.record.stamp);
}

pub async fn nothing_is_granted_where_the_register_is_missing<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let term = node.take().await.term;
    let sight = node.sight().await;
    for command in [
        node.taking(&sight, true),
        node.renewing(term, 1),
        node.asserting(term, 1, shown(&sight)),
        node.releasing(term),
    ] {
        fixture.wipe("svc");
        let name = command.name();
        let reply = node.execute(command).await;
        assert!(reply.missing && !reply.granted, "{name}: {reply:?}");
        assert!(reply.shown.record.is_placeholder(), "{name}: {reply:?}");
        assert_eq!(node.peek().await.shown, reply.shown, "{name} wrote what it showed");
    }
}

pub async fn a_placeholder_is_taken_when_it_was_watched<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let record = node.take().await;
    assert_eq!(record.holder.as_ref(), Some(&node.holder));
    assert_eq!((record.beat, record.lease), (0, LEASE));
    let after = node.peek().await;
    assert_eq!(after.shown.record, record);
    assert!(record.was_granted_under(&after.shown.identity));
}

pub async fn a_placeholder_is_not_taken_at_sight<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let sight = node.sight().await;
    let reply = node.execute(node.taking(&sight, false)).await;
    assert!(!reply.granted);
    assert_eq!(reply.shown, sight.shown);
}

pub async fn a_held_register_is_taken_when_it_was_watched<F: Fixture>(fixture: &F) {
    let (old, new) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let before = old.take().await;
    let after = new.take().await;
    assert_eq!(after.holder.as_ref(), Some(&new.holder));
    assert!(after.term > before.term);
}

pub async fn a_held_register_is_not_taken_at_sight<F: Fixture>(fixture: &F) {
    let (old, new) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let held = old.take().await;
    let sight = new.sight().await;
    let reply = new.execute(new.taking(&sight, false)).await;
    assert!(!reply.granted);
    assert_eq!(reply.shown.record, held);
}

pub async fn a_take_of_what_has_changed_is_refused<F: Fixture>(fixture: &F) {
    let (old, new) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    old.take().await;
    let sight = new.sight().await;
    let exact = seen(&sight, true);
    for (what, seen) in [
        ("holder", Seen { holder: Some(new.holder.clone()), ..exact.clone() }),
        ("no holder", Seen { holder: None, ..exact.clone() }),
        ("term", Seen { term: Term(exact.term.0 + 1), ..exact.clone() }),
        ("stamp", Seen { stamp: stamp(), ..exact.clone() }),
    ] {
        let reply = new.execute(new.taking_seen(seen)).await;
        assert!(!reply.granted, "another {what}");
        assert_eq!(reply.shown, sight.shown, "another {what}");
    }
    assert!(new.execute(new.taking_seen(exact)).await.granted);
}

pub async fn a_vacancy_is_taken_at_sight<F: Fixture>(fixture: &F) {
    let (old, new) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let term = old.take().await.term;
    old.execute(old.releasing(term)).await;
    let sight = new.sight().await;
    let reply = new.execute(new.taking(&sight, false)).await;
    assert!(reply.granted, "{reply:?}");
    assert!(reply.shown.record.term > term);
}

pub async fn a_vacancy_is_not_taken_at_sight_under_another_identity<F: Fixture>(fixture: &F) {
    let (old, new) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let term = old.take().await.term;
    old.execute(old.releasing(term)).await;
    fixture.change_identity("svc");
    let sight = new.sight().await;
    let reply = new.execute(new.taking(&sight, false)).await;
    assert!(!reply.granted, "{reply:?}");
    assert!(new.execute(new.taking(&sight, true)).await.granted, "but when it was watched");
}

pub async fn a_take_that_names_another_identity_is_refused<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let before = node.sight().await;
    for foreign in [other_identity(), Identity::Connection(1)] {
        let seen = Seen { identity: foreign, ..seen(&before, true) };
        assert!(!node.execute(node.taking_seen(seen)).await.granted);
    }
    fixture.change_identity("svc");
    let reply = node.execute(node.taking(&before, true)).await;
    assert!(!reply.granted);
    assert_ne!(reply.shown.identity, before.shown.identity);
    assert_eq!(reply.shown.record, before.shown.record, "the data are the same");
}

pub async fn a_term_is_above_the_stored_one<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    // Far above the time, so that it cannot be the time that rises.
    let high = Term(1 << 51);
    grant_above(&node, high).await;
    for step in 2..5 {
        assert_eq!(node.take().await.term, Term(high.0 + step));
    }
    assert_eq!(node.peek().await.shown.record.term, Term(high.0 + 4), "no digit is lost");
}

pub async fn a_term_is_above_the_floor<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let floor = Term((1 << 51) + 7);
    assert_eq!(grant_above(&node, floor).await, Term(floor.0 + 1));
}

pub async fn a_term_is_at_least_the_time<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let term = node.take().await.term;
    let now_us = crate::clock::wall_ms() * 1000;
    assert!(term.0.abs_diff(now_us) < 3_600_000_000, "{term} is not the time");
    fixture.wipe("svc");
    assert!(node.take().await.term > term, "it rises over a loss of all data");
}

async fn grant_above<M: Medium>(node: &Node<M>, floor: Term) -> Term {
    let sight = node.sight().await;
    let (holder, seen) = (node.holder.clone(), seen(&sight, true));
    let take = Command::Take { seen, holder, floor, stamp: stamp(), lease: LEASE };
    let reply = node.execute(take).await;
    assert!(reply.granted);
    reply.shown.record.term
}

pub async fn a_take_clears_the_heir<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let term = node.take().await.term;
    let (holder, heir) = (node.holder.clone(), Some(InstanceId::new("b")));
    node.execute(Command::Release { holder, term, stamp: stamp(), heir: heir.clone() }).await;
    assert_eq!(node.peek().await.shown.record.heir, heir);
    assert_eq!(node.take().await.heir, None);
}

pub async fn a_renewal_with_a_higher_beat_is_granted<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let before = node.take().await;
    for beat in [1, 2, 9, (1 << 51) + 1] {
        let renewal = node.renewing(before.term, beat);
        let stamp = renewal.stamp().clone();
        let reply = node.execute(renewal).await;
        assert!(reply.granted && !reply.missing);
        assert_eq!(reply.shown.record, Record { beat, stamp, ..before.clone() });
    }
}

pub async fn a_renewal_with_an_old_beat_is_refused<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let term = node.take().await.term;
    let present = node.execute(node.renewing(term, 10)).await;
    for beat in [0, 9, 10] {
        let reply = node.execute(node.renewing(term, beat)).await;
        assert!(!reply.granted, "beat {beat}");
        assert_eq!(reply.shown, present.shown, "beat {beat}");
    }
}

pub async fn a_renewal_of_another_holder_or_term_is_refused<F: Fixture>(fixture: &F) {
    let (node, other) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let held = node.take().await;
    for renewal in [
        other.renewing(held.term, 1),
        node.renewing(Term(held.term.0 + 1), 1),
        node.renewing(Term(held.term.0 - 1), 1),
    ] {
        let reply = node.execute(renewal).await;
        assert!(!reply.granted);
        assert_eq!(reply.shown.record, held);
    }
}

pub async fn a_renewal_keeps_server_and_lease<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let held = node.take().await;
    fixture.change_identity("svc");
    let (holder, term, lease) = (node.holder.clone(), held.term, 2 * LEASE);
    let renewal = Command::Renew { holder, term, beat: 1, stamp: stamp(), lease, over: None };
    let reply = node.execute(renewal).await;
    assert!(reply.granted);
    assert_eq!((&reply.shown.record.server, reply.shown.record.lease), (&held.server, held.lease));
    assert!(!held.was_granted_under(&reply.shown.identity), "which shows that the server changed");
}

pub async fn a_leader_asserts_itself_over_a_placeholder<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let term = node.take().await.term;
    fixture.wipe("svc");
    let refusal = node.execute(node.renewing(term, 1)).await;
    assert!(refusal.missing && !refusal.granted);
    let reply = node.execute(node.asserting(term, 2, shown(&refusal))).await;
    assert!(reply.granted, "{reply:?}");
    let record = reply.shown.record;
    assert_eq!((record.holder.as_ref(), record.term, record.beat), (Some(&node.holder), term, 2));
    assert_eq!(record.lease, LEASE);
    assert!(record.was_granted_under(&reply.shown.identity));
}

pub async fn a_leader_asserts_itself_under_another_identity<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let term = node.take().await.term;
    fixture.change_identity("svc");
    let renewed = node.execute(node.renewing(term, 1)).await;
    assert!(!renewed.shown.record.was_granted_under(&renewed.shown.identity));
    // With a beat that is not higher, so that it is not granted as a plain renewal.
    let reply = node.execute(node.asserting(term, 1, shown(&renewed))).await;
    assert!(reply.granted);
    assert!(reply.shown.record.was_granted_under(&reply.shown.identity));
}

pub async fn a_leader_does_not_assert_itself_over_anything_else<F: Fixture>(fixture: &F) {
    let (node, other) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let term = node.take().await.term;
    let held = other.take().await;
    let exact = shown(&node.peek().await);
    for (what, over) in [
        ("identity", Shown { identity: other_identity(), ..exact.clone() }),
        ("connection", Shown { identity: Identity::Connection(1), ..exact.clone() }),
        ("term", Shown { term, ..exact.clone() }),
        ("stamp", Shown { stamp: stamp(), ..exact.clone() }),
    ] {
        let reply = node.execute(node.asserting(term, 1, over)).await;
        assert!(!reply.granted, "another {what}");
        assert_eq!(reply.shown.record, held, "another {what}");
    }
    assert!(node.execute(node.asserting(term, 1, exact)).await.granted);
}

pub async fn a_release_leaves_a_vacancy<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let held = node.take().await;
    let release = node.releasing(held.term);
    let stamp = release.stamp().clone();
    let reply = node.execute(release).await;
    assert!(reply.granted);
    assert_eq!(reply.shown.record, Record { holder: None, stamp, ..held });
    assert_eq!(node.peek().await.shown, reply.shown);
}

pub async fn a_release_by_another_holder_or_term_is_refused<F: Fixture>(fixture: &F) {
    let (node, other) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let held = node.take().await;
    for release in [other.releasing(held.term), node.releasing(Term(held.term.0 + 1))] {
        let reply = node.execute(release).await;
        assert!(!reply.granted);
        assert_eq!(reply.shown.record, held);
    }
}

pub async fn a_second_release_is_refused<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    let term = node.take().await.term;
    let vacancy = node.execute(node.releasing(term)).await;
    let reply = node.execute(node.releasing(term)).await;
    assert!(!reply.granted);
    assert_eq!(reply.shown, vacancy.shown);
}

pub async fn what_is_granted_is_announced<F: Fixture>(fixture: &F) {
    let (node, mut listener) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    listener.listen([Channel::Election]).await;
    let taken = node.take().await;
    assert_eq!(listener.next_announcement().await, heartbeat(&taken));
    let renewed = node.execute(node.renewing(taken.term, 1)).await.shown.record;
    assert_eq!(listener.next_announcement().await, heartbeat(&renewed));
    let sight = shown(&node.peek().await);
    let asserted = node.execute(node.asserting(taken.term, 0, sight)).await.shown.record;
    assert_eq!(listener.next_announcement().await, heartbeat(&asserted));
}

fn heartbeat(record: &Record) -> Announcement {
    Announcement::Heartbeat {
        holder: record.holder.clone().expect("it is held"),
        term: record.term,
        beat: record.beat,
        stamp: record.stamp.clone(),
    }
}

pub async fn what_is_refused_is_not_announced<F: Fixture>(fixture: &F) {
    let (node, mut other) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let term = node.take().await.term;
    other.listen([Channel::Election]).await;
    node.peek().await;
    let sight = other.sight().await;
    for command in [
        other.taking(&sight, false),
        other.renewing(term, 1),
        other.asserting(term, 1, Shown { stamp: stamp(), ..shown(&sight) }),
        other.releasing(term),
    ] {
        assert!(!other.execute(command).await.granted);
    }
    let renewed = node.execute(node.renewing(term, 1)).await.shown.record;
    assert_eq!(other.next_announcement().await, heartbeat(&renewed), "the first to be heard");
}

pub async fn a_release_is_announced_with_its_heir<F: Fixture>(fixture: &F) {
    let (node, mut listener) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    listener.listen([Channel::Election]).await;
    for heir in [Some(InstanceId::new("b")), None] {
        let (term, holder, stamp) = (node.take().await.term, node.holder.clone(), stamp());
        let release = Command::Release { holder, term, stamp: stamp.clone(), heir: heir.clone() };
        assert!(node.execute(release).await.granted);
        assert!(matches!(listener.next_announcement().await, Announcement::Heartbeat { .. }));
        let vacancy = Announcement::Vacancy { term, stamp, heir };
        assert_eq!(listener.next_announcement().await, vacancy);
    }
}

pub async fn the_lease_in_the_register_is_the_takers<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    for lease in [Duration::from_millis(100), Duration::from_secs(600)] {
        let (sight, holder, stamp) = (node.sight().await, node.holder.clone(), stamp());
        let seen = seen(&sight, true);
        let take = Command::Take { seen, holder, floor: Term::ZERO, stamp, lease };
        assert!(node.execute(take).await.granted);
        assert_eq!(node.peek().await.shown.record.lease, lease);
    }
}
