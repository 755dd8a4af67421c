//! A grant that is kept to itself: the register is held and renewed, and nobody leads by it before it is admitted.

use super::kit::*;
use crate::election::{Event, InstanceId, Loss, Role};

/// `a` holds the register, and waits for its admission.
fn holder(network: &Network) -> Node {
    let mut a = network.node("a");
    a.election.withhold_grants();
    a.starts();
    run(&mut [&mut a], 2 * LEASE);
    assert_eq!(network.holder().as_deref(), Some("a"));
    a
}

fn is_admitted(a: &mut Node, network: &Network) {
    a.election.handle_admission(network.now());
    network.check();
}

#[test]
fn whoever_waits_for_admission_holds_and_renews_and_does_not_lead() {
    let network = Network::new();
    let mut a = holder(&network);
    assert!(a.election.awaits_admission());
    assert!(!a.leads());
    assert_eq!(a.tenure.role(|| network.now()), Role::Candidate);
    assert_eq!(a.tells(), ["candidate"]);
    let mut b = network.follower("b");
    run(&mut [&mut a, &mut b], 5 * LEASE);
    assert_eq!(b.follows(), Some("a"), "the others take it for the leader that it is about to be");
    assert!(!a.leads());
    assert_eq!(a.tells(), [""; 0]);
}

#[test]
fn once_admitted_it_leads_for_as_long_as_its_last_renewal_allows() {
    let network = Network::new();
    let mut a = holder(&network);
    a.events();
    let since_renewal = INTERVAL - a.rests().unwrap();
    is_admitted(&mut a, &network);
    assert!(a.leads() && !a.election.awaits_admission());
    assert_eq!(a.tells(), ["elected", "leader"]);
    assert_eq!(a.follows(), Some("a"));
    assert_eq!(a.tenure.term(), network.stored().term);
    network.passes(VALIDITY - since_renewal - 1);
    assert!(a.leads());
    network.passes(1);
    assert!(!a.leads());
}

#[test]
fn a_leader_that_was_admitted_is_extended_by_its_renewals() {
    let network = Network::new();
    let mut a = holder(&network);
    is_admitted(&mut a, &network);
    run(&mut [&mut a], 10 * LEASE);
    assert!(a.leads());
}

#[test]
fn the_next_grant_waits_for_an_admission_of_its_own() {
    let network = Network::new();
    let mut a = holder(&network);
    is_admitted(&mut a, &network);
    a.reelects();
    a.drains();
    run(&mut [&mut a], 2 * LEASE);
    assert!(a.election.awaits_admission() && !a.leads());
    assert_eq!(network.holder().as_deref(), Some("a"));
}

#[test]
fn an_admission_that_comes_after_the_reign_has_run_out_is_none() {
    let network = Network::new();
    let mut a = holder(&network);
    a.events();
    network.passes(VALIDITY);
    is_admitted(&mut a, &network);
    assert!(!a.leads());
    assert_eq!(a.tells(), ["defeated by nobody: expired", "follower"]);
    assert_eq!(a.acts().unwrap().0, "release", "the register still names it");
}

#[test]
fn without_a_grant_there_is_nothing_to_admit() {
    let network = Network::new();
    let mut leader = network.leader("x");
    let mut a = network.follower("a");
    is_admitted(&mut a, &network);
    run(&mut [&mut leader, &mut a], 2 * LEASE);
    assert!(leader.leads() && !a.leads());
    assert_eq!(a.tells(), [""; 0]);
}

#[test]
fn a_stop_releases_at_once_what_nobody_was_told_of() {
    let network = Network::new();
    let mut a = holder(&network);
    a.events();
    a.stops();
    is_admitted(&mut a, &network);
    assert!(!a.leads());
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(network.holder(), None);
    let events = a.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Draining { .. })), "{events:?}");
    assert_eq!(events.last(), Some(&Event::Stopped));
}

#[test]
fn a_stop_that_the_election_has_still_to_hear_of_forbids_the_admission() {
    let network = Network::new();
    let mut a = holder(&network);
    a.tenure.close();
    is_admitted(&mut a, &network);
    assert!(a.election.awaits_admission());
}

#[test]
fn it_may_be_given_up_before_it_is_told() {
    let network = Network::new();
    for (give_up, reason) in [
        ((|a: &mut Node| a.reelects()) as fn(&mut Node), None),
        (|a: &mut Node| a.transfers("b"), Some(Loss::Transferred)),
    ] {
        let mut a = holder(&network);
        a.events();
        give_up(&mut a);
        assert_eq!(a.settles(), ["release"]);
        let events = a.events();
        assert_eq!(events.iter().filter(|event| **event == Event::Released).count(), 1);
        let lost = events.iter().find_map(|event| match event {
            Event::Defeated { reason, .. } => Some(*reason),
            _ => None,
        });
        assert_eq!(lost, reason);
        a.stops();
        a.settles();
    }
}

#[test]
fn one_that_was_replaced_before_it_was_told_follows() {
    let network = Network::new();
    let mut a = holder(&network);
    a.events();
    let stored = network.stored();
    let holder = Some(crate::election::Holder::new(&InstanceId::new("x"), 1));
    let term = crate::election::Term(stored.term.0 + 1);
    network.restores(Some(crate::election::Record { holder, term, ..stored }));
    network.passes(a.rests().unwrap());
    a.acts();
    is_admitted(&mut a, &network);
    assert!(!a.leads());
    assert_eq!(a.follows(), Some("x"));
}

#[test]
fn the_leader_before_it_is_forgotten_at_the_grant() {
    let network = Network::new();
    let leader = network.leader("x");
    let mut a = network.node("a");
    a.election.withhold_grants();
    a.starts();
    a.settles();
    assert_eq!(a.follows(), Some("x"));
    network.passes(VALIDITY);
    assert!(!leader.leads());
    run(&mut [&mut a], LEASE);
    assert!(a.election.awaits_admission());
    assert_eq!(a.follows(), None);
}
