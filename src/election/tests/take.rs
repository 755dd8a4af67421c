//! How a node comes to lead: what it takes, when, and which grant it believes.

use super::kit::*;
use crate::election::{Command, Event, Holder, InstanceId, Role, Stamp, Term};

#[test]
fn the_first_node_on_an_empty_register_watches_the_placeholder_for_a_lease() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    assert_eq!(a.settles(), ["peek", "peek"], "the first was no sight");
    network.passes(LEASE - 1);
    assert_eq!(a.settles(), [""; 0]);
    network.passes(1);
    assert_eq!(a.settles(), ["take"]);
    assert!(a.leads());
}

#[test]
fn a_vacancy_left_on_this_server_is_taken_at_once() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.stops();
    a.drains();
    a.settles();
    let mut b = network.node("b");
    b.starts();
    assert_eq!(b.settles(), ["peek", "take"]);
    assert!(b.leads());
}

#[test]
fn who_starts_under_a_standing_leader_follows_at_once_and_takes_nothing() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.node("b");
    b.starts();
    assert_eq!(b.settles(), ["peek"]);
    assert_eq!(b.follows(), Some("a"));
    assert_eq!(b.election.role(), Role::Follower);
    assert_eq!(b.tenure.term(), network.stored().term);
}

/// A node whose take is on its way.
fn taking(network: &Network) -> (Node, crate::election::Request) {
    let mut a = network.node("a");
    a.starts();
    a.settles();
    network.passes(LEASE);
    let take = a.sends();
    assert_eq!(take.command.name(), "take");
    (a, take)
}

#[test]
fn leadership_is_dated_from_the_sending_of_the_take() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    network.passes(70);
    let reply = network.applies(&take);
    network.passes(70);
    a.hears_back(&take, reply);
    assert!(a.leads());
    network.passes(VALIDITY - 140 - 1);
    assert!(a.leads());
    network.passes(1);
    assert!(!a.leads());
}

#[test]
fn a_grant_that_arrives_when_its_validity_is_over_is_void_for_good() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    let reply = network.applies(&take);
    network.passes(VALIDITY);
    a.hears_back(&take, reply);
    assert!(!a.leads());
    assert!(!a.tells().contains(&"elected".to_owned()));
    // It gives back what it was granted, and lets others come first.
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(network.holder(), None);
    network.passes(INTERVAL - 1);
    assert_eq!(a.settles(), [""; 0]);
    network.passes(1);
    assert_eq!(a.settles(), ["take"]);
    assert!(a.leads());
}

#[test]
fn a_take_whose_answer_was_lost_is_given_back_and_never_adopted() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    let reply = network.applies(&take);
    network.passes(144);
    a.gives_up(&take);
    network.passes(INTERVAL - 144);
    assert!(a.settles().contains(&"release"));
    assert!(!a.leads());
    assert_eq!(network.holder(), None);
    a.hears_back(&take, reply);
    assert!(!a.leads(), "the answer came after all, too late");
    run(&mut [&mut a], INTERVAL);
    assert!(a.leads(), "a term of its own");
}

#[test]
fn while_a_take_is_under_way_nothing_else_is_sent() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    for _ in 0..20 {
        network.passes(100);
        a.misses_the_news();
        assert!(a.polls().is_none());
        assert_eq!(a.rests(), None);
    }
    a.gives_up(&take);
    assert!(a.polls().is_some(), "and then it goes on");
}

#[test]
fn a_grant_is_believed_only_if_it_names_this_very_take() {
    let distortions: [fn(&mut crate::election::Reply); 5] = [
        |reply| reply.shown.record.holder = Some(Holder::new(&InstanceId::new("a"), 0)),
        |reply| reply.shown.record.holder = None,
        |reply| reply.shown.record.stamp = Stamp::new(0),
        |reply| reply.shown.record.term = Term::ZERO,
        |reply| reply.shown.record.term = Term::LIMIT,
    ];
    for distort in distortions {
        let network = Network::new();
        let (mut a, take) = taking(&network);
        let mut reply = network.applies(&take);
        distort(&mut reply);
        a.hears_back(&take, reply);
        assert!(!a.leads());
        assert!(!a.events().iter().any(|event| matches!(event, Event::Elected { .. })));
    }
}

#[test]
fn a_take_names_the_floor_that_was_read_and_the_term_rises_above_it() {
    let network = Network::new();
    let mut b = network.follower_of_a_term(9_000_000_000_000);
    network.wipes();
    run(&mut [&mut b], 3 * LEASE);
    assert!(b.leads());
    assert_eq!(network.stored().term, Term(9_000_000_000_001));
}

#[test]
fn the_floor_outlives_stop_and_start() {
    let network = Network::new();
    let mut b = network.follower_of_a_term(9_000_000_000_000);
    b.stops();
    b.settles();
    network.wipes();
    b.starts();
    run(&mut [&mut b], 3 * LEASE);
    assert!(b.leads());
    assert_eq!(network.stored().term, Term(9_000_000_000_001));
}

#[test]
fn a_refused_take_shows_the_winner() {
    let network = Network::new();
    let mut a = network.leader("a");
    let (mut b, mut c) = (network.follower("b"), network.follower("c"));
    a.stops();
    a.drains();
    a.settles();
    b.listens();
    c.listens();
    let (of_b, of_c) = (b.sends(), c.sends());
    let (to_b, to_c) = (network.applies(&of_b), network.applies(&of_c));
    c.hears_back(&of_c, to_c);
    b.hears_back(&of_b, to_b);
    assert!(b.leads() && !c.leads());
    assert_eq!(c.follows(), Some("b"));
    assert_eq!(c.tells(), ["candidate", "defeated by b: lost", "follower"]);
}

#[test]
fn every_command_bears_a_stamp_of_its_own() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    let mut stamps = Vec::new();
    for round in 0..60 {
        if let Some(request) = a.polls() {
            let reply = network.applies(&request);
            let stamp = request.command.stamp().clone();
            assert!(!stamps.contains(&stamp));
            let bits = u64::from_str_radix(stamp.as_str(), 16).expect("sixteen digits");
            let is_near = |other: &Stamp| {
                u64::from_str_radix(other.as_str(), 16).unwrap().abs_diff(bits) < 1 << 20
            };
            assert!(!stamps.iter().any(is_near), "a stamp that can be foreseen");
            stamps.push(stamp);
            if round % 7 == 3 && !matches!(request.command, Command::Take { .. }) {
                a.gives_up(&request);
            } else {
                a.hears_back(&request, reply);
            }
        }
        network.passes(80);
    }
    assert!(stamps.len() > 20);
}

/// The registry's scripts read the register, too, and their answer may overtake the take's own.
#[test]
fn a_read_that_shows_the_grant_before_its_answer_does_not_void_it() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    a.settles();
    network.passes(LEASE);
    let take = a.sends();
    let reply = network.applies(&take);
    a.observes();
    a.hears_back(&take, reply);
    assert!(a.leads());
}
