//! The end of a leadership that could not be renewed: true at the deadline for whoever asks, told once, and final.

use std::time::Duration;

use super::kit::*;
use crate::election::{Event, Role};

/// `a` led until this very moment: its last renewals were lost.
fn expired(network: &Network) -> Node {
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    a.settles();
    for _ in 0..3 {
        network.passes(INTERVAL);
        a.loses();
    }
    network.passes(INTERVAL - 1);
    assert!(a.leads());
    network.passes(1);
    a
}

#[test]
fn the_answer_is_no_before_anything_was_told() {
    let network = Network::new();
    let mut a = expired(&network);
    assert!(!a.leads());
    assert_eq!(a.events(), []);
}

#[test]
fn it_is_told_once_as_a_defeat_by_nobody() {
    let network = Network::new();
    let mut a = expired(&network);
    a.loses();
    assert_eq!(a.tells(), ["defeated by nobody: expired", "follower"]);
    assert_eq!(a.follows(), None);
    assert_eq!(a.election.role(), Role::Follower);
    network.passes(50);
    a.polls();
    assert_eq!(a.tells(), [""; 0]);
}

#[test]
fn the_core_wakes_up_for_it_even_while_a_renewal_is_under_way() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    a.sends();
    assert_eq!(a.rests(), Some(VALIDITY - INTERVAL));
    network.passes(VALIDITY - INTERVAL);
    assert!(a.polls().is_none());
    assert_eq!(a.tells(), ["defeated by nobody: expired", "follower"]);
}

#[test]
fn an_answer_that_arrives_at_the_deadline_is_too_late() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    let reply = network.applies(&renewal);
    network.passes(VALIDITY - INTERVAL);
    a.hears_back(&renewal, reply);
    assert!(!a.leads());
    assert_eq!(a.tells(), ["defeated by nobody: expired", "follower"]);
}

#[test]
fn whoever_asked_at_the_deadline_and_was_told_no_stays_right() {
    // The clock that the core was given lies before the deadline; another thread's question lay behind it.
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    let reply = network.applies(&renewal);
    let before = network.now();
    assert!(!a.tenure.is_valid(|| before + std::time::Duration::from_secs(1)));
    a.hears_back(&renewal, reply);
    assert!(!a.leads());
    assert_eq!(a.tells(), ["defeated by nobody: expired", "follower"]);
    run(&mut [&mut a], LEASE);
    assert!(a.leads(), "in a term of its own");
    assert_eq!(a.tells(), ["candidate", "elected", "leader"]);
}

#[test]
fn the_expired_record_is_released_and_others_come_first() {
    let network = Network::new();
    let mut b = network.node("b");
    let mut a = expired(&network);
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(network.holder(), None);
    assert_eq!(a.rests(), Some(INTERVAL), "it stands back");
    b.starts();
    assert_eq!(b.settles(), ["peek", "take"]);
    a.listens();
    run(&mut [&mut a, &mut b], LEASE);
    assert_eq!(a.follows(), Some("b"));
}

#[test]
fn an_expired_leader_alone_leads_again_in_a_higher_term() {
    let network = Network::new();
    let mut a = expired(&network);
    let term = a.tenure.term();
    run(&mut [&mut a], INTERVAL);
    assert!(a.leads());
    assert!(a.tenure.term() > term);
    let tale = ["defeated by nobody: expired", "follower", "candidate", "elected", "leader"];
    assert_eq!(a.tells(), tale);
}

#[test]
fn a_node_that_slept_past_its_deadline_wakes_as_a_follower() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(5 * LEASE);
    assert!(!a.leads(), "the first question after waking");
    run(&mut [&mut b], LEASE);
    assert!(b.leads());
    run(&mut [&mut a, &mut b], LEASE);
    assert_eq!(a.follows(), Some("b"));
    assert_eq!(a.tells(), ["defeated by nobody: expired", "follower"]);
}

#[test]
fn an_expired_leader_whose_record_was_taken_releases_nothing_of_the_others() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    run(&mut [&mut b], 2 * LEASE);
    assert!(b.leads());
    let (act, reply) = a.acts().unwrap();
    assert_eq!((act, reply.granted), ("release", false));
    assert_eq!(network.holder().as_deref(), Some("b"));
    assert_eq!(a.follows(), Some("b"));
}

#[test]
fn the_leader_is_forgotten_with_the_expiry() {
    let network = Network::new();
    let mut a = expired(&network);
    a.polls();
    let forgotten = |event: &Event| matches!(event, Event::LeaderChanged { leader: None, .. });
    assert_eq!(a.events().iter().filter(|event| forgotten(event)).count(), 1);
}

/// Whoever asks at the deadline latches it. This is the other case: the answer comes first, from a node that nobody asked.
#[test]
fn an_answer_after_the_deadline_is_too_late_even_if_nobody_asked_in_between() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    let reply = network.applies(&renewal);
    let late = network.now() + Duration::from_millis(VALIDITY - 1);
    a.election.handle_reply(late, renewal.id, reply);
    assert_eq!(a.tells(), ["defeated by nobody: expired", "follower"]);
    assert_eq!(a.tenure.deadline(), None);
}
