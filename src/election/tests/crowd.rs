//! Large fleets take turns, so that they do not come all at once.

use super::kit::*;
use crate::election::{Announcement, Holder, InstanceId, Record, Stamp};

/// Followers of one leader, each of which knows of `size` instances.
fn followers(network: &Network, size: usize) -> (Node, Vec<Node>) {
    let a = network.leader("a");
    let followers = (0..100).map(|number| {
        let mut node = network.follower(&format!("f{number}"));
        node.election.handle_fleet_size(network.now(), size);
        node
    });
    let followers = followers.collect();
    (a, followers)
}

#[test]
fn an_heir_does_not_wait_for_a_turn() {
    let network = Network::new();
    let (mut a, mut followers) = followers(&network, 10_000);
    a.transfers("f7");
    a.drains();
    a.settles();
    followers[7].listens();
    assert_eq!(followers[7].settles(), ["take"]);
}

#[test]
fn a_few_take_over_the_moment_that_they_may() {
    let network = Network::new();
    let (_a, followers) = followers(&network, 8);
    assert!(followers.iter().all(|node| node.rests() == Some(LEASE)));
}

#[test]
fn a_crowd_comes_spread_over_a_quarter_of_the_lease_at_most() {
    let network = Network::new();
    let (_a, followers) = followers(&network, 10_000);
    let waits: Vec<u64> = followers.iter().map(|node| node.rests().unwrap() - LEASE).collect();
    assert!(waits.iter().all(|wait| *wait <= LEASE / 4), "{waits:?}");
    let early = waits.iter().filter(|wait| **wait < LEASE / 8).count();
    assert!((25..75).contains(&early), "{waits:?}");
    assert!(waits.iter().min().unwrap() < &(LEASE / 20), "somebody comes soon: {waits:?}");
}

#[test]
fn whoever_hears_of_a_new_leader_before_its_turn_does_not_come() {
    let network = Network::new();
    let (_a, mut followers) = followers(&network, 10_000);
    network.passes(LEASE);
    followers.sort_by_key(|node| node.rests());
    network.passes(followers[0].rests().unwrap() + 1);
    assert_eq!(followers[0].settles(), ["take"]);
    for node in &mut followers[1..] {
        node.listens();
    }
    network.passes(LEASE / 4);
    for node in &mut followers[1..] {
        assert_eq!(node.settles(), ["peek"], "it looks, and finds the new leader");
    }
}

#[test]
fn a_hint_that_all_have_heard_is_followed_by_looks_one_after_the_other() {
    let network = Network::new();
    let (_a, mut followers) = followers(&network, 4008);
    let Record { term, .. } = network.stored();
    for node in &mut followers {
        let (holder, stamp) = (Holder::new(&InstanceId::new("z"), 1), Stamp::new(7));
        node.hears(Announcement::Heartbeat { holder, term, beat: 3, stamp });
    }
    // The leader's silence would be looked at later.
    let waits: Vec<u64> = followers.iter().map(|node| node.rests().unwrap()).collect();
    let early = waits.iter().filter(|wait| **wait < 500).count();
    assert!((25..75).contains(&early), "spread over a second: {waits:?}");
}

#[test]
fn turns_are_drawn_anew_so_that_nobody_is_always_the_last() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    b.election.handle_fleet_size(network.now(), 10_000);
    let mut waits = Vec::new();
    let mut seen_at = network.now();
    for number in 0..5 {
        // It may look in between.
        loop {
            network.passes(b.rests().unwrap() + 1);
            if b.loses().command.name() == "take" {
                break;
            }
        }
        waits.push(network.now().since(seen_at));
        // The leader was there all the time.
        network.restores(Some(Record { stamp: Stamp::new(number), ..network.stored() }));
        network.passes(INTERVAL);
        seen_at = network.now();
        b.observes();
    }
    waits.dedup();
    assert!(waits.len() > 1, "{waits:?}");
}

#[test]
fn whoever_gets_no_answer_to_a_look_waits_the_longer_the_more_there_are() {
    let pause = |size: usize| {
        let network = Network::new();
        let _a = network.leader("a");
        let mut b = network.follower("b");
        b.election.handle_fleet_size(network.now(), size);
        b.election.handle_unsubscribed(network.now());
        assert_eq!(b.loses().command.name(), "peek");
        b.rests().unwrap()
    };
    assert_eq!(pause(8), INTERVAL);
    // A quarter of a millisecond for each, between a half and three halves of it.
    assert!((500..=1500).contains(&pause(4008)), "{} ms", pause(4008));
    let limit = 4 * LEASE;
    assert!((limit / 2..=limit * 3 / 2).contains(&pause(1_000_000)), "{} ms", pause(1_000_000));
}
