//! The server's identity: what was seen under one proves nothing under another.

use super::kit::*;
use crate::election::{Command, Event, Identity, Record, Stamp};

#[test]
fn a_sight_under_a_former_identity_permits_no_take() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(LEASE);
    network.changes_identity();
    let (act, reply) = b.acts().unwrap();
    assert_eq!((act, reply.granted), ("take", false));
    // The refusal shows the register as it is now: the watch begins anew.
    assert_eq!(b.settles().iter().filter(|act| **act == "take").count(), 0);
    run(&mut [&mut b], LEASE - 1);
    assert!(!b.leads());
    run(&mut [&mut b], 2 + LEASE / 4);
    assert!(b.leads());
}

#[test]
fn a_read_under_another_identity_starts_the_watch_anew_even_of_the_same_record() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(700);
    network.changes_identity();
    b.observes();
    assert_eq!(b.rests(), Some(LEASE));
}

#[test]
fn a_heartbeat_heard_under_a_former_identity_counts_no_longer() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(a.rests().unwrap());
    let before = network.snapshot();
    a.settles();
    b.listens();
    network.passes(300);
    // A replica that had not yet seen the last renewal is promoted.
    network.restarts_from(before);
    b.observes();
    assert_eq!(b.rests(), Some(LEASE));
    network.passes(LEASE);
    match b.sends().command {
        Command::Take { seen, .. } => {
            assert_eq!(seen.stamp, network.stored().stamp);
            assert_eq!(seen.identity, network.server().identity);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_leader_under_a_new_identity_writes_it_into_the_register_and_goes_on_in_peace() {
    let network = Network::new();
    let mut a = network.leader("a");
    let term = a.tenure.term();
    network.changes_identity();
    let mut renewals = 0;
    for _ in 0..LEASE {
        network.passes(1);
        renewals += a.settles().len();
    }
    assert_eq!(Identity::Server(network.stored().server), network.server().identity);
    assert!(renewals as u64 <= LEASE / INTERVAL + 2, "{renewals} renewals in a lease");
    assert!(a.leads() && a.tenure.term() == term);
    assert_eq!(a.events(), []);
    // So its vacancy is taken at once.
    let mut b = network.follower("b");
    a.stops();
    a.drains();
    a.settles();
    b.listens();
    assert_eq!(b.settles(), ["take"]);
}

#[test]
fn where_a_server_tells_no_name_a_vacancy_is_watched_for_a_lease() {
    let network = Network::new();
    network.sets_identity(Identity::Connection(1));
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(a.rests().unwrap());
    assert_eq!(a.settles(), ["renew"], "there is nothing to assert");
    a.stops();
    a.drains();
    a.settles();
    b.misses_the_news();
    b.observes();
    assert_eq!(b.rests(), Some(LEASE));
    network.passes(LEASE);
    assert_eq!(b.settles(), ["take"]);
    assert!(b.leads());
}

#[test]
fn where_a_server_tells_no_name_an_announced_vacancy_is_no_reason_to_take() {
    let network = Network::new();
    network.sets_identity(Identity::Connection(1));
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    a.stops();
    a.drains();
    a.settles();
    b.listens();
    run(&mut [&mut b], LEASE - 1);
    assert!(!b.leads());
    run(&mut [&mut b], 2 * INTERVAL);
    assert!(b.leads());
}

#[test]
fn a_new_connection_starts_the_watch_anew_where_a_server_tells_no_name() {
    let network = Network::new();
    network.sets_identity(Identity::Connection(1));
    let _a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(700);
    network.sets_identity(Identity::Connection(2));
    b.election.handle_connected(network.now());
    assert_eq!(b.settles(), ["peek"]);
    assert_eq!(b.rests(), Some(LEASE));
}

#[test]
fn an_earlier_reign_that_a_server_shows_names_no_leader_until_it_goes_on() {
    let network = Network::new();
    let _a = network.leader("a");
    let before = network.snapshot();
    let mut b = network.follower("b");
    let mut c = network.follower("c");
    network.passes(LEASE);
    assert_eq!(b.settles(), ["take"]);
    c.listens();
    c.observes();
    assert_eq!(c.follows(), Some("b"));
    c.events();

    // A replica is promoted that has not heard of the last election.
    network.restarts_from(before.clone());
    c.observes();
    c.observes();
    assert_ne!(c.follows(), Some("a"));
    run(&mut [&mut c], LEASE / 2);
    assert_ne!(c.follows(), Some("a"));
    let names_anybody =
        |event: &Event| matches!(event, Event::LeaderChanged { leader: Some(_), .. });
    assert!(!c.events().iter().any(names_anybody), "nobody hears of it");

    let before = before.unwrap();
    network.restores(Some(Record { beat: before.beat + 1, stamp: Stamp::new(99), ..before }));
    c.observes();
    assert_eq!(c.follows(), Some("a"), "it lives");
}

/// A failover: the leader's time runs out, the others find the new master at once, and it finds it late.
#[test]
fn a_fallen_leader_that_comes_late_to_another_server_has_nobody_wait_anew() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.changes_identity();
    b.election.handle_connected(network.now());
    run(&mut [&mut b], LEASE - 50);
    assert!(!a.leads() && !b.leads());
    a.election.handle_connected(network.now());
    run(&mut [&mut a, &mut b], 50);
    assert!(b.leads(), "a lease after it has seen the register there");
    assert_eq!(network.holder().as_deref(), Some("b"));
}

#[test]
fn a_reign_of_ones_own_that_another_server_shows_is_watched_and_then_taken_like_any_other() {
    let network = Network::new();
    let mut a = network.leader("a");
    let term = a.tenure.term();
    network.passes(VALIDITY);
    network.changes_identity();
    a.election.handle_connected(network.now());
    let begun = network.now();
    run(&mut [&mut a], LEASE - 1);
    assert!(!a.leads());
    assert_eq!(network.holder().as_deref(), Some("a"), "nothing was released");
    run(&mut [&mut a], 1);
    assert!(a.leads() && a.tenure.term() > term);
    assert_eq!(network.now().since(begun).as_millis() as u64, LEASE);
}

#[test]
fn a_leader_that_gives_up_before_it_has_asserted_itself_leaves_its_record_as_it_is() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.changes_identity();
    b.election.handle_connected(network.now());
    run(&mut [&mut b], INTERVAL / 2);
    a.stops();
    a.drains();
    assert_eq!(a.settles(), ["release"]);
    assert!(a.events().contains(&Event::Stopped), "it is not waited for");
    b.listens();
    run(&mut [&mut b], LEASE - INTERVAL / 2);
    assert!(b.leads());
}
