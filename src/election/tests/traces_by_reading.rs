//! More stories of how rules fell: found by reading, after the model. In each, `a` leads and `b` must not lead beside it.

use std::time::Duration;

use super::kit::*;
use crate::election::{Announcement, Command, Record, Request, RequestId, Stamp, Term, Timing};

#[test]
fn unequal_leases_in_a_rolling_change() {
    let network = Network::new();
    let long = Timing::new(Duration::from_secs(10), None).unwrap();
    let mut a = network.node_with("a", long);
    a.starts();
    run(&mut [&mut a], 20_000);
    let mut b = network.follower("b");
    // a falls silent, and is sure of itself for eight seconds; b's own lease is less than one.
    while a.leads() {
        b.settles();
        network.passes(100);
    }
    run(&mut [&mut b], 4_000);
    assert!(b.leads());
}

#[test]
fn a_placeholder_whose_stamp_repeats() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.wipes();
    b.observes();
    let doubled = b.sends();
    let reply = network.applies(&doubled);
    b.hears_back(&doubled, reply.clone());
    for _ in 0..4 {
        network.passes(INTERVAL);
        a.settles();
    }
    network.passes(LEASE - 4 * INTERVAL);
    a.settles();
    network.wipes();
    // The peek that once wrote the placeholder is delivered again; b, deaf, has watched for a lease.
    assert_ne!(network.applies(&doubled).shown.record.stamp, reply.shown.record.stamp);
    for _ in 0..3 {
        b.acts();
        assert!(a.leads() && !b.leads());
    }
}

#[test]
fn a_peek_that_wrote_the_placeholder_itself_delivered_again() {
    let network = Network::new();
    let peek = Request { id: RequestId(0), command: Command::Peek { stamp: Stamp::new(1) } };
    let first = network.applies(&peek).shown.record.stamp;
    network.wipes();
    network.passes(1);
    assert_ne!(network.applies(&peek).shown.record.stamp, first);
}

#[test]
fn an_extension_after_somebody_was_told_no() {
    // The core has checked the deadline and is held up; JavaScript asks, and is told no; the core goes on and extends.
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    let reply = network.applies(&renewal);
    let checked_at = network.now();
    let asked_at = checked_at + Duration::from_millis(VALIDITY);
    assert!(!a.tenure.is_valid(|| asked_at));
    a.election.handle_reply(checked_at, renewal.id, reply);
    assert!(!a.tenure.is_valid(|| checked_at));
    assert_eq!(a.tells(), ["defeated by nobody: expired", "follower"]);
}

#[test]
fn a_term_beyond_all_bounds_poisons_no_floor() {
    for poison in [1 << 52, (1 << 53) - 1, u64::MAX] {
        let network = Network::new();
        let mut a = network.leader("a");
        let mut b = network.follower("b");
        let own = network.stored();
        network.restores(Some(Record { term: Term(poison), ..own.clone() }));
        b.observes();
        b.settles();
        network.passes(a.rests().unwrap());
        a.settles();
        assert!(a.leads(), "it asserts itself over what is malformed");
        let term = a.tenure.term();
        network.restores(Some(Record { term: Term(poison), ..own }));
        run(&mut [&mut b], 3 * LEASE);
        assert!(b.leads());
        assert!(b.tenure.term() > term && b.tenure.term().0 < 1 << 41);
    }
}

#[test]
fn a_heartbeat_of_a_later_stamp_lets_nobody_take_over_an_earlier_one() {
    // What was heard and what was read are two sights; a take names the later one, or none.
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(a.rests().unwrap());
    a.settles();
    let first = network.last_announcement();
    for _ in 0..4 {
        network.passes(INTERVAL);
        a.settles();
    }
    b.misses_the_news();
    network.passes(100);
    // An early heartbeat arrives late.
    b.hears(first.clone());
    assert!(matches!(first, Announcement::Heartbeat { .. }));
    network.passes(60);
    a.settles();
    for _ in 0..5 {
        network.passes(INTERVAL);
        b.settles();
        a.settles();
        assert!(a.leads() && !b.leads());
    }
}
